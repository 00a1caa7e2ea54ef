package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/sender"
)

func statusCommand(env *cli.Env) *cobra.Command {
	var path, socket string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the queue and what was sent",
		Args:  cobra.NoArgs,
		Example: `  pawl-send status
  pawl-send status --json | jq .queue`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := socketPath(path, socket)
			if err != nil {
				return err
			}
			s, err := sender.AskStatus(cmd.Context(), at)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(env.Stdout)
				enc.SetIndent("", "  ")
				return enc.Encode(s)
			}
			return showStatus(env.Stdout, &s)
		},
	}
	configFlag(cmd, &path)
	socketFlag(cmd, &socket)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the status as JSON")
	return cmd
}

// showStatus prints a status for people.
func showStatus(w io.Writer, s *sender.Status) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "running since\t%s\tversion %s\n", s.Started.Format(time.DateTime), s.Version)
	fmt.Fprintf(t, "link\t%s of %v\tby %s, session %d\n", humanize.SIWithDigits(float64(s.RateNow), 1, "bit/s"), conf.Rate(s.Rate), s.Method, s.Session)
	if s.LinkFault != "" {
		fmt.Fprintf(t, "LINK\trefuses packets: %s\n", s.LinkFault)
	}
	for _, l := range s.Links {
		state := fmt.Sprintf("by %s, session %d", l.Method, l.Session)
		if l.Down {
			state = "GIVEN UP: the others go on without it"
		}
		fmt.Fprintf(t, "  link %d\t%s packets of %v\t%s", l.Link, humanize.Comma(int64(l.Packets)), conf.Rate(l.Rate), state)
		if l.GivenUp > 0 {
			fmt.Fprintf(t, ", %s packets given up", humanize.Comma(int64(l.GivenUp)))
		}
		fmt.Fprintln(t)
	}
	if s.Warning != "" {
		fmt.Fprintf(t, "WARNING\t%s\n", s.Warning)
	}
	fmt.Fprintf(t, "sent\t%d transfers, %s\t%s packets\n", s.Sent, humanize.IBytes(s.Bytes), humanize.Comma(int64(s.Packets)))
	fmt.Fprintf(t, "not sent\t%d aborted, %d refused\n", s.Aborted, s.Refused)
	fmt.Fprintf(t, "queue\t%d transfers, %s", s.Queue, humanize.IBytes(s.QueueSize))
	if !s.Oldest.IsZero() {
		fmt.Fprintf(t, "\tthe oldest since %s", s.Oldest.Format(time.DateTime))
	}
	fmt.Fprintf(t, "\ndisk\t%s free where the outboxes are\n", humanize.IBytes(s.Room))
	fmt.Fprintf(t, "planned for\t%.4g %% random loss, outages of %v\n", 100*s.Loss, time.Duration(s.BurstMS)*time.Millisecond)
	showAudit(t, s.Audit)
	if s.Fault != nil {
		fmt.Fprintf(t, "last error\t%s\tat %s\n", s.Fault.Text, s.Fault.When.Format(time.DateTime))
	}
	showChannels(t, s.Channels)
	for _, tr := range s.Transfers {
		fmt.Fprintf(t, "  %s\t%s/%q\t%s, pass %d of %d, %s of %s\n", tr.ID, tr.Channel, tr.Name, tr.State, tr.Pass, tr.Passes,
			humanize.IBytes(tr.Bytes), humanize.IBytes(tr.Total))
	}
	for i := range s.Intake {
		showIntake(t, &s.Intake[i])
	}
	return t.Flush()
}

func checkCommand(env *cli.Env) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "check-config",
		Short: "Check the configuration and the key files, print the plan, and start nothing",
		Long: `Check-config reads everything that run would read, and opens nothing: the configuration, its profile and keys,
whether the folders are there or can be made (not whether the service's user may write there), and the plan that
follows from what is said of the link. It prints what is in force, defaults too, in the form of the file. A mistake
is named with file and line, and what to write instead.`,
		Args:    cobra.NoArgs,
		Example: "  pawl-send check-config -c /etc/pawl/pawl-send.toml",
		RunE: func(*cobra.Command, []string) error {
			c, err := load(path)
			if err != nil {
				return err
			}
			cfg, err := c.sender()
			if err == nil {
				err = c.checkFolders()
			}
			if err != nil {
				return conf.Locate(path, err)
			}
			if err := c.SFTP.checkKeys(); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if err := c.Console.checkFiles(); err != nil {
				return conf.Locate(path, err)
			}
			if err := showPlan(env.Stdout, path, c, &cfg); err != nil {
				return err
			}
			return c.Console.show(env.Stdout)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// showPlan prints what the configuration means for a small and a large transfer.
func showPlan(w io.Writer, path string, c *config, cfg *sender.Config) error {
	fmt.Fprintf(w, "%s is good: %d channels, %v at MTU %d, seal %s\n", path, len(c.Channels), conf.Rate(cfg.Forecast.Rate), c.Link.MTU, c.Seal)
	if links := 1 + len(c.Link.More); links > 1 {
		fmt.Fprintf(w, "%d links share the packets, of which %d may be lost\n", links, c.Link.Survive)
	}
	if err := conf.Effective(w, c.effective()); err != nil {
		return err
	}
	for _, assumption := range cfg.Forecast.Assumptions() {
		fmt.Fprintf(w, "assumed: %s\n", assumption)
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "object\tcode\tK+R\tdepth\tcopies\toverhead\tfails with")
	for _, size := range []uint64{1 << 10, 1 << 20, 1 << 30} {
		p, err := cfg.Forecast.Plan(size)
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "%s\t%v\t%d+%d\t%d\t%d\t%.1f%%\t%.1e\n", humanize.IBytes(size), p.Code, p.K, p.R, p.Depth, p.Copies, 100*p.Overhead, p.Residual)
	}
	return t.Flush()
}
