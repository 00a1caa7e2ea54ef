package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"pawl/cmd/internal/cli"
	"pawl/sender"
)

// errNotSent says that a path was refused or its transfer aborted.
var errNotSent = errors.New("not everything was sent")

func submitCommand(env *cli.Env) *cobra.Command {
	var path, socket, channel string
	var wait bool
	cmd := &cobra.Command{
		Use:   "submit PATH...",
		Short: "Hand files or folders to the daemon, which reads them where they are",
		Long: `submit hands each PATH to the running daemon as one transfer. The daemon reads it where it is: leave it
unchanged until it was sent, or its transfer is aborted on both sides. With --wait the command ends when all
are sent, and exits with 1 if one was refused or aborted. Sent does not mean arrived: nobody on the low
side can know that.`,
		Args: cobra.MinimumNArgs(1),
		Example: `  pawl-send submit --channel updates --wait release.tar
  pawl-send submit --socket /run/pawl/send.sock photos/ notes.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := socketPath(path, socket)
			if err != nil {
				return err
			}
			req := sender.Request{Channel: channel, Wait: wait}
			for _, arg := range args {
				abs, err := filepath.Abs(arg)
				if err != nil {
					return err
				}
				req.Paths = append(req.Paths, abs)
			}
			return submit(cmd.Context(), env, at, req)
		},
	}
	configFlag(cmd, &path)
	socketFlag(cmd, &socket)
	cmd.Flags().StringVar(&channel, "channel", "", "`NAME` or number of the channel; not needed if there is only one")
	cmd.Flags().BoolVar(&wait, "wait", false, "show progress until everything was sent")
	return cmd
}

func socketFlag(cmd *cobra.Command, socket *string) {
	cmd.Flags().StringVar(socket, "socket", "", "the daemon's `SOCKET`; default the configuration's")
}

// socketPath is where the daemon listens.
func socketPath(config, socket string) (string, error) {
	if socket != "" {
		return socket, nil
	}
	c, err := load(config)
	if err != nil {
		return "", fmt.Errorf("%w (or name the daemon's socket with --socket)", err)
	}
	return c.Socket, nil
}

// submit asks the daemon and shows its answers.
func submit(ctx context.Context, env *cli.Env, socket string, req sender.Request) error {
	show := newShow(env.Stderr, len(req.Paths))
	failed := 0
	err := sender.Submit(ctx, socket, req, func(p sender.Progress) {
		show.progress(p)
		if p.State == sender.StateRefused || p.State == sender.StateAborted {
			failed++
		}
	})
	show.end()
	if err == nil && failed > 0 {
		err = fmt.Errorf("%w: %d of %d", errNotSent, failed, len(req.Paths))
	}
	return err
}

// show shows progress: a bar on a terminal, a line for each change elsewhere.
type show struct {
	out   io.Writer
	bars  bool
	bar   *progressbar.ProgressBar
	shown string                  // the transfer that the bar is for
	told  map[string]sender.State // by path
	last  map[string]time.Time
}

// tellEvery is how often a line tells of a transfer that is being sent, where there is no terminal.
const tellEvery = 5 * time.Second

func newShow(out io.Writer, paths int) *show {
	f, ok := out.(*os.File)
	return &show{out: out, bars: ok && term.IsTerminal(int(f.Fd())), told: make(map[string]sender.State, paths), last: make(map[string]time.Time, paths)}
}

func (s *show) progress(p sender.Progress) {
	if p.State == sender.StateSending && s.bars {
		s.draw(p)
		return
	}
	if s.told[p.Source] == p.State && (p.State != sender.StateSending || time.Since(s.last[p.Source]) < tellEvery) {
		return
	}
	s.told[p.Source], s.last[p.Source] = p.State, time.Now()
	s.end()
	line := fmt.Sprintf("%s  %s", p.Source, p.State)
	if p.ID != "" {
		line += "  " + p.ID
	}
	if p.State == sender.StateSending {
		line += fmt.Sprintf("  %s of %s", humanize.IBytes(p.Bytes), humanize.IBytes(p.Total))
	}
	if p.Passes > 1 && p.Pass > 0 {
		line += fmt.Sprintf("  pass %d of %d", p.Pass, p.Passes)
	}
	if p.Error != "" {
		line += "  " + p.Error
	}
	fmt.Fprintln(s.out, line)
}

// draw moves the bar of the transfer and pass that are being sent.
func (s *show) draw(p sender.Progress) {
	label := filepath.Base(p.Source)
	if p.Passes > 1 {
		label += fmt.Sprintf(" (%d/%d)", p.Pass, p.Passes)
	}
	if s.bar == nil || s.shown != label {
		s.end()
		s.shown = label
		s.bar = progressbar.NewOptions64(int64(p.Total), progressbar.OptionSetWriter(s.out), progressbar.OptionSetDescription(label),
			progressbar.OptionShowBytes(true), progressbar.OptionUseIECUnits(true), progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	}
	_ = s.bar.Set64(int64(p.Bytes)) // a terminal that is gone must not stop the waiting
}

// end takes the bar away, so that a line can be written.
func (s *show) end() {
	if s.bar != nil {
		_ = s.bar.Clear()
		s.bar = nil
	}
}
