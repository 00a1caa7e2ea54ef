package sender

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the names of time zones, on machines that have no tables of them
)

// maxWindows bounds the windows of one channel.
const maxWindows = 64

// Window is a time of the week, by the clock of a time zone, in which content may be sent.
type Window struct {
	days [7]bool // on which it begins, Sunday first
	from int     // minutes after midnight by the wall clock
	to   int     // the same; not after from: of the next day
	zone *time.Location
	text string
}

var (
	windowForm = regexp.MustCompile(`^(?:([A-Za-z,-]+) )?([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})(?: ([A-Za-z][A-Za-z0-9_+/-]*))?$`)
	weekdays   = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

// ParseWindow reads "[DAYS] HH:MM-HH:MM [ZONE]". DAYS are as in "Mon-Fri", "Sat,Sun" or
// "daily", which is what is meant when they are left out; a window that ends no later than
// it begins ends on the next day; 24:00 is the end of a day. ZONE is of the IANA database,
// "Europe/Berlin"; UTC when it is left out.
func ParseWindow(text string) (Window, error) {
	m := windowForm.FindStringSubmatch(text)
	if m == nil {
		return Window{}, fmt.Errorf("%q is not a window: write \"Mon-Fri 18:00-06:00 Europe/Berlin\"", text)
	}
	w := Window{text: text}
	var err error
	if w.days, err = parseDays(m[1]); err != nil {
		return Window{}, fmt.Errorf("window %q: %w", text, err)
	}
	w.from, err = minutes(m[2], m[3])
	if err == nil {
		w.to, err = minutes(m[4], m[5])
	}
	if err == nil && w.from == 24*60 {
		err = fmt.Errorf("a day's end is no beginning: write 00:00 of the next day")
	}
	if err == nil && w.from == w.to {
		err = fmt.Errorf("it ends when it begins: write 00:00-24:00 for the whole day")
	}
	if err == nil {
		w.zone, err = ParseZone(m[6])
	}
	if err != nil {
		return Window{}, fmt.Errorf("window %q: %w", text, err)
	}
	return w, nil
}

// ParseZone finds a time zone by its name in the IANA database; "" is UTC.
func ParseZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // which would be another one on each machine
		return nil, fmt.Errorf("%q is no time zone: write one as in \"Europe/Berlin\" or \"UTC\"", name)
	}
	return zone, nil
}

// String is what ParseWindow read.
func (w Window) String() string { return w.text }

func minutes(hour, minute string) (int, error) {
	h, _ := strconv.Atoi(hour) // two digits each, by the form
	m, _ := strconv.Atoi(minute)
	if m > 59 || h*60+m > 24*60 {
		return 0, fmt.Errorf("%s:%s is no time of a day: write 00:00 to 24:00", hour, minute)
	}
	return h*60 + m, nil
}

func parseDays(text string) (days [7]bool, err error) {
	if text == "" || strings.EqualFold(text, "daily") {
		return [7]bool{true, true, true, true, true, true, true}, nil
	}
	for _, part := range strings.Split(strings.ToLower(text), ",") {
		first, last, isSpan := strings.Cut(part, "-")
		if !isSpan {
			last = first
		}
		a, b := slices.Index(weekdays, first), slices.Index(weekdays, last)
		if a < 0 || b < 0 {
			return days, fmt.Errorf("%q are no days: write Mon, Tue, Wed, Thu, Fri, Sat, Sun, as in \"Mon-Fri\" or \"Sat,Sun\"", part)
		}
		for d := a; ; d = (d + 1) % 7 {
			days[d] = true
			if d == b {
				break
			}
		}
	}
	return days, nil
}

// stretch is time without a break, from its beginning up to but not with its end.
type stretch struct{ from, to time.Time }

// ahead is how many days stretches looks ahead: every window begins once in seven days, but one
// that lies in the hour that a change of clocks leaves out only in the week after.
const ahead = 15

// stretches are the stretches of all windows around now, joined where they touch, in order.
// Each end is a time by the wall clock of its zone, so a window over a change of clocks is
// an hour shorter or longer than on other days.
func stretches(windows []Window, now time.Time) []stretch {
	var all []stretch
	for _, w := range windows {
		y, m, d := now.In(w.zone).Date()
		for i := -2; i <= ahead; i++ {
			if !w.days[time.Date(y, m, d+i, 12, 0, 0, 0, w.zone).Weekday()] {
				continue
			}
			end := d + i
			if w.to <= w.from {
				end++
			}
			one := stretch{time.Date(y, m, d+i, 0, w.from, 0, 0, w.zone), time.Date(y, m, end, 0, w.to, 0, 0, w.zone)}
			if one.from.Before(one.to) && one.to.After(now) {
				all = append(all, one)
			}
		}
	}
	slices.SortFunc(all, func(a, b stretch) int { return cmp.Or(a.from.Compare(b.from), a.to.Compare(b.to)) })
	joined := all[:0]
	for _, one := range all {
		if n := len(joined); n > 0 && !one.from.After(joined[n-1].to) {
			if one.to.After(joined[n-1].to) {
				joined[n-1].to = one.to
			}
			continue
		}
		joined = append(joined, one)
	}
	return joined
}

// hours are the windows of a channel with what they say now. Without windows a channel is
// always open.
type hours struct {
	windows []Window
	looked  time.Time
	current stretch // the one that is open, or the next
}

// at is the stretch that now lies in, or the next one; ok is false if there are no windows.
func (h *hours) at(now time.Time) (s stretch, ok bool) {
	if len(h.windows) == 0 {
		return stretch{}, false
	}
	// A clock that was set back may need a stretch that is over by what was seen.
	if h.looked.IsZero() || now.Before(h.looked) || !now.Before(h.current.to) {
		if all := stretches(h.windows, now); len(all) > 0 {
			h.current = all[0]
		} else {
			h.current = stretch{now.AddDate(0, 0, ahead), now.AddDate(0, 0, ahead+1)}
		}
	}
	h.looked = now
	return h.current, true
}

// open says whether content that takes so long on the link may begin now, and if not, when
// to ask again. What takes longer than the whole window begins in it all the same: it would
// never be sent otherwise.
func (h *hours) open(now time.Time, takes time.Duration) (bool, time.Time) {
	s, ok := h.at(now)
	switch {
	case !ok:
		return true, time.Time{}
	case now.Before(s.from):
		return false, s.from
	case !now.Add(takes).After(s.to), takes > s.to.Sub(s.from):
		return true, time.Time{}
	}
	return false, s.to
}
