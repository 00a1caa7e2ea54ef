package release

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the names of time zones, on machines that have no tables of them
)

// Window is a time of the week, by the clock of a time zone, in which transfers may be released. Its grammar is that of the low side's
// windows (sender/window.go), whose code this side may not import: decision 0017.
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

// ParseWindow reads "[DAYS] HH:MM-HH:MM [ZONE]". DAYS are as in "Mon-Fri", "Sat,Sun" or "daily", which is what is meant when they are left out; a
// window that ends no later than it begins ends on the next day; 24:00 is the end of a day. ZONE is of the IANA database,
// "Europe/Berlin"; UTC when it is left out.
func ParseWindow(text string) (Window, error) {
	m := windowForm.FindStringSubmatch(text)
	if m == nil {
		return Window{}, fmt.Errorf("%q is not a window: write \"Mon-Fri 08:00-18:00 Europe/Berlin\"", text)
	}
	w := Window{text: text}
	var err error
	if w.days, err = parseDays(m[1]); err == nil {
		w.from, err = minutes(m[2], m[3])
	}
	if err == nil {
		w.to, err = minutes(m[4], m[5])
	}
	switch {
	case err != nil:
	case w.from == 24*60:
		err = fmt.Errorf("a day's end is no beginning: write 00:00 of the next day")
	case w.from == w.to:
		err = fmt.Errorf("it ends when it begins: write 00:00-24:00 for the whole day")
	default:
		// "Local" would be another zone on each machine.
		if w.zone, err = time.LoadLocation(m[6]); err != nil || m[6] == "Local" {
			err = fmt.Errorf("%q is no time zone: write one as in \"Europe/Berlin\" or \"UTC\"", m[6])
		}
	}
	if err != nil {
		return Window{}, fmt.Errorf("window %q: %w", text, err)
	}
	return w, nil
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
		first, last, span := strings.Cut(part, "-")
		if !span {
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

// ahead is how many days are looked through for the next beginning: every window begins once in seven days, but one that lies in
// the hour that a change of clocks leaves out only in the week after.
const ahead = 15

// open says whether now lies in one of the windows, and if not, when the next begins. No windows are always open. Each
// end is a time by the wall clock of its zone, so a window over a change of clocks is an hour shorter or longer than on other
// days.
func open(windows []Window, now time.Time) (bool, time.Time) {
	var next time.Time
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
			from, to := time.Date(y, m, d+i, 0, w.from, 0, 0, w.zone), time.Date(y, m, end, 0, w.to, 0, 0, w.zone)
			if !now.Before(from) && now.Before(to) {
				return true, time.Time{}
			}
			if now.Before(from) && from.Before(to) && (next.IsZero() || from.Before(next)) {
				next = from
			}
		}
	}
	return len(windows) == 0, next
}
