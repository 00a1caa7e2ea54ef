package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/sender"
)

// ask is what the commands about the queue have in common: where the daemon is, and in which form it answers.
type ask struct {
	env    *cli.Env
	config string
	socket string
	json   bool
}

func (a *ask) flags(cmd *cobra.Command) *cobra.Command {
	configFlag(cmd, &a.config)
	socketFlag(cmd, &a.socket)
	cmd.Flags().BoolVar(&a.json, "json", false, "print the answer as JSON")
	return cmd
}

// do asks the daemon, and prints the answer with show unless JSON is wanted.
func do[V any](cmd *cobra.Command, a *ask, req sender.Request, show func(io.Writer, *V) error) error {
	at, err := socketPath(a.config, a.socket)
	if err != nil {
		return err
	}
	var answer V
	if err := sender.Ask(cmd.Context(), at, req, &answer); err != nil {
		return err
	}
	if a.json {
		enc := json.NewEncoder(a.env.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(&answer)
	}
	return show(a.env.Stdout, &answer)
}

func queueCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	var channel string
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "List what waits or is being sent, and when it is expected to have left",
		Args:  cobra.NoArgs,
		Example: `  pawl-send queue
  pawl-send queue --channel updates
  pawl-send queue --json | jq '.transfers[] | select(.eta == null) | .id'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpQueue, Channel: channel}, showQueue)
		},
	}
	cmd.Flags().StringVar(&channel, "channel", "", "`NAME` or number of the channel; default all")
	return a.flags(cmd)
}

func showCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	return a.flags(&cobra.Command{
		Use:     "show ID",
		Short:   "Show all that is known of one transfer, also when it is finished",
		Args:    cobra.ExactArgs(1),
		Example: "  pawl-send show 1-019a2b3c4d5e6f70",
		RunE: func(cmd *cobra.Command, args []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpShow, ID: args[0]}, showDetails)
		},
	})
}

func cancelCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	var reason string
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "Give a transfer up; the high side is told if any of it was sent",
		Long: `cancel gives a transfer up. If any of it was sent, the high side is told by an aborted proof and rejects it; what
is complete there already stays. The entry is in refused/ID afterwards, with the reason.`,
		Args:    cobra.ExactArgs(1),
		Example: `  pawl-send cancel 1-019a2b3c4d5e6f70 --reason "wrong version"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpCancel, ID: args[0], Reason: reason}, showEntry)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` for people on both sides")
	return a.flags(cmd)
}

func holdCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	return a.flags(&cobra.Command{
		Use:   "hold ID|CHANNEL",
		Short: "Let a transfer or a whole channel wait until it is resumed, also over a restart",
		Args:  cobra.ExactArgs(1),
		Example: `  pawl-send hold 1-019a2b3c4d5e6f70
  pawl-send hold updates`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpHold, ID: args[0]}, showHeld)
		},
	})
}

func resumeCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	return a.flags(&cobra.Command{
		Use:   "resume ID|CHANNEL",
		Short: "Let a held transfer or channel go on where it was",
		Args:  cobra.ExactArgs(1),
		Example: `  pawl-send resume 1-019a2b3c4d5e6f70
  pawl-send resume updates`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpResume, ID: args[0]}, showHeld)
		},
	})
}

func resendCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	return a.flags(&cobra.Command{
		Use:   "resend ID",
		Short: "Send a transfer that is in sent/ once more",
		Long: `resend sends a transfer once more, under its id: the high side adds up what it has of it. Its files must still be
what they were; if one is not, the transfer is aborted on both sides.`,
		Args:    cobra.ExactArgs(1),
		Example: "  pawl-send resend 1-019a2b3c4d5e6f70",
		RunE: func(cmd *cobra.Command, args []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpResend, ID: args[0]}, showEntry)
		},
	})
}

func priorityCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	return a.flags(&cobra.Command{
		Use:   "priority ID CLASS",
		Short: "Make a transfer urgent, normal or bulk, whatever its channel is",
		Args:  cobra.ExactArgs(2),
		Example: `  pawl-send priority 1-019a2b3c4d5e6f70 urgent
  pawl-send priority 1-019a2b3c4d5e6f70 bulk`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpPriority, ID: args[0], Class: args[1]}, showEntry)
		},
	})
}

func planCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	var channel string
	cmd := &cobra.Command{
		Use:   "plan PATH",
		Short: "Say what sending a path would come to, and send nothing",
		Args:  cobra.ExactArgs(1),
		Example: `  pawl-send plan --channel updates release.tar
  pawl-send plan photos/ --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			abs, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			return do(cmd, a, sender.Request{Op: sender.OpPlan, Channel: channel, Paths: []string{abs}}, showForecast)
		},
	}
	cmd.Flags().StringVar(&channel, "channel", "", "`NAME` or number of the channel; not needed if there is only one")
	return a.flags(cmd)
}

// when is a time as people read it; "-" for none.
func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

