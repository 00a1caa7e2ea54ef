package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/receiver/audit"
)

// diary makes a log entry by entry, each with its own time.
type diary struct {
	t     testing.TB
	store *merkletest.Store
	key   *merkle.Key
	now   time.Time
	batch [][]byte
}

func newDiary(t testing.TB) *diary {
	return &diary{t: t, store: merkletest.NewStore(), key: merkletest.Key(t, origin), now: time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)}
}

func (d *diary) enter(by string, bodies ...func(e *audit.Entry)) {
	d.t.Helper()
	for _, body := range bodies {
		e := &audit.Entry{When: d.now, By: by}
		body(e)
		d.batch = append(d.batch, encode(d.t, e))
		d.now = d.now.Add(time.Second)
	}
}

func (d *diary) report(month string) *audit.Month {
	d.t.Helper()
	w, _, err := merkle.NewWriter(d.store, d.key)
	if err == nil {
		_, err = w.Append(d.batch...)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	m, err := audit.Report(d.store.FS(), d.key.Public(), month)
	if err != nil {
		d.t.Fatal(err)
	}
	return m
}

func moved(id, from, to, reason string) func(e *audit.Entry) {
	return func(e *audit.Entry) { e.State = &audit.State{Transfer: id, From: from, To: to, Reason: reason} }
}

func rejection(id, who, reason string) func(e *audit.Entry) {
	return func(e *audit.Entry) {
		e.Rejection = &audit.Rejection{Transfer: id, Who: who, Proof: hash, Reason: reason, File: hash}
	}
}

func approval(id, who string) func(e *audit.Entry) {
	return func(e *audit.Entry) { e.Approval = &audit.Approval{Transfer: id, Who: who, Proof: hash} }
}

func let(id string, who ...string) func(e *audit.Entry) {
	return func(e *audit.Entry) {
		e.Release = &audit.Release{Transfer: id, Name: "report", Inbox: "/in", Plan: hash, Proof: hash, Files: 1234, Bytes: 56_789_012, Approvals: who, Sender: "s"}
	}
}

// TestRejectionsAreNotCrowdedOut: what waits for approval all day is counted, and leaves each rejection its line; so do rejections by the checks those
// by people.
func TestRejectionsAreNotCrowdedOut(t *testing.T) {
	d := newDiary(t)
	for i := range 1500 {
		d.enter("pawl-release", moved(transfer(i), "checking", "held", "waits for approval: 0 of 2"))
	}
	for i := range 10_500 {
		d.enter("pawl-release", moved(transfer(10_000+i), "checking", "rejected", "type: image/png is not allowed"))
	}
	for i := range 1100 {
		d.enter("pawl-release", moved(transfer(30_000+i), "checking", "held", "virus: clamd does not answer"))
	}
	d.enter("alice", approval(transfer(0), "alice"), approval(transfer(1), "alice"))
	no := rejection(transfer(0), "bob", "not ordered by anyone")
	d.enter("bob", no, no, moved(transfer(0), "held", "rejected", "rejected by bob: not ordered by anyone"))
	d.enter("root", moved(transfer(2), "held", "rejected", "by hand, where there are no people"))
	d.enter("carol", func(e *audit.Entry) {
		e.Rejection = &audit.Rejection{Transfer: transfer(3), Who: "carol", Proof: hash, Reason: "late", File: strings.Repeat("7", 64)}
	}, moved(transfer(3), "checking", "rejected", "rejected by carol: late"))
	m := d.report("2026-11")
	if m.Waits["waits for approval"] != 1500 || len(m.Held) != 1000 || m.NumHeld != 1100 || len(m.Failed) != 10_000 || m.NumFail != 10_500 {
		t.Errorf("%d wait; held %d of %d, failed %d of %d", m.Waits["waits for approval"], len(m.Held), m.NumHeld, len(m.Failed), m.NumFail)
	}
	if len(m.Refused) != 3 || m.Refused[2].What != "rejected by carol: late" || m.Refused[0].What != "rejected by bob: not ordered by anyone" || m.Refused[0].By != "bob" || m.Refused[1].By != "root" {
		t.Errorf("rejected by people: %+v", m.Refused)
	}
	if a, b := m.People["alice"], m.People["bob"]; a == nil || b == nil || *a != (audit.Person{Approvals: 2}) || *b != (audit.Person{Rejections: 1}) {
		t.Errorf("people: %v", m.People)
	}
	if m.NumWait != 1500-3+1100 || len(m.Waiting) != 1000 {
		t.Errorf("still held: %d of %d", len(m.Waiting), m.NumWait)
	}
	text := text(t, m)
	for _, want := range []string{"of them: waits for approval   1,500", "500 more are not shown", "100 more are not shown", "rejected by bob: not ordered by anyone"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report has no %q", want)
		}
	}
}

