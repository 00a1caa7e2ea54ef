package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/hw/confine"
	"pawl/hw/watch"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

func runCommand(env *cli.Env) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Check and release transfers as they come, until stopped",
		Long: `Run takes every transfer that pawl-receive completes, checks it, and releases, holds or rejects it. What
can't be released because of a full disk or an absent inbox is tried again.`,
		Example: "  pawl-release run -c /etc/pawl/pawl-release.toml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(path)
			if err != nil {
				return err
			}
			return run(cmd.Context(), env, c)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// run releases until ctx ends; that is no failure.
func run(ctx context.Context, env *cli.Env, c *config) error {
	log := env.Logger(c.Log)
	defer func() { _ = log.Sync() }()
	store, gate, err := c.gate("pawl-release", log)
	if err != nil {
		return err
	}
	// Watched first and listed after, so that nothing falls in between.
	arrivals, err := watch.Open(store.Folder(quarantine.Complete))
	if err != nil {
		return err
	}
	defer arrivals.Close()
	log.Info("releasing", zap.String("quarantine", c.Quarantine), zap.Int("channels", len(c.Channels)), zap.String("version", cli.Version()))
	for _, ch := range c.Channels {
		if ch.policy != nil && confine.Landlock() == 0 {
			log.Warn("the kernel has no Landlock: "+withoutLandlock(ch.policy), zap.String("channel", ch.Name))
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, func() { arrivals.Close() })
	nudges := make(chan struct{}, 1)
	group.Go(func() error { return nudge(arrivals, nudges) })
	group.Go(func() error {
		defer stop()
		return release.NewDaemon(gate, time.Duration(c.Rescan)).Run(ctx, nudges)
	})
	err = group.Wait()
	log.Info("stopped")
	return err
}

// nudge turns what happens in the folder into nudges. Many in a row are one.
func nudge(arrivals *watch.Folder, nudges chan<- struct{}) error {
	for {
		_, err := arrivals.Next()
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return err // without its quarantine the program is of no use: the service manager starts it again
		}
		select {
		case nudges <- struct{}{}:
		default:
		}
	}
}

func checkCommand(env *cli.Env) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "check-config",
		Short: "Read the configuration and say what is wrong with it",
		Long: `Check-config reads the configuration, the policies and the sender's key and opens nothing else. It says what each
channel asks of a transfer and does with one that passes.`,
		Example: "  pawl-release check-config -c /etc/pawl/pawl-release.toml",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := load(path)
			if err != nil {
				return err
			}
			key, err := keyfile.SenderPublic(c.Sender)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(env.Stdout, "sender %s\n", key.Fingerprint()); err != nil {
				return err
			}
			for _, ch := range c.Channels {
				if _, err := fmt.Fprintf(env.Stdout, "channel %d %s: %s, inbox %s\n", ch.ID, release.Printable(ch.Name, nameWidth), ch.Release, ch.Inbox); err != nil {
					return err
				}
				if err := writePolicy(env.Stdout, ch.policy); err != nil {
					return err
				}
			}
			return nil
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// withoutLandlock says what a policy makes of a kernel that can't confine as it should.
func withoutLandlock(p *check.Policy) string {
	if p.Best {
		return "checkers are confined by seccomp alone"
	}
	return "checks that look into content say no (confine = \"best\" lets them run)"
}

// writePolicy says what is asked of a channel's content.
func writePolicy(w io.Writer, p *check.Policy) error {
	if p == nil {
		_, err := fmt.Fprintln(w, "  no policy: nothing is asked of its content")
		return err
	}
	digest := p.Digest()
	_, err := fmt.Fprintf(w, "  policy sha256:%x: %s\n", digest, strings.Join(p.Checks(), ", "))
	if err == nil && confine.Landlock() == 0 {
		_, err = fmt.Fprintf(w, "  WARNING: the kernel has no Landlock: %s\n", withoutLandlock(p))
	}
	return err
}
