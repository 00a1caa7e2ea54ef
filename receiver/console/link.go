package console

import (
	"fmt"

	"pawl/hw/web"

	"github.com/dustin/go-humanize"
)

// linkPage is the health of the link.
type linkPage struct {
	Known   bool        `json:"known"` // pawl-receive has said something
	Running bool        `json:"receiving"`
	Fine    []web.Chart `json:"minutes"` // the last ten, second by second
	Day     []web.Chart `json:"day"`     // the last, minute by minute
}

func (c *Console) linkHealth(*request) (any, error) {
	now := c.link.view(fineLen)
	p := linkPage{Known: now.last != nil, Running: now.last != nil && !now.stale, Fine: charts(now.fine, 1), Day: charts(c.link.day(), coarseOf)}
	return p, nil
}

// charts are what is drawn of the link.
func charts(all []sample, step float64) []web.Chart {
	per := func(count func(*sample) uint64) func(*sample) (float64, bool) {
		return func(s *sample) (float64, bool) { return float64(count(s)) / s.seconds, true }
	}
	packets := func(v float64) string { return fmt.Sprintf("%s packets/s", humanize.CommafWithDigits(v, 1)) }
	plot := func(title, unit string, value func(*sample) (float64, bool), show func(float64) string) web.Chart {
		return plot(title, unit, step, all, value, show)
	}
	return []web.Chart{
		plot("Received", "bytes/s", per(func(s *sample) uint64 { return s.bytes }), func(v float64) string { return humanize.SIWithDigits(8*v, 1, "bit/s") }),
		plot("Lost of what was sent", "share", func(s *sample) (float64, bool) { return s.lossShare(), true }, func(v float64) string { return fmt.Sprintf("%.3g %%", 100*v) }),
		plot("Repair left in the tightest block", "share", func(s *sample) (float64, bool) { return s.margin, s.margins > 0 }, func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }),
		plot("Blocks that needed repair", "blocks/s", per(func(s *sample) uint64 { return s.rebuilt }), func(v float64) string { return humanize.CommafWithDigits(v, 1) + " blocks/s" }),
		plot("Refused packets", "packets/s", per(func(s *sample) uint64 { return s.rejected }), packets),
		plot("Dropped by this machine's kernel", "packets/s", per(func(s *sample) uint64 { return s.dropped }), packets),
	}
}

// plot makes a chart of samples; value says what of one is drawn, and whether it is known.
func plot(title, unit string, step float64, all []sample, value func(*sample) (float64, bool), show func(float64) string) web.Chart {
	return web.Plot(title, unit, step, len(all), func(i int) (float64, bool) {
		if all[i].seconds == 0 {
			return 0, false
		}
		return value(&all[i])
	}, show)
}
