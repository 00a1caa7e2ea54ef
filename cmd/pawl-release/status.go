package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/framing"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

const (
	// stale is the age from which what pawl-receive says is no longer that of a running program.
	stale = 5 * time.Second
	// textWidth bounds the low side's words in the status, in characters.
	textWidth = 120
)

// overview is what `status` tells.
type overview struct {
	States    map[quarantine.State]int `json:"states"`          // how many transfers are in each
	Receiving *quarantine.Situation    `json:"receiving"`       // as pawl-receive last said; null: it never did
	Stale     bool                     `json:"stale"`           // that was long ago: pawl-receive does not run
	Alarm     string                   `json:"alarm,omitempty"` // what the audit log says against the low side's log
	Releasing *release.News            `json:"releasing"`       // as pawl-release run last said; null: it never did
	Silent    bool                     `json:"silent"`          // that was long ago: it does not run
}

func statusCommand(env *cli.Env) *cobra.Command {
	var path string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what waits, what arrives and the low side as last heard",
		Long: `Status shows how many transfers are in each state, what pawl-receive says of the link, and the low side as it was
last heard. It warns when pawl-release run does not run, can't write its audit log or can't move a transfer on, when beats stop, when the low side's queue grows, when an announced transfer never came and when
an expected one is overdue (expect in pawl-receive.toml).

The exit code is 1 if there is a warning.`,
		Example: `  pawl-release status
  pawl-release status --json | jq '.receiving.warnings[]'`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := load(path)
			if err != nil {
				return err
			}
			o, err := look(c.Quarantine, time.Now())
			if err != nil {
				return err
			}
			o.Alarm = c.Audit.lowAlarm(time.Now())
			if asJSON {
				enc := json.NewEncoder(env.Stdout)
				enc.SetIndent("", "  ")
				err = enc.Encode(o)
			} else {
				err = o.show(env.Stdout, time.Now())
			}
			return errors.Join(err, o.trouble())
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return cmd
}

// look gathers an overview of a quarantine.
func look(root string, now time.Time) (*overview, error) {
	store, err := quarantine.View(root)
	if err != nil {
		return nil, err
	}
	o := &overview{States: map[quarantine.State]int{}}
	for _, st := range quarantine.States() {
		ids, err := store.List(st)
		if err != nil {
			return nil, err
		}
		o.States[st] = len(ids)
	}
	o.Releasing, err = release.ReadNews(root)
	if err != nil && !errors.Is(err, release.ErrNoNews) {
		return nil, err
	}
	o.Silent = o.Releasing != nil && now.Sub(o.Releasing.Time) > release.Stale
	o.Receiving, err = quarantine.ReadSituation(root)
	if errors.Is(err, quarantine.ErrNoSituation) {
		return o, nil
	}
	if err == nil {
		o.Stale = now.Sub(o.Receiving.Time) > stale
	}
	return o, err
}

// trouble is the error that makes the exit code 1.
func (o *overview) trouble() error {
	if err := o.releaseTrouble(); err != nil {
		return err
	}
	switch {
	case o.Receiving == nil:
		return quarantine.ErrNoSituation
	case o.Stale:
		return errors.New("pawl-receive does not run: what the low side sends now is lost")
	case len(o.Receiving.Warnings) > 0:
		return fmt.Errorf("%d warnings", len(o.Receiving.Warnings))
	case o.Alarm != "":
		return errors.New("1 warning")
	}
	return nil
}

// releaseTrouble is what pawl-release run says of itself, or that it says nothing.
func (o *overview) releaseTrouble() error {
	switch {
	case o.Releasing == nil:
		return release.ErrNoNews
	case o.Silent:
		return errors.New("pawl-release run does not run: nothing is released")
	case len(o.Releasing.Warnings()) > 0:
		return fmt.Errorf("%d warnings of pawl-release run", len(o.Releasing.Warnings()))
	}
	return nil
}

// show prints an overview for people.
func (o *overview) show(w io.Writer, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, st := range quarantine.States() {
		fmt.Fprintf(t, "%s\t%d transfers\n", st, o.States[st])
	}
	if n := o.Releasing; n != nil {
		if o.Silent {
			fmt.Fprintf(t, "\nNOT RELEASING: pawl-release run was last heard %s ago\n", now.Sub(n.Time).Round(time.Second))
		}
		for _, warning := range n.Warnings() {
			fmt.Fprintf(t, "WARNING\t%s\n", warning)
		}
	}
	r := o.Receiving
	if r == nil {
		return t.Flush()
	}
	if o.Stale {
		fmt.Fprintf(t, "\nNOT RECEIVING: the rest is from %s ago\n", now.Sub(r.Time).Round(time.Second))
	}
	if o.Alarm != "" {
		fmt.Fprintf(t, "WARNING\t%s\n", o.Alarm)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(t, "WARNING\t%s\n", warning)
	}
	if r.DiskTrouble {
		fmt.Fprintln(t, "DISK\tthe quarantine's disk refuses what arrives: see pawl-receive's log")
	}
	fmt.Fprintf(t, "link\t%s packets received, %s lost, of them %s in this machine's socket buffers\n", humanize.Comma(int64(r.Ledger.Received.Packets)),
		humanize.Comma(int64(r.PacketsLost)), humanize.Comma(int64(r.KernelDrops)))
	for _, a := range r.Transfers {
		fmt.Fprintf(t, "  %s\t%s: %d of %d blocks of %s\n", a.ID, a.Channel, a.BlocksWritten, a.Blocks, humanize.IBytes(a.Length))
	}
	showBeat(t, r.Beat)
	return t.Flush()
}

// showBeat prints the low side as last heard; its words are escaped and capped.
func showBeat(w io.Writer, b *quarantine.Beat) {
	if b == nil {
		fmt.Fprintln(w, "low side\tno beat heard")
		return
	}
	fmt.Fprintf(w, "low side\theard %.1f s ago: version %s, up %v\n", b.HeardAgoMS/1000, framing.Printable(b.Version, textWidth), seconds(b.UptimeS))
	fmt.Fprintf(w, "  its queue\t%d transfers, %s, the oldest for %v\n", b.Queue, humanize.IBytes(b.QueueBytes), seconds(b.OldestS))
	fmt.Fprintf(w, "  it did\t%d sent, %d aborted, %d refused\n", b.Sent, b.Aborted, b.Refused)
	fmt.Fprintf(w, "  it plans for\t%.4g %% random loss, outages of %v, at %s\n", 100*b.Loss, burst(b.BurstMS), humanize.SIWithDigits(float64(b.Rate), 1, "bit/s"))
	fmt.Fprintf(w, "  its audit log\t%s entries\n", humanize.Comma(int64(min(b.LogSize, math.MaxInt64))))
	fmt.Fprintf(w, "  its disk\t%s free\n", humanize.IBytes(b.Room))
	if b.Fault != "" {
		fmt.Fprintf(w, "  its last error\t%s, %v before that beat\n", framing.Printable(b.Fault, textWidth), seconds(b.FaultAgoS))
	}
}

// seconds is a span for people.
func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Second)
}

// burst is an outage for people, as pawl-receive and the console write it.
func burst(ms float64) time.Duration {
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Millisecond)
}
