package console

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
)

// TestLedgerIsHeldAgainstTheInterface: balanced is what the interfaces counted too, at a settled moment, and nothing else. pawl-receive's own columns always fit.
func TestLedgerIsHeldAgainstTheInterface(t *testing.T) {
	r := newRig(t, nil)
	otto := r.as("otto")
	own := quarantine.Ledger{Received: quarantine.Count{Packets: 10, Bytes: 1000}, Delivered: quarantine.Count{Packets: 8, Bytes: 900},
		Rejected: map[string]quarantine.Count{"tag": {Packets: 2, Bytes: 100}}}
	account := func(change func(*quarantine.Account)) *quarantine.Account {
		a := &quarantine.Account{Time: time.Now(), Ledger: own, Settled: true, Frames: 10, Octets: 1000, DropsExact: true}
		change(a)
		return a
	}
	for name, one := range map[string]struct {
		account  *quarantine.Account
		balanced bool
		off      int64
		dropped  uint64
		says     string
	}{
		"settled":        {account(func(*quarantine.Account) {}), true, 0, 0, "Balanced to the byte"},
		"dropped":        {account(func(a *quarantine.Account) { a.Frames, a.Octets, a.Drops = 13, 1300, 3 }), true, 0, 300, "the sockets had no room 3 times"},
		"strays":         {account(func(a *quarantine.Account) { a.Frames, a.Octets, a.Drops = 13, 1300, 1 }), true, 0, 300, "2 of the dropped frames were not"},
		"missed":         {account(func(a *quarantine.Account) { a.Missed = 7 }), true, 0, 0, "had no room for 7 frames"},
		"more than came": {account(func(a *quarantine.Account) { a.Octets = 990 }), false, -10, 0, "-10 bytes in no column"},
		"in no column": {account(func(a *quarantine.Account) {
			a.Ledger.Delivered.Bytes = 850
		}), false, 50, 0, "50 bytes in no column"},
		"not settled": {account(func(a *quarantine.Account) { a.Settled = false }), false, 0, 0, "Nobody knows whether it is balanced"},
		"blind":       {account(func(a *quarantine.Account) { a.Blind, a.Octets = "no interface is watched", 0 }), false, 0, 0, "no interface is watched"},
		"no account":  {nil, false, 0, 0, "has given no account yet"},
	} {
		r.situation(func(s *quarantine.Situation) { s.Ledger, s.Account = own, one.account })
		r.c.link.take()
		var p struct {
			Balanced bool
			Off      int64 `json:"off_bytes"`
			Columns  []struct {
				Name  string
				Bytes uint64
			}
		}
		otto.read("/ledger", &p)
		var dropped uint64
		for _, c := range p.Columns {
			if c.Name == "dropped" {
				dropped = c.Bytes
			}
		}
		if p.Balanced != one.balanced || p.Off != one.off || dropped != one.dropped {
			t.Errorf("%s: balanced %v, off %d, dropped %d", name, p.Balanced, p.Off, dropped)
		}
		page := otto.get("/ledger").Body.String()
		if strings.Contains(page, "Balanced to the byte") != one.balanced || !strings.Contains(page, one.says) {
			t.Errorf("%s: the page does not say %q", name, one.says)
		}
	}
}

// counting is files of a log, and how often bundles of entries were read.
type counting struct {
	fs.FS
	read int
}

func (c *counting) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, "tile/entries/") {
		c.read++
	}
	return c.FS.Open(name)
}

// TestDaysAreFoundFarBack: the last days are found however many entries came after them, read once, and go on with the log.
func TestDaysAreFoundFarBack(t *testing.T) {
	store, key := merkletest.NewStore(), merkletest.Key(t, "example.org/pawl/high")
	writer, _, err := merkle.NewWriter(store, key)
	if err != nil {
		t.Fatal(err)
	}
	enter := func(all ...audit.Body) {
		t.Helper()
		var entries [][]byte
		for _, b := range all {
			e := audit.Entry{When: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), By: "pawl-release"}
			switch b := b.(type) {
			case *audit.Ledger:
				e.Ledger = b
			case *audit.Start:
				e.Start = b
			}
			data, err := audit.AppendEntry(nil, &e)
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, data)
		}
		if _, err := writer.Append(entries...); err != nil {
			t.Fatal(err)
		}
	}
	ledger := func(n int) *audit.Ledger {
		return &audit.Ledger{Day: time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC).Format("2006-01-02"), Received: 5, Delivered: 5, Rejected: map[string]uint64{},
			Unknown: "no interface is watched"}
	}
	others := func(n int) (all []audit.Body) {
		for range n {
			all = append(all, &audit.Start{Program: "pawl-release", Version: `"ledger":{`})
		}
		return all
	}
	const early = 40
	for n := range early {
		enter(ledger(n+1), ledger(n+1))
	}
	enter(others(lookMost + 3*lookEach)...)
	var d days
	files := &counting{FS: store.FS()}
	look := func() ([]day, bool) {
		t.Helper()
		files.read = 0
		view, err := merkle.OpenView(files, key.Public())
		if err != nil {
			t.Fatal(err)
		}
		found, more, err := d.look(view)
		if err != nil {
			t.Fatal(err)
		}
		return found, more
	}
	if found, more := look(); len(found) != 0 || !more || files.read > lookMost/256+1 {
		t.Errorf("at first: %d, %v, %d bundles read", len(found), more, files.read)
	}
	found, more := look()
	if len(found) != 2*ledgerDays || more || found[0].Day != ledger(early).Day || found[len(found)-1].Day != ledger(early-ledgerDays+1).Day {
		t.Fatalf("then: %d, %v", len(found), more)
	}
	if len(found[0].Remarks) != 1 || !strings.Contains(found[0].Remarks[0], "no interface is watched") {
		t.Errorf("remarks %q", found[0].Remarks)
	}
	if found, more := look(); len(found) != 2*ledgerDays || more || files.read != 0 {
		t.Errorf("once more: %d, %v, and %d bundles read", len(found), more, files.read)
	}
	enter(append(others(3), ledger(early+1))...)
	if found, more := look(); len(found) != 2*ledgerDays-1 || more || found[0].Day != ledger(early+1).Day || files.read > 2 {
		t.Errorf("after a day: %d, %v, %s, %d bundles read", len(found), more, found[0].Day, files.read)
	}
	small := days{next: 1 << 40, all: []day{{}}}
	view, err := merkle.OpenView(files, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if found, _, err := small.look(view); err != nil || len(found) != 1 || found[0].Day != ledger(early+1).Day {
		t.Errorf("another log, shorter than the last: %s, %v", fmt.Sprint(found), err)
	}
}
