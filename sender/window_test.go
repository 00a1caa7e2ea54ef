package sender

import (
	"testing"
	"time"
)

// TestWindows asks windows around midnight, weekends and changes of clocks.
func TestWindows(t *testing.T) {
	berlin := must(ParseZone("Europe/Berlin"))(t)
	at := func(text string) time.Time {
		return must(time.ParseInLocation("2006-01-02 15:04", text, berlin))(t)
	}
	night := []string{"Mon-Fri 18:00-06:00 Europe/Berlin"}
	for _, c := range []struct {
		windows  []string
		now      string
		open     bool
		from, to string // of the span
	}{
		{night, "2026-11-23 17:59", false, "2026-11-23 18:00", "2026-11-24 06:00"}, // a Monday
		{night, "2026-11-23 18:00", true, "2026-11-23 18:00", "2026-11-24 06:00"},
		{night, "2026-11-24 05:59", true, "2026-11-23 18:00", "2026-11-24 06:00"},
		{night, "2026-11-24 06:00", false, "2026-11-24 18:00", "2026-11-25 06:00"},
		{night, "2026-11-28 05:00", true, "2026-11-27 18:00", "2026-11-28 06:00"}, // Saturday: begun on Friday
		{night, "2026-11-28 20:00", false, "2026-11-30 18:00", "2026-12-01 06:00"},
		// Days that touch are one stretch.
		{[]string{"Sat,Sun 00:00-24:00 Europe/Berlin"}, "2026-11-28 12:00", true, "2026-11-28 00:00", "2026-11-30 00:00"},
		{[]string{"Fri-Mon 10:00-12:00 Europe/Berlin", "Sun 11:00-13:00 Europe/Berlin"}, "2026-11-29 10:30", true, "2026-11-29 10:00", "2026-11-29 13:00"},
		// The night of 29 March 2026 has no hour from two to three, that of 25 October two of them.
		{[]string{"daily 01:00-05:00 Europe/Berlin"}, "2026-03-29 01:30", true, "2026-03-29 01:00", "2026-03-29 05:00"},
		{[]string{"daily 01:00-05:00 Europe/Berlin"}, "2026-10-25 01:30", true, "2026-10-25 01:00", "2026-10-25 05:00"},
		{[]string{"Sun 02:30-02:45 Europe/Berlin"}, "2026-03-29 04:00", false, "2026-04-05 02:30", "2026-04-05 02:45"},
	} {
		h := hours{}
		for _, text := range c.windows {
			h.windows = append(h.windows, must(ParseWindow(text))(t))
		}
		open, _ := h.open(at(c.now), 0)
		s, _ := h.at(at(c.now))
		if open != c.open || !s.from.Equal(at(c.from)) || !s.to.Equal(at(c.to)) {
			t.Errorf("%v at %s: open %v, from %v to %v", c.windows, c.now, open, s.from.In(berlin), s.to.In(berlin))
		}
	}
	for text, hours := range map[string]float64{"2026-03-29 00:30": 3, "2026-10-25 00:30": 5, "2026-06-01 00:30": 4} {
		s := stretches([]Window{must(ParseWindow("daily 01:00-05:00 Europe/Berlin"))(t)}, at(text))[0]
		if d := s.to.Sub(s.from).Hours(); d != hours {
			t.Errorf("the window after %s has %v hours, want %v", text, d, hours)
		}
	}
}

// TestWindowTakes lets nothing begin that ends after the window, but for what never would.
func TestWindowTakes(t *testing.T) {
	h := hours{windows: []Window{must(ParseWindow("10:00-11:00"))(t)}}
	begin := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		after, takes time.Duration
		open         bool
	}{
		{0, time.Hour, true}, {time.Minute, time.Hour, false}, {time.Minute, 59 * time.Minute, true},
		{59 * time.Minute, 2 * time.Hour, true}, {-time.Second, 0, false}, {time.Hour, 0, false},
	} {
		if open, _ := h.open(begin.Add(c.after), c.takes); open != c.open {
			t.Errorf("%v that begin %v after the window: %v", c.takes, c.after, open)
		}
	}
	// A clock that is set back shows an earlier window again.
	if open, when := h.open(begin.Add(-24*time.Hour-time.Minute), 0); open || !when.Equal(begin.Add(-24*time.Hour)) {
		t.Errorf("set back: %v, %v", open, when)
	}
}

// TestMeter counts days by their own midnight, and gives none twice.
func TestMeter(t *testing.T) {
	m := meter{Quota: Quota{Bytes: 100, Zone: must(ParseZone("Asia/Tokyo"))(t)}}
	now := time.Date(2026, 1, 5, 14, 0, 0, 0, time.UTC) // 23:00 there
	m.spend(now, 90, 0)
	ok, next := m.allows(now, 20, 0)
	if ok || !next.Equal(now.Add(time.Hour)) {
		t.Errorf("%v, %v", ok, next)
	}
	if ok, _ := m.allows(now, 10, 0); !ok {
		t.Error("what is just enough has to wait")
	}
	if ok, _ := m.allows(next, 1000, 0); !ok {
		t.Error("what is above the quota by itself would never go")
	}
	m.spend(next, 1000, 0)
	if ok, _ := m.allows(now, 20, 0); ok {
		t.Error("a clock that is set back gives a day twice")
	}
}

// TestForecast holds ETAs to sums that can be done by hand: 1000 octets a second.
func TestForecast(t *testing.T) {
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	heavy := &stream{weight: 3}
	light := &stream{weight: 1}
	late := &stream{weight: 1, hours: hours{windows: []Window{must(ParseWindow("10:00-11:00"))(t)}}}
	paid := &stream{weight: 1, meter: meter{Quota: Quota{Bytes: 500_000}}, gap: time.Hour}
	job := func(s *stream, c Class, octets float64, passes int) *job {
		j := &job{left: octets, whole: octets, body: 1, passes: passes - 1}
		s.queue[c] = append(s.queue[c], j)
		return j
	}
	a := job(heavy, Normal, 750_000, 1)    // 750 of 1000 octets a second: 1000 s
	b := job(light, Normal, 350_000, 1)    // 250: 250,000 by then, the rest alone: 1100 s
	c := job(light, Bulk, 100_000, 1)      // after both: 1200 s
	d := job(late, Normal, 60_000, 1)      // at ten: 3660 s
	e := job(paid, Urgent, 0, 1)           // at once
	f := job(paid, Bulk, 1_000_000, 1)     // half of it a day, in turns with c: tomorrow
	held := &stream{weight: 1, stop: true} // nobody knows
	g := job(held, Normal, 1, 1)
	forecast([]*stream{heavy, light, late, paid, held}, now, 1000)
	for name, want := range map[string]struct {
		j    time.Time
		end  time.Duration
		late time.Duration
	}{
		"a": {a.end, 1000 * time.Second, time.Second}, "b": {b.end, 1100 * time.Second, time.Second},
		"c": {c.end, 1300 * time.Second, time.Second}, "d": {d.end, 3660 * time.Second, time.Second},
		"e": {e.end, 0, time.Second}, "f": {f.end, 15*time.Hour + 500*time.Second, 2 * time.Second},
	} {
		got := want.j.Sub(now)
		if got < want.end || got > want.end+want.late {
			t.Errorf("%s ends after %v, want %v", name, got, want.end)
		}
	}
	if !g.end.IsZero() {
		t.Errorf("what is held ends at %v", g.end)
	}
}
