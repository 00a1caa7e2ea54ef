package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"pawl/sender"
)

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
		if k := c.Carousel; k != nil {
			fmt.Fprintf(t, ", carousel: %d rounds, %s", k.Rounds, humanize.IBytes(k.Bytes))
			if k.Transfer != "" {
				fmt.Fprintf(t, ", %s at %s of %s", k.Transfer, humanize.IBytes(k.Sent), humanize.IBytes(k.Total))
			}
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
	if d.Proof != "" {
		fmt.Fprintf(t, "proof\t%s\n", d.Proof)
	}
	if d.Confirmed != nil {
		fmt.Fprintf(t, "confirmed\t%s\n", when(*d.Confirmed))
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
