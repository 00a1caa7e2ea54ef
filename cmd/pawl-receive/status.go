package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/receiver"
)

// stale is the age from which a status is no longer that of a running receiver.
const stale = 5 * time.Second

func statusCommand(env *cli.Env) *cobra.Command {
	var path string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what arrives, what was lost and the low side as last heard",
		Args:  cobra.NoArgs,
		Example: `  pawl-receive status -c /etc/pawl/pawl-receive.toml
  pawl-receive status --json | jq .ledger`,
		RunE: func(*cobra.Command, []string) error {
			c, err := load(path)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(c.statusPath())
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is not there: pawl-receive has not run with this configuration", c.statusPath())
			}
			if err != nil {
				return err
			}
			if asJSON {
				_, err = env.Stdout.Write(data)
				return err
			}
			var s receiver.Status
			if err := json.Unmarshal(data, &s); err != nil {
				return fmt.Errorf("%s: %w", c.statusPath(), err)
			}
			return show(env.Stdout, &s, time.Now())
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the status as JSON")
	return cmd
}

// show prints a status for people.
func show(w io.Writer, s *receiver.Status, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	if age := now.Sub(s.Time); age > stale {
		fmt.Fprintf(t, "NOT RUNNING: this is the status of %s ago\n\n", age.Round(time.Second))
	}
	for _, w := range s.Warnings {
		fmt.Fprintf(t, "WARNING\t%s\n", w)
	}
	line := func(name string, c receiver.Count) {
		fmt.Fprintf(t, "  %s\t%s packets\t%s\n", name, humanize.Comma(int64(c.Packets)), humanize.IBytes(c.Bytes))
	}
	l := s.Ledger
	fmt.Fprintf(t, "running since\t%s\n", s.Started.Format(time.DateTime))
	line("received", l.Received)
	line("delivered", l.Delivered)
	line("repair", l.Repair)
	line("duplicate", l.Duplicate)
	line("control", l.Control)
	reasons := make([]string, 0, len(l.Rejected))
	for reason := range l.Rejected {
		reasons = append(reasons, reason)
	}
	slices.Sort(reasons)
	for _, reason := range reasons {
		line("rejected: "+reason, l.Rejected[reason])
	}
	fmt.Fprintf(t, "lost\t%s packets, of them %s in this machine's socket buffer\n", humanize.Comma(int64(s.PacketsLost)), humanize.Comma(int64(s.KernelDrops)))
	for i, n := range s.SocketDrops {
		fmt.Fprintf(t, "  socket %d\t%s packets in its buffer\n", i, humanize.Comma(int64(n)))
	}
	for _, one := range s.Sessions {
		fmt.Fprintf(t, "session %d\tlink %d: %s packets, %s lost, silent for %.1f s\n", one.Session, one.Link, humanize.Comma(int64(one.Packets)),
			humanize.Comma(int64(one.Lost)), one.SilentForMS/1000)
	}
	fmt.Fprintf(t, "transfers\t%d arriving, %d completed, %d put aside incomplete\n", s.Arriving, s.Completed, s.Incomplete)
	showOneWay(t, s)
	if s.LinkFault != "" {
		fmt.Fprintf(t, "LINK\tcan't be read: %s\n", s.LinkFault)
	}
	if s.DiskTrouble {
		fmt.Fprintln(t, "DISK\tthe quarantine's disk refuses what arrives: see the log")
	}
	for _, tr := range s.Transfers {
		fmt.Fprintf(t, "  %s\t%s\t%d of %d blocks, %s, silent for %.1f s\n", tr.ID, tr.Channel, tr.BlocksWritten, tr.Blocks,
			humanize.IBytes(tr.Length), tr.SilentForMS/1000)
	}
	if b := s.Beat; b == nil {
		fmt.Fprintln(t, "low side\tno beat heard")
	} else {
		fmt.Fprintf(t, "low side\theard %.1f s ago: version %q, %d waiting (%s, the oldest for %v), %s packets sent\n", b.HeardAgoMS/1000,
			b.Version, b.Queue, humanize.IBytes(b.QueueBytes), seconds(b.OldestS), humanize.Comma(int64(b.Packets)))
		fmt.Fprintf(t, "\tsends %s, plans for %.4g %% loss and outages of %v, has %s free\n", humanize.SIWithDigits(float64(b.Rate), 1, "bit/s"),
			100*b.Loss, seconds(b.BurstMS/1000), humanize.IBytes(b.Room))
		if b.Fault != "" {
			fmt.Fprintf(t, "\tits last error, %v before: %q\n", seconds(b.FaultAgoS), b.Fault)
		}
	}
	return t.Flush()
}

// seconds is a span for people.
func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond)
}

func checkCommand(env *cli.Env) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "check-config",
		Short: "Check the configuration and the key files, and start nothing",
		Long: `Check-config reads everything that run would read, and opens nothing: the configuration, the keys, and whether the
folders are there or can be made (not whether the service's user may write there). It prints what is in force, defaults
too, in the form of the file. A mistake is named with file and line, and what to write instead.`,
		Args:    cobra.NoArgs,
		Example: "  pawl-receive check-config -c /etc/pawl/pawl-receive.toml",
		RunE: func(*cobra.Command, []string) error {
			c, err := load(path)
			if err != nil {
				return err
			}
			if _, err = c.receiver(); err == nil {
				err = c.checkFolders()
			}
			if err != nil {
				return conf.Locate(path, err)
			}
			_, err = fmt.Fprintf(env.Stdout, "%s is good: %d channels, datagrams of MTU %d, seal %s\n", path, len(c.Channels), c.Link.MTU, c.Seal)
			if err != nil {
				return err
			}
			return conf.Effective(env.Stdout, c.effective())
		},
	}
	configFlag(cmd, &path)
	return cmd
}
