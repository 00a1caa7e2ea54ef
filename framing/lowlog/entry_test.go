package lowlog_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pawl/framing/lowlog"
)

var (
	digest = strings.Repeat("0a", 32)
	when   = time.Date(2026, 11, 23, 12, 0, 0, 5e6, time.UTC)
)

const id = "1-019a2b3c4d5e6f70"

func bodies() []lowlog.Body {
	return []lowlog.Body{
		&lowlog.Start{Version: "v1", Config: digest}, &lowlog.Stop{Reason: "<b>\u202e\n\x01"},
		&lowlog.Transfer{ID: id, Event: lowlog.Claimed, Name: "x\x1b[2J", Files: 1, Bytes: 2},
		&lowlog.Transfer{ID: id, Event: lowlog.Sent, Proof: digest},
		&lowlog.Repair{ID: id, Ticket: "ABCDE", Bytes: 5}, &lowlog.Missed{Entries: 3},
	}
}

// TestOneEncoding: each kind is written in one way, and read back as it was.
func TestOneEncoding(t *testing.T) {
	for _, body := range bodies() {
		data, err := lowlog.Append(nil, lowlog.New(when, body))
		if err != nil {
			t.Fatal(err)
		}
		e, err := lowlog.Parse(data)
		if err != nil || e.Body().Kind() != body.Kind() || e.Body().About() != body.About() {
			t.Errorf("%s: %v", data, err)
			continue
		}
		if again, err := lowlog.Append(nil, e); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s is written back as %s, %v", data, again, err)
		}
	}
}

// TestRefused: what no sender writes is none.
func TestRefused(t *testing.T) {
	two := lowlog.New(when, bodies()[0])
	two.Stop = &lowlog.Stop{}
	for name, e := range map[string]*lowlog.Entry{
		"nothing": {When: when}, "two things": two, "local time": {When: when.In(time.FixedZone("", 60)), Stop: &lowlog.Stop{}},
		"nanoseconds": {When: when.Add(1), Stop: &lowlog.Stop{}},
		"event":       lowlog.New(when, &lowlog.Transfer{ID: id, Event: "eaten"}),
		"id":          lowlog.New(when, &lowlog.Transfer{ID: "../x", Event: lowlog.Sent}),
		"proof":       lowlog.New(when, &lowlog.Transfer{ID: id, Event: lowlog.Sent, Proof: "x"}),
		"long":        lowlog.New(when, &lowlog.Stop{Reason: strings.Repeat("x", lowlog.MaxText+1)}),
		"broken":      lowlog.New(when, &lowlog.Stop{Reason: "\xff"}),
		"no ticket":   lowlog.New(when, &lowlog.Repair{ID: id}),
		"none missed": lowlog.New(when, &lowlog.Missed{}),
	} {
		if data, err := lowlog.Append(nil, e); !errors.Is(err, lowlog.ErrEntry) {
			t.Errorf("%s: %s, %v", name, data, err)
		}
	}
}

// FuzzEntry: what parses is written back octet for octet, and Text makes anything fit.
func FuzzEntry(f *testing.F) {
	for _, body := range bodies() {
		data, err := lowlog.Append(nil, lowlog.New(when, body))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := lowlog.Parse(data); err == nil {
			if again, err := lowlog.Append(nil, e); err != nil || !bytes.Equal(again, data) {
				t.Fatalf("%q is written back as %q, %v", data, again, err)
			}
		}
		if _, err := lowlog.Append(nil, lowlog.New(when, &lowlog.Stop{Reason: lowlog.Text(string(data))})); err != nil {
			t.Fatal(err)
		}
	})
}
