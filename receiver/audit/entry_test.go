package audit_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pawl/framing/merkle/merkletest"
	"pawl/receiver/audit"
)

var hash = strings.Repeat("0a", 32)

// kinds is one entry of each kind, with texts that the low side could have written.
func kinds() []*audit.Entry {
	when, tr := clock(), transfer(0)
	evil := "<b>\u202e\n\x01\"\\ü"
	return []*audit.Entry{
		{When: when, By: "alice", State: &audit.State{Transfer: tr, From: "held", To: "rejected", Reason: evil}},
		{When: when, By: "p", Verdict: &audit.Verdict{Transfer: tr, Pass: true, Proof: hash, File: hash}},
		{When: when, By: "p", Verdict: &audit.Verdict{Transfer: tr, Check: "names", Path: evil, Reason: evil, Engine: "clamd", Version: "1.4/27000", File: hash}},
		{When: when, By: "alice", Approval: &audit.Approval{Transfer: tr, Who: "alice", Proof: hash, Verdicts: hash, Key: "k", File: hash}},
		{When: when, By: "alice", Revocation: &audit.Revocation{Transfer: tr, Who: "alice", Proof: hash, Reason: evil}},
		{When: when, By: "p", Policy: &audit.Policy{Channel: 1, Name: "n", Digest: hash, Before: strings.Repeat("0b", 32)}},
		{When: when, By: "p", Config: &audit.Config{Program: "p", File: "/etc/x", Digest: hash}},
		{When: when, By: "bob", Ticket: &audit.Ticket{Transfer: tr, Bits: 40, Text: "ABCDE"}},
		{When: when, By: "bob", Shown: &audit.Shown{Transfer: tr, Bits: 40, Code: "ABCDE"}},
		{When: when, By: "p", Release: &audit.Release{Transfer: tr, Name: evil, Inbox: "/i", Plan: hash, Proof: hash, Files: 1, Bytes: 2, Approvals: []string{"policy"}, Sender: "s"}},
		{When: when, By: "p", Ledger: ledger("2026-11-22", 0)},
		{When: when, By: "p", Witness: &audit.Witness{Size: 3, Root: hash, Alarm: "x", Quiet: 2}},
		{When: when, By: "p", Removal: &audit.Removal{Transfer: tr, Bytes: 5, Reason: evil}},
		{When: when, By: "p", Start: &audit.Start{Program: "p", Version: "v1"}},
		{When: when, By: "p", Stop: &audit.Stop{Program: "p"}},
		{When: when, By: "alice", Login: &audit.Login{Who: "alice", From: "192.0.2.7", How: audit.ByPassphrase, Session: "00112233445566aa"}},
		{When: when, By: "vera", Login: &audit.Login{Who: "vera", From: evil, How: audit.ByCertificate, At: when}},
		{When: when, By: "p", Logout: &audit.Logout{Who: "alice", Session: "00112233445566aa", Reason: "idle"}},
		{When: when, By: "p", Refused: &audit.Refused{Tries: 9, Early: 4, From: []string{"socket"}, Others: 2, Since: when}},
		{When: when, By: "alice", Rejection: &audit.Rejection{Transfer: tr, Who: "alice", Proof: hash, Verdicts: hash, Reason: evil, Key: "k", File: hash}},
		{When: when, By: "root", Restored: &audit.Restored{Kept: 9, KeptRoot: hash, Size: 0, Root: hash, Reason: evil}},
		{When: when, By: "p", Release: &audit.Release{Transfer: tr, Name: evil, Inbox: "/i", Plan: hash, Proof: hash, Files: 1, Bytes: 2, Approvals: []string{"alice", "bob"}, Sender: "s",
			Terms: &audit.Terms{Channel: evil, Approvals: 2, Policy: hash, People: hash, Config: hash}}},
	}
}

// ledger has off bytes in no column.
func ledger(day string, off int64) *audit.Ledger {
	return &audit.Ledger{Day: day, Received: uint64(1000 + off), Delivered: 500, Repair: 200, Duplicate: 100, Control: 50,
		Rejected: map[string]uint64{"auth": 90, "size": 10}, Dropped: 50, Off: off}
}

