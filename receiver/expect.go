package receiver

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DefaultGrace is how long after its time an expected arrival may come.
const DefaultGrace = time.Hour

// ErrExpectation says that a text names no times at which a transfer is expected.
var ErrExpectation = errors.New(`want "daily 06:00", "Mon-Fri 06:00", "Mon,Thu 18:30" or "hourly :15", and a time zone behind it if it is not UTC`)

// Expectation is when a transfer of a channel is expected: at a time of some days of the week, or each hour.
type Expectation struct {
	text         string
	days         [7]bool // by time.Weekday
	hourly       bool
	hour, minute int
	zone         *time.Location
}

// ParseExpectation reads one: days, a time and, if it is not UTC, a time zone by its name in the IANA database. Days are
// "daily", a weekday, a range or a list of them, or "hourly" with the minute as time. Errors wrap [ErrExpectation].
func ParseExpectation(text string) (Expectation, error) {
	e := Expectation{text: text, zone: time.UTC}
	fields := strings.Fields(text)
	if len(fields) != 2 && len(fields) != 3 {
		return e, fmt.Errorf("%q: %w", text, ErrExpectation)
	}
	if len(fields) == 3 {
		var err error
		if e.zone, err = time.LoadLocation(fields[2]); err != nil {
			return e, fmt.Errorf("%q: %w: %w", text, ErrExpectation, err)
		}
	}
	clock := fields[1]
	if fields[0] == "hourly" {
		e.hourly, clock = true, "00"+clock
	}
	at, err := time.Parse("15:04", clock)
	if err == nil && !e.hourly {
		err = e.parseDays(fields[0])
	}
	if err != nil {
		return e, fmt.Errorf("%q: %w: %w", text, ErrExpectation, err)
	}
	e.hour, e.minute = at.Hour(), at.Minute()
	return e, nil
}

// weekdays are the names of days, by time.Weekday.
var weekdays = []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

func (e *Expectation) parseDays(text string) error {
	if text == "daily" {
		e.days = [7]bool{true, true, true, true, true, true, true}
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		first, last := slices.Index(weekdays, from), slices.Index(weekdays, to)
		if first < 0 || last < 0 {
			return fmt.Errorf("%s names no day: days are %s", strconv.Quote(part), strings.Join(weekdays, ", "))
		}
		for day := first; ; day = (day + 1) % len(weekdays) {
			e.days[day] = true
			if day == last {
				break
			}
		}
	}
	return nil
}

// String is the text it was read from.
func (e Expectation) String() string { return e.text }

// Last is the latest time at or before now at which an arrival was expected.
func (e Expectation) Last(now time.Time) time.Time {
	now = now.In(e.zone)
	if e.hourly {
		at := time.Date(now.Year(), now.Month(), now.Day(), now.Hour(), e.minute, 0, 0, e.zone)
		if at.After(now) {
			at = at.Add(-time.Hour)
		}
		return at
	}
	for back := 0; ; back++ { // at least one day of each week is set: it ends within eight rounds
		at := time.Date(now.Year(), now.Month(), now.Day()-back, e.hour, e.minute, 0, 0, e.zone)
		if e.days[at.Weekday()] && !at.After(now) {
			return at
		}
	}
}

// Overdue says whether, at now, an arrival is missing: the latest time that is more than grace ago is due, and nothing came
// since the middle between it and the time before. What comes earlier is late for that one, not early for this one.
func (e Expectation) Overdue(arrived, now time.Time, grace time.Duration) (due time.Time, overdue bool) {
	due = e.Last(now.Add(-grace))
	before := e.Last(due.Add(-time.Nanosecond))
	return due, !arrived.After(before.Add(due.Sub(before) / 2))
}
