package bench

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// StatementRow is the name of the row that holds the statement in the result of a calibration.
const StatementRow = "statement"

// AddTo enters the calibration in a result: a row for each step in the order of time, and the statement if there is one.
func (c *Calibration) AddTo(r *Result, s *Statement) {
	mtu := func(step LinkStep) int { return mtuOf(step.Size, c.ipv6) }
	for i := range c.Steps {
		step := &c.Steps[i]
		row := NewRow(fmt.Sprintf("step=%03d/rate=%d/mtu=%d/burst=%d", i, step.Rate, mtu(step.LinkStep), step.Burst))
		counted := float64(max(step.Sent-step.WarmUp, 1))
		row.Values = map[string]float64{
			"asked_rate_bps": float64(step.Rate), "mtu": float64(mtu(step.LinkStep)), "burst": float64(step.Burst), "duration_s": step.Took.Seconds(),
			"sent_packets": float64(step.Sent), "received_packets": float64(step.Arrived), "warm_up_packets": float64(step.WarmUp),
			"loss_ratio": float64(step.Lost) / counted, "duplicate_ratio": float64(step.Duplicates) / counted,
			"reordered_ratio": float64(step.Reordered) / counted, "reordered_by_packets": float64(step.ReorderedBy),
			"outages": float64(step.Outages), "longest_outage_s": step.Longest.Seconds(),
		}
		for _, share := range step.SlotLoss {
			row.Sample("slot_loss_ratio", share)
		}
		if len(step.Runs) > 0 {
			row.Histograms["run_packets"] = step.Runs
		}
		r.Rows = append(r.Rows, row)
	}
	if s == nil {
		return
	}
	row := NewRow(StatementRow)
	row.Values = map[string]float64{
		"asked_rate_bps": float64(s.Rate), "mtu": float64(s.MTU), "loss_ratio": s.Loss, "outage_s": s.Burst.Seconds(), "every_s": s.BurstEvery.Seconds(),
		"duration_s": s.Took.Seconds(), "sent_packets": float64(s.Packets), "outages": float64(s.Outages), "longest_outage_s": s.Longest.Seconds(),
	}
	r.Rows = append(r.Rows, row)
}

// Runs is how often so many packets were lost in a row, over all steps.
func (c *Calibration) Runs() []Bin {
	var runs []lossRun
	for _, s := range c.all {
		runs = append(runs, s.runs...)
	}
	return (&seen{runs: runs}).runBins()
}

// WriteText writes the calibration and its statement for people.
func (c *Calibration) WriteText(w io.Writer, s *Statement) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%14s %6s %6s %10s %9s %8s %9s %10s %8s %8s\n", "rate", "MTU", "burst", "packets", "loss", "outages", "longest", "reordered", "doubled", "warm-up")
	for i := range c.Steps {
		step := &c.Steps[i]
		fmt.Fprintf(&b, "%14s %6d %6d %10d %8.3g%% %8d %9s %10d %8d %8d\n", humanize.SI(float64(step.Rate), "bit/s"), mtuOf(step.Size, c.ipv6), step.Burst, step.Sent,
			100*float64(step.Lost)/float64(max(step.Sent-step.WarmUp, 1)), step.Outages, step.Longest.Round(time.Microsecond), step.Reordered, step.Duplicates, step.WarmUp)
	}
	fmt.Fprintf(&b, "warm-up: %d of %d announcements were lost before the first that arrived\n", c.WarmUp, linkRounds*(len(c.Steps)+c.Unheard))
	if c.Unheard > 0 {
		fmt.Fprintf(&b, "%d steps were not heard of at all: start this half first\n", c.Unheard)
	}
	if !c.Ended {
		b.WriteString("the run did not say that it was over: what was lost at its end may be counted as lost too much\n")
	}
	if c.Drops > 0 {
		fmt.Fprintf(&b, "the receiving kernel dropped at least %d datagrams: its buffer is too small for these rates (sysctl net.core.rmem_max) or this machine too slow\n", c.Drops)
	}
	if n := c.Foreign + c.Damaged + c.Strange; n > 0 {
		fmt.Fprintf(&b, "not counted: %d datagrams of other programs, %d damaged, %d of other runs\n", c.Foreign, c.Damaged, c.Strange)
	}
	if s != nil {
		fmt.Fprintf(&b, "\nstated: rate %s, MTU %d, loss %s, ", humanize.SI(float64(s.Rate), "bit/s"), s.MTU, percent(s.Loss))
		if s.Burst == 0 {
			b.WriteString("no outage seen")
		} else {
			fmt.Fprintf(&b, "outages of %v every %v (longest seen %v, %d in all)", s.Burst, s.BurstEvery, s.Longest.Round(time.Microsecond), s.Outages)
		}
		fmt.Fprintf(&b, "\n        from %d packets in %v\n", s.Packets, s.Took.Round(time.Millisecond))
		if s.NoPlan != "" {
			fmt.Fprintf(&b, "        the planner has no plan for such a link: %s\n", s.NoPlan)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