func showQueue(w io.Writer, q *sender.Queue) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	showChannels(t, q.Channels)
	if len(q.Transfers) > 0 {
		fmt.Fprintln(t, "transfer\tchannel\tname\tclass\tstate\tpass\tsent\texpected")
	}
	for _, e := range q.Transfers {
		fmt.Fprintf(t, "%s\t%s\t%q\t%v\t%s\t%d of %d\t%s of %s\t%s\n", e.ID, e.Channel, e.Name, e.Class, stateOf(&e), e.Pass, e.Passes,
			humanize.IBytes(e.Bytes), humanize.IBytes(e.Total), when(e.ETA))
	}
	if q.More > 0 {
		fmt.Fprintf(t, "and %d more\n", q.More)
	}
	return t.Flush()
}

// showChannels prints what each channel may do.
func showChannels(t io.Writer, all []sender.ChannelStatus) {
	for _, c := range all {
		state := "open"
		switch {
		case c.Held:
			state = "HELD"
		case !c.Open:
			state = "closed until " + when(c.Change)
		case !c.Change.IsZero():
			state = "open until " + when(c.Change)
		}
		fmt.Fprintf(t, "channel %s\t%v, weight %d\t%s, %d in the queue", c.Name, c.Class, c.Weight, state, c.Queue)
		if c.OfBytes > 0 {
			fmt.Fprintf(t, ", %s of %s on %s", humanize.IBytes(c.Bytes), humanize.IBytes(c.OfBytes), c.Day)
		}
		if c.OfFiles > 0 {
			fmt.Fprintf(t, ", %d of %d files on %s", c.Files, c.OfFiles, c.Day)
		}
		if c.Waits != "" {
			fmt.Fprintf(t, ": WAITS: %s", c.Waits)
		}
		fmt.Fprintln(t)
	}
}

func stateOf(e *sender.Entry) string {
	if e.Held {
		return string(e.State) + ", HELD"
	}
	return string(e.State)
}

func showEntry(w io.Writer, e *sender.Entry) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	entryLines(t, e)
	return t.Flush()
}

func entryLines(t io.Writer, e *sender.Entry) {
	fmt.Fprintf(t, "transfer\t%s\n", e.ID)
	fmt.Fprintf(t, "name\t%q in channel %s\n", e.Name, e.Channel)
	fmt.Fprintf(t, "state\t%s, class %v\n", stateOf(e), e.Class)
	if e.Error != "" {
		fmt.Fprintf(t, "reason\t%q %q\n", e.Path, e.Error)
	}
	fmt.Fprintf(t, "passes\t%d of %d, %s of %s in this one\n", e.Pass, e.Passes, humanize.IBytes(e.Bytes), humanize.IBytes(e.Total))
	if !e.Due.IsZero() {
		fmt.Fprintf(t, "next pass\t%s\n", when(e.Due))
	}
	fmt.Fprintf(t, "expected\t%s\n", when(e.ETA))
}

func showDetails(w io.Writer, d *sender.Details) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	entryLines(t, &d.Entry)
	fmt.Fprintf(t, "content\t%s in %d files, %d entries\n", humanize.IBytes(d.Total), d.Files, d.Entries)
	fmt.Fprintf(t, "claimed\t%s\n", when(d.Claimed))
	if !d.Ended.IsZero() {
		fmt.Fprintf(t, "finished\t%s\n", when(d.Ended))
	}
	if d.Source != "" {
		fmt.Fprintf(t, "read from\t%q\n", d.Source)
	}
	if d.Cancel != "" {
		fmt.Fprintf(t, "cancelled\t%q\n", d.Cancel)
	}
	fmt.Fprintf(t, "folder\t%q\n", d.Folder)
	return t.Flush()
}

// held is the answer of hold and resume: a transfer, or a channel, which has no id.
type held struct {
	sender.Entry
	status sender.ChannelStatus // if it is one
}

// UnmarshalJSON reads either.
func (h *held) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &h.Entry); err != nil || h.ID != "" {
		return err
	}
	return json.Unmarshal(text, &h.status)
}

// MarshalJSON writes what was read.
func (h *held) MarshalJSON() ([]byte, error) {
	if h.ID != "" {
		return json.Marshal(&h.Entry)
	}
	return json.Marshal(&h.status)
}

func showHeld(w io.Writer, h *held) error {
	if h.ID != "" {
		return showEntry(w, &h.Entry)
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	showChannels(t, []sender.ChannelStatus{h.status})
	return t.Flush()
}

func showForecast(w io.Writer, p *sender.PlanAnswer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "path\t%q to channel %s\n", p.Path, p.Channel)
	fmt.Fprintf(t, "content\t%s in %d files, %d entries\n", humanize.IBytes(p.Bytes), p.Files, p.Entries)
	if p.Code != "" {
		fmt.Fprintf(t, "code\t%s, %d+%d symbols, depth %d\n", p.Code, p.K, p.R, p.Depth)
	}
	fmt.Fprintf(t, "on the wire\t%s in %d passes, %.1f%% over the content of each\n", humanize.IBytes(p.Wire), p.Passes, 100*p.Overhead)
	fmt.Fprintf(t, "link time\t%v\n", time.Duration(p.Seconds*float64(time.Second)).Round(time.Millisecond))
	fmt.Fprintf(t, "expected\t%s if it were queued now\n", when(p.ETA))
	return t.Flush()
}
