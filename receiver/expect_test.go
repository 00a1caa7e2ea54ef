package receiver

import (
	"errors"
	"testing"
	"time"
	_ "time/tzdata"
)

func TestParseExpectation(t *testing.T) {
	for _, text := range []string{
		"", "daily", "06:00", "daily 6", "daily 25:00", "daily 06:60", "Mon-Fri", "Mon-Foo 06:00", "mon 06:00", "Mon, 06:00", "daily 06:00 Mars/Base",
		"hourly 06:00", "hourly :60", "hourly 15", "daily 06:00 UTC extra", "-Mon 06:00", "daily :15",
	} {
		if _, err := ParseExpectation(text); !errors.Is(err, ErrExpectation) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestExpectation: Monday 23 November 2026 is the day of most rows.
func TestExpectation(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, c := range []struct{ text, now, want string }{
		{"daily 06:00", "2026-11-23T06:00:00Z", "2026-11-23T06:00:00Z"},
		{"daily 06:00", "2026-11-23T05:59:59Z", "2026-11-22T06:00:00Z"},
		{"Mon-Fri 06:00", "2026-11-23T05:00:00Z", "2026-11-20T06:00:00Z"},
		{"Fri-Mon 06:00", "2026-11-26T05:00:00Z", "2026-11-23T06:00:00Z"},
		{"Tue,Thu 18:30", "2026-11-23T12:00:00Z", "2026-11-19T18:30:00Z"},
		{"Mon 06:00", "2026-11-23T05:00:00Z", "2026-11-16T06:00:00Z"},
		{"hourly :15", "2026-11-23T06:14:00Z", "2026-11-23T05:15:00Z"},
		{"hourly :15", "2026-11-23T06:15:00Z", "2026-11-23T06:15:00Z"},
		{"daily 06:00 Europe/Berlin", "2026-11-23T05:30:00Z", "2026-11-23T05:00:00Z"}, // winter: UTC+1
		{"daily 06:00 Europe/Berlin", "2026-07-23T04:30:00Z", "2026-07-23T04:00:00Z"}, // summer: UTC+2
		{"daily 02:30 Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-29T01:30:00Z"}, // the hour that is left out: 03:30 summer time
	} {
		e, err := ParseExpectation(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Last(at(c.now)); !got.Equal(at(c.want)) {
			t.Errorf("%s at %s: %s, want %s", c.text, c.now, got.UTC().Format(time.RFC3339), c.want)
		}
	}
	e, err := ParseExpectation("daily 06:00")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		arrived, now string
		overdue      bool
	}{
		{"2026-11-22T06:10:00Z", "2026-11-23T06:59:00Z", false}, // still within the grace
		{"2026-11-22T06:10:00Z", "2026-11-23T07:01:00Z", true},  // yesterday's came, today's did not
		{"2026-11-23T05:40:00Z", "2026-11-23T07:01:00Z", false}, // came early
		{"2026-11-23T06:50:00Z", "2026-11-23T07:01:00Z", false}, // came within the grace
		{"2026-11-23T08:00:00Z", "2026-11-23T08:01:00Z", false}, // came late, but came
		{"2026-11-20T06:00:00Z", "2026-11-23T06:30:00Z", true},  // yesterday's is still missing
	} {
		if _, overdue := e.Overdue(at(c.arrived), at(c.now), time.Hour); overdue != c.overdue {
			t.Errorf("arrived %s, now %s: overdue %v", c.arrived, c.now, overdue)
		}
	}
}
