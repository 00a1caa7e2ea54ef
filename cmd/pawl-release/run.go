package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/daemon"
	"pawl/cmd/internal/keyfile"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/hw/confine"
	"pawl/hw/watch"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
	"pawl/receiver/release/people"
)

func runCommand(env *cli.Env) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Check and release transfers as they come, until stopped",
		Long: `Run takes every transfer that pawl-receive completes, checks it, and releases, holds or rejects it. What
can't be released because of a full disk or an absent inbox is tried again. SIGHUP makes it read its
configuration and the sender's key again: it takes the whole of it, or refuses the whole of it and goes on with
the one before (docs/operations.md).`,
		Example: "  pawl-release run -c /etc/pawl/pawl-release.toml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return frame().Run(cmd.Context(), env, path)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// loaded is a configuration with the key that it names.
type loaded struct {
	path   string
	file   *config
	sender seal.SenderPublic
}

// frame is the daemon. All keys but those of Locked may change while it runs: the daemon is ended and begun anew, and a transfer that was being
// checked then is checked again.
func frame() daemon.Frame[*loaded] {
	return daemon.Frame[*loaded]{
		Program: "pawl-release",
		Load: func(path string) (*loaded, error) {
			c, err := load(path)
			if err != nil {
				return nil, err
			}
			key, err := keyfile.SenderPublic(c.Sender)
			if err = conf.At("sender", err); err == nil {
				err = c.checkReceiptKey()
			}
			if err != nil {
				return nil, conf.Locate(path, err)
			}
			all, err := c.registry(key)
			if err == nil {
				err = c.checkConsoleFiles(all)
			}
			if err != nil {
				return nil, conf.Locate(path, err)
			}
			_, err = c.Audit.describe()
			return &loaded{path, c, key}, conf.Locate(path, conf.At("audit.key", err))
		},
		File:    func(c *loaded) any { return c.file },
		Service: func(c *loaded) daemon.Service { return daemon.Service{Log: c.file.Log, Metrics: c.file.Metrics.Listen} },
		Locked: func(key string) bool {
			// Another quarantine has other transfers, whose approvals nobody here has seen, and another log another past; the
			// metrics' address is bound once.
			return key == "quarantine" || key == "metrics.listen" || strings.HasPrefix(key, "audit.")
		},
		Open: func(c *loaded, tools daemon.Tools) (daemon.Core, error) { return open(c, tools) },
	}
}

// open opens quarantine and gate, and watches what completes.
func open(c *loaded, tools daemon.Tools) (daemon.Core, error) {
	store, gate, err := c.file.gate("pawl-release", tools.Log)
	if err != nil {
		return nil, err
	}
	// Watched first and listed after, so that nothing falls in between.
	arrivals, err := watch.Open(store.Folder(quarantine.Complete))
	if err != nil {
		return nil, err
	}
	nudges := make(chan struct{}, 1)
	pages, err := c.file.openConsole(store, gate, func() { poke(nudges) }, tools.Log)
	if err != nil {
		arrivals.Close()
		return nil, conf.Locate(c.path, err)
	}
	stopped, err := c.file.begin(gate, c.path)
	if err != nil {
		arrivals.Close()
		pages.close()
		return nil, err
	}
	chronicle, err := c.file.chronicle(gate)
	if err == nil {
		err = c.file.enterPolicies(gate)
	}
	if err != nil {
		arrivals.Close()
		pages.close()
		return nil, errors.Join(err, stopped(err))
	}
	tools.Log.Info("releasing", zap.String("quarantine", c.file.Quarantine), zap.Int("channels", len(c.file.Channels)), zap.String("version", cli.Version()))
	for _, ch := range c.file.Channels {
		if ch.policy != nil && confine.Landlock() == 0 {
			tools.Log.Warn("the kernel has no Landlock: "+withoutLandlock(ch.policy), zap.String("channel", ch.Name))
		}
	}
	return &running{
		daemon: release.NewDaemon(gate, time.Duration(c.file.Rescan)), arrivals: arrivals, store: store, log: tools.Log,
		rescan: time.Duration(c.file.Rescan), root: c.file.Quarantine, opened: time.Now(), stopped: stopped, nudges: nudges, pages: pages, chronicle: chronicle,
	}, nil
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
		poke(nudges)
	}
}

// poke asks for a look through the quarantine, soon.
func poke(nudges chan<- struct{}) {
	select {
	case nudges <- struct{}{}:
	default:
	}
}

func checkCommand(env *cli.Env) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "check-config",
		Short: "Read the configuration and say what is wrong with it",
		Long: `Check-config reads everything that run would read, and opens nothing: the configuration, the policies, the sender's key,
and whether the folders are there. It says what each channel asks of a transfer and does with one that passes, and prints what is in
force, defaults too, in the form of the file, its paths in full; a max of 0 there is no bound but the format's. A mistake is named with
file and line, and what to write instead.`,
		Example: "  pawl-release check-config -c /etc/pawl/pawl-release.toml",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := load(path)
			if err != nil {
				return err
			}
			key, err := keyfile.SenderPublic(c.Sender)
			if err = conf.At("sender", err); err == nil {
				err = c.checkReceiptKey()
			}
			var all *people.Registry
			if err == nil {
				all, err = c.registry(key)
			}
			if err == nil {
				err = c.checkConsoleFiles(all)
			}
			if err == nil {
				err = c.checkFolders()
			}
			if err != nil {
				return conf.Locate(path, err)
			}
			if _, err := fmt.Fprintf(env.Stdout, "sender %s\n", key.Fingerprint()); err != nil {
				return err
			}
			log, err := c.Audit.describe()
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(env.Stdout, "audit %s\n", log); err != nil {
				return err
			}
			if err := c.writePeople(env.Stdout); err != nil {
				return err
			}
			if err := c.writeConsole(env.Stdout, all); err != nil {
				return err
			}
			for _, ch := range c.Channels {
				if _, err := fmt.Fprintf(env.Stdout, "channel %d %s: %s, inbox %s\n", ch.ID, framing.Printable(ch.Name, nameWidth), ch.Release, ch.place()); err != nil {
					return err
				}
				if err := writePolicy(env.Stdout, ch.policy); err != nil {
					return err
				}
			}
			if err := c.absolute(); err != nil {
				return err
			}
			return conf.Effective(env.Stdout, c)
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