func TestEntriesHaveOneEncoding(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range kinds() {
		data := encode(t, e)
		again, err := audit.ParseEntry(data)
		if err != nil {
			t.Errorf("%s: %v", data, err)
			continue
		}
		if !bytes.Equal(encode(t, again), data) {
			t.Errorf("%s is written back in another way", data)
		}
		seen[again.Body().Kind()] = true
	}
	// The worst that the low side can write still fits: six octets for each control character.
	worst := audit.Text(strings.Repeat("\x01", 2*audit.MaxText))
	encode(t, &audit.Entry{When: clock(), By: "p", Verdict: &audit.Verdict{Transfer: transfer(0), Check: "names", Path: worst, Reason: worst, File: hash}})
	if len(seen) != 19 {
		t.Errorf("%d kinds were tried, want 19", len(seen))
	}
}

func TestEntriesRefused(t *testing.T) {
	good := kinds()
	change := func(i int, f func(e *audit.Entry)) *audit.Entry {
		e := kinds()[i]
		f(e)
		return e
	}
	for name, e := range map[string]*audit.Entry{
		"nothing said":       {When: clock(), By: "x"},
		"two things said":    change(0, func(e *audit.Entry) { e.Stop = good[14].Stop }),
		"nobody":             change(0, func(e *audit.Entry) { e.By = "" }),
		"local time":         change(0, func(e *audit.Entry) { e.When = e.When.In(time.FixedZone("", 3600)) }),
		"nanoseconds":        change(0, func(e *audit.Entry) { e.When = e.When.Add(1) }),
		"no time":            change(0, func(e *audit.Entry) { e.When = time.Time{} }),
		"no transfer":        change(0, func(e *audit.Entry) { e.State.Transfer = "../x" }),
		"no move":            change(0, func(e *audit.Entry) { e.State.From = e.State.To }),
		"long reason":        change(0, func(e *audit.Entry) { e.State.Reason = strings.Repeat("x", audit.MaxText+1) }),
		"broken UTF-8":       change(0, func(e *audit.Entry) { e.State.Reason = "\xff" }),
		"pass with a no":     change(1, func(e *audit.Entry) { e.Verdict.Check = "names" }),
		"pass of nothing":    change(1, func(e *audit.Entry) { e.Verdict.Proof = "" }),
		"no digest":          change(3, func(e *audit.Entry) { e.Approval.Proof = strings.ToUpper(hash) }),
		"ticket of no bits":  change(7, func(e *audit.Entry) { e.Ticket.Bits = 0 }),
		"ticket of too many": change(7, func(e *audit.Entry) { e.Ticket.Bits = 41 }),
		"release by nobody":  change(9, func(e *audit.Entry) { e.Release.Approvals = nil }),
		"fewer than asked":   change(21, func(e *audit.Entry) { e.Release.Approvals = []string{"alice"} }),
		"people for nothing": change(21, func(e *audit.Entry) { e.Release.Terms.Approvals = 0 }),
		"terms of nothing":   change(21, func(e *audit.Entry) { e.Release.Terms.Channel = "" }),
		"restored unsaid":    change(20, func(e *audit.Entry) { e.Restored.Reason = "" }),
		"53 bits":            change(9, func(e *audit.Entry) { e.Release.Bytes = 1 << 53 }),
		"no such day":        change(10, func(e *audit.Entry) { e.Ledger.Day = "2026-02-30" }),
		"hidden bytes":       change(10, func(e *audit.Entry) { e.Ledger.Received++ }),
		"log-in by magic":    change(15, func(e *audit.Entry) { e.Login.How = "magic" }),
		"log-in of nobody":   change(15, func(e *audit.Entry) { e.Login.Who = "" }),
		"log-in from":        change(15, func(e *audit.Entry) { e.Login.From = "" }),
		"no session":         change(15, func(e *audit.Entry) { e.Login.Session = "" }),
		"a token's length":   change(15, func(e *audit.Entry) { e.Login.Session += "0" }),
		"certificate's":      change(16, func(e *audit.Entry) { e.Login.Session = "00112233445566aa" }),
		"looks twice":        change(16, func(e *audit.Entry) { e.Login.Looks = true }),
		"ended for nothing":  change(17, func(e *audit.Entry) { e.Logout.Reason = "" }),
		"end of nothing":     change(17, func(e *audit.Entry) { e.Logout.Session = "" }),
		"no tries":           change(18, func(e *audit.Entry) { e.Refused.Tries = 0 }),
		"more of a sort":     change(18, func(e *audit.Entry) { e.Refused.Early = 10 }),
		"more from others":   change(18, func(e *audit.Entry) { e.Refused.Others = 10 }),
		"from nowhere":       change(18, func(e *audit.Entry) { e.Refused.From = nil }),
		"from everywhere":    change(18, func(e *audit.Entry) { e.Refused.From = make([]string, audit.MaxPlaces+1) }),
		"since never":        change(18, func(e *audit.Entry) { e.Refused.Since = time.Time{} }),
		"invented gap":       change(10, func(e *audit.Entry) { e.Ledger.Off = 1 }),
	} {
		if data, err := audit.AppendEntry(nil, e); err == nil {
			t.Errorf("%s: %s", name, data)
		}
	}
	if _, err := audit.AppendEntry(nil, change(10, func(e *audit.Entry) { e.Ledger.Dropped++ })); !errors.Is(err, audit.ErrUnbalanced) {
		t.Errorf("unbalanced: %v", err)
	}
	marked := ledger("2026-11-22", -7)
	if marked.Difference() != -7 {
		t.Errorf("difference %d", marked.Difference())
	}
	encode(t, &audit.Entry{When: clock(), By: "p", Ledger: marked})
}

