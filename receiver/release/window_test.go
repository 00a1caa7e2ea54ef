package release

import (
	"strings"
	"testing"
	"time"
)

func TestWindows(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		when, err := time.ParseInLocation("2006-01-02 15:04", text, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, c := range []struct {
		windows, now, next string // next "" is open
	}{
		{"", "2026-11-23 12:00", ""},
		{"Mon-Fri 08:00-18:00 Europe/Berlin", "2026-11-23 08:00", ""},
		{"Mon-Fri 08:00-18:00 Europe/Berlin", "2026-11-23 17:59", ""},
		{"Mon-Fri 08:00-18:00 Europe/Berlin", "2026-11-23 18:00", "2026-11-24 08:00"},
		{"Mon-Fri 08:00-18:00 Europe/Berlin", "2026-11-27 18:00", "2026-11-30 08:00"},
		{"08:00-18:00", "2026-11-23 08:30", "2026-11-23 09:00"}, // UTC
		{"Fri 22:00-06:00 Europe/Berlin", "2026-11-28 05:59", ""},
		{"Fri 22:00-06:00 Europe/Berlin", "2026-11-28 06:00", "2026-12-04 22:00"},
		{"daily 00:00-24:00 Europe/Berlin", "2026-11-28 00:00", ""},
		{"Sat,Sun 01:00-02:00 Europe/Berlin;Mon 12:00-13:00 Europe/Berlin", "2026-11-23 11:00", "2026-11-23 12:00"},
		// On the last Sunday of October there is an hour more, of March one less.
		{"daily 00:00-03:00 Europe/Berlin", "2026-10-25 02:30", ""},
		{"Sun 02:10-02:50 Europe/Berlin", "2027-03-28 01:00", "2027-03-28 03:10"},
	} {
		var windows []Window
		for text := range strings.SplitSeq(c.windows, ";") {
			if text == "" {
				continue
			}
			w, err := ParseWindow(text)
			if err != nil || w.String() != text {
				t.Fatalf("%q: %q, %v", text, w, err)
			}
			windows = append(windows, w)
		}
		is, next := open(windows, at(c.now))
		if is != (c.next == "") || !is && !next.Equal(at(c.next)) {
			t.Errorf("%q at %s: %t, next %v, want %q", c.windows, c.now, is, next.In(berlin), c.next)
		}
	}
}

func TestNotWindows(t *testing.T) {
	for text, want := range map[string]string{
		"": "is not a window", "8:00-9:00": "is not a window", "08:00-08:00": "ends when it begins", "24:00-08:00": "no beginning", "08:60-09:00": "no time of a day",
		"25:00-26:00": "no time of a day", "Mo-Fr 08:00-09:00": "are no days", "08:00-09:00 Local": "no time zone", "08:00-09:00 Mars/Base": "no time zone",
	} {
		if _, err := ParseWindow(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
