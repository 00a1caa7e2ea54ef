package console

import (
	"fmt"

	"github.com/dustin/go-humanize"
)

// linkPage is the health of the link.
type linkPage struct {
	Known   bool    `json:"known"` // pawl-receive has said something
	Running bool    `json:"receiving"`
	Fine    []chart `json:"minutes"` // the last ten, second by second
	Day     []chart `json:"day"`     // the last, minute by minute
}

func (c *Console) linkHealth(*request) (any, error) {
	now := c.link.view(fineLen)
	p := linkPage{Known: now.last != nil, Running: now.last != nil && !now.stale, Fine: charts(now.fine, 1), Day: charts(c.link.day(), coarseOf)}
	return p, nil
}

// charts are what is drawn of the link.
func charts(all []sample, step float64) []chart {
	per := func(count func(*sample) uint64) func(*sample) (float64, bool) {
		return func(s *sample) (float64, bool) { return float64(count(s)) / s.seconds, true }
	}
	packets := func(v float64) string { return fmt.Sprintf("%s packets/s", humanize.CommafWithDigits(v, 1)) }
	out := []chart{
		plot("Received", "bytes/s", all, per(func(s *sample) uint64 { return s.bytes }), func(v float64) string { return humanize.SIWithDigits(8*v, 1, "bit/s") }),
		plot("Lost of what was sent", "share", all, func(s *sample) (float64, bool) { return s.lossShare(), true }, func(v float64) string { return fmt.Sprintf("%.3g %%", 100*v) }),
		plot("Repair left in the tightest block", "share", all, func(s *sample) (float64, bool) { return s.margin, s.margins > 0 }, func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }),
		plot("Blocks that needed repair", "blocks/s", all, per(func(s *sample) uint64 { return s.rebuilt }), func(v float64) string { return humanize.CommafWithDigits(v, 1) + " blocks/s" }),
		plot("Refused packets", "packets/s", all, per(func(s *sample) uint64 { return s.rejected }), packets),
		plot("Dropped by this machine's kernel", "packets/s", all, per(func(s *sample) uint64 { return s.dropped }), packets),
	}
	for i := range out {
		out[i].Step = step
	}
	return out
}