// FuzzEntry: what parses is written back octet for octet; Text makes anything fit.
func FuzzEntry(f *testing.F) {
	for _, e := range kinds() {
		f.Add(encode(f, e))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := audit.ParseEntry(data); err == nil {
			if again, err := audit.AppendEntry(nil, e); err != nil || !bytes.Equal(again, data) {
				t.Fatalf("%q is written back as %q, %v", data, again, err)
			}
		}
		reason := audit.Text(string(data))
		encode(t, &audit.Entry{When: clock(), By: "x", State: &audit.State{Transfer: transfer(0), From: "a", To: "b", Reason: reason}})
	})
}

// TestReceipt: only an Append of that very release makes one that counts.
func TestReceipt(t *testing.T) {
	store := merkletest.NewStore()
	log, _, err := audit.Open(store, merkletest.Key(t, origin), clock)
	if err != nil {
		t.Fatal(err)
	}
	var proof [32]byte
	for i := range proof {
		proof[i] = 0x0a
	}
	release := kinds()[9].Release
	for name, book := range map[string]interface {
		Append(string, audit.Body) (audit.Receipt, error)
	}{"log": log, "off": audit.Off{}} {
		r, err := book.Append("p", release)
		if err != nil || !r.Valid() || !r.Releases(release.Transfer, proof, "/i") {
			t.Errorf("%s: %v", name, err)
		}
		if r.Releases(transfer(1), proof, "/i") || r.Releases(release.Transfer, [32]byte{}, "/i") || r.Releases(release.Transfer, proof, "/j") {
			t.Errorf("%s: the receipt is for something else too", name)
		}
		bad := *release
		bad.Plan = "x"
		if r, err := book.Append("p", &bad); !errors.Is(err, audit.ErrEntry) || r.Valid() {
			t.Errorf("%s: a bad entry: %v", name, err)
		}
	}
	if (audit.Receipt{}).Valid() || (audit.Receipt{}).Releases("", [32]byte{}, "") {
		t.Error("the zero receipt counts")
	}
	if r, err := log.Append("p", move(0)); err != nil || r.Releases(transfer(0), proof, "/i") || r.Index() != 1 {
		t.Error("a receipt of another kind counts")
	}
}