func text(t testing.TB, m *audit.Month) string {
	t.Helper()
	var b strings.Builder
	if err := m.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestStoriesInTheReport: a release counts once and in the month in which it came to its end; what was held says what became of it; what went from high
// to low is there to the letter.
func TestStoriesInTheReport(t *testing.T) {
	d := newDiary(t)
	one, two, three := transfer(0), transfer(1), transfer(2)
	d.now = time.Date(2026, 10, 31, 23, 59, 58, 0, time.UTC)
	d.enter("pawl-release", let(one, "alice", "bob"), let(one, "alice", "bob")) // there twice
	d.now = time.Date(2026, 11, 1, 0, 0, 1, 0, time.UTC)
	d.enter("pawl-release", moved(one, "checking", "released", "in /in"), moved(one, "checking", "released", "in /in"))
	d.enter("pawl-release", let(two, "policy"), moved(two, "checking", "held", "name is taken in the inbox: report"), moved(three, "checking", "held", "digest: file x"))
	d.enter("carol", func(e *audit.Entry) { e.Ticket = &audit.Ticket{Transfer: three, Bits: 40, Text: "PAWL-T1-ABCDE"} },
		func(e *audit.Entry) { e.Shown = &audit.Shown{Transfer: one, Bits: 80, Code: "PAWL-R1-FGHIJ"} })
	d.enter("root", func(e *audit.Entry) {
		e.Restored = &audit.Restored{Kept: 9, KeptRoot: hash, Size: 7, Root: hash, Reason: "disk died"}
	})
	d.now = time.Date(2026, 12, 2, 8, 0, 0, 0, time.UTC)
	d.enter("pawl-release", moved(two, "held", "checking", "to be checked again"), let(two, "policy"), moved(two, "checking", "released", "in /in"))
	m := d.report("2026-11")
	if m.Released != 1 || m.Files != 1234 || len(m.Releases) != 1 || m.Releases[0].What != "report: 1,234 files, 56,789,012 bytes, to /in, approved by alice, bob" {
		t.Errorf("released %d, %d files: %+v", m.Released, m.Files, m.Releases)
	}
	if len(m.Held) != 2 || m.Held[0].Became != "released 2026-12-02" || m.Held[1].Became != "" {
		t.Errorf("held: %+v", m.Held)
	}
	if len(m.Waiting) != 1 || m.Waiting[0].Transfer != three {
		t.Errorf("still held: %+v", m.Waiting)
	}
	if len(m.Flows) != 2 || m.Flows[0].Text != "PAWL-T1-ABCDE" || m.Flows[1].Bits != 80 || m.Bits != 120 {
		t.Errorf("flows: %+v", m.Flows)
	}
	got := text(t, m)
	for _, want := range []string{"digest: file x +still held", "taken in the inbox: report +released 2026-12-02", "repair ticket +40 +PAWL-T1-ABCDE", "receipt code +80 +PAWL-R1-FGHIJ",
		"120 bits in all", "a log of 7 entries in the place of one of 9: disk died"} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("the report has no %q:\n%s", want, got)
		}
	}
}

// TestReportPage: in the page numbers stand to the right, what is short stays on its line, and what scrolls can be reached with the keyboard.
func TestReportPage(t *testing.T) {
	d := newDiary(t)
	id := transfer(0)
	d.enter("pawl-release", let(id, "alice", "bob"), moved(id, "checking", "released", "in /in"))
	for i := range 3 {
		d.enter("pawl-release", moved(transfer(i+1), "checking", "held", "type: application/x-executable is not allowed, the file is bin/"+strings.Repeat("long-name-", 12)))
	}
	d.enter("bob", rejection(transfer(2), "bob", "not ordered <script>"), moved(transfer(2), "held", "rejected", "x"))
	d.enter("carol", func(e *audit.Entry) {
		e.Ticket = &audit.Ticket{Transfer: id, Bits: 300, Text: "PAWL-T1-" + strings.Repeat("ABCDE-", 30)}
	})
	for day := range 3 {
		l := ledger(fmt.Sprintf("2026-11-%02d", day+3), int64(day%2))
		d.enter("pawl-release", func(e *audit.Entry) { e.Ledger = l })
	}
	var b strings.Builder
	if err := d.report("2026-11").WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{`<td class="s">2026-11-03 08:00:00Z</td><td class="n">0</td><td class="s">pawl-release</td>`, `approved by alice, bob</td>`, `<td class="n">1,000</td>`,
		`.n { text-align: right`, `white-space: nowrap`, `<div tabindex="0" role="region" aria-label="Releases">`, `not ordered &lt;script&gt;`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, `[&#34;`) {
		t.Error("something is not escaped, or in Go's syntax")
	}
	if dir := os.Getenv("PAWL_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "report.html"), []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
