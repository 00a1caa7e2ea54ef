package release

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pawl/framing/person"
	"pawl/hw/disk"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// TestBackOff: the time between tries grows, and not for ever.
func TestBackOff(t *testing.T) {
	var all []time.Duration
	for n := 1; n <= 7; n++ {
		all = append(all, backOff(n, 30*time.Second, retryMost))
	}
	want := []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, retryMost, retryMost}
	if !slices.Equal(all, want) || backOff(1, time.Hour, retryMost) != retryMost {
		t.Errorf("%v", all)
	}
}

// TestRejectedWhileFirstChecked: a no that is said before the checks have an answer stands, whatever they say then.
func TestRejectedWhileFirstChecked(t *testing.T) {
	h := build(t, true)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	said := false
	h.gate.step = func(step string) {
		if step == "stage made" && !said {
			said = true
			if err := h.decide(t, id, "bob", person.Reject); err != nil {
				t.Error(err)
			}
		}
	}
	h.run(t, id, quarantine.Complete, quarantine.Rejected)
	h.wantEmptyInbox(t)
	if !said {
		t.Error("nobody said no")
	}
}

// TestVerdictThatCouldNotBeKept: the file that is written in the end is the one that the log tells of.
func TestVerdictThatCouldNotBeKept(t *testing.T) {
	h := build(t, false)
	dir, _ := small(t)
	var err error
	if h.store, err = quarantine.Open(filepath.Join(dir, "quarantine")); err != nil {
		t.Fatal(err)
	}
	h.gate.store = h.store
	book := &digests{Recorder: audit.Off{}}
	h.gate.Audit(book)
	h.put(t, id, checktest.Build(t, id, h.key, []checktest.Entry{{Path: "f", Data: []byte("x"), ModTime: 7}}))
	filler := filepath.Join(dir, "filler")
	h.gate.step = func(step string) {
		if step == "moved to checking" {
			if err := os.WriteFile(filler, make([]byte, 2<<20), 0o600); !disk.IsFull(err) {
				t.Errorf("not full: %v", err)
			}
		}
	}
	st := quarantine.Complete
	for range 3 {
		if got, err := h.gate.Run(t.Context(), id, st); !disk.IsFull(err) || got != quarantine.Checking {
			t.Fatalf("%s, %v", got, err)
		}
		st = quarantine.Checking
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	h.run(t, id, quarantine.Checking, quarantine.Held)
	data, err := readFile(h.store.Dir(quarantine.Held, id), verdictFile)
	if err != nil || len(book.files) != 1 || book.files[0] != digest(data) {
		t.Errorf("entered %q, kept %s, %v", book.files, digest(data), err)
	}
}

// digests keeps the digests that verdicts are entered with.
type digests struct {
	Recorder
	files []string
}

func (d *digests) Append(by string, body audit.Body) (audit.Receipt, error) {
	if v, ok := body.(*audit.Verdict); ok {
		d.files = append(d.files, v.File)
	}
	return d.Recorder.Append(by, body)
}

// TestFailingTransferWaits: a round does not try again what failed a moment ago, unless somebody has refused it.
func TestFailingTransferWaits(t *testing.T) {
	h := build(t, true)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	if err := os.Rename(h.inbox, h.inbox+".away"); err != nil {
		t.Fatal(err)
	}
	now := monday
	w := &worker{gate: h.gate, pulse: new(pulse), channel: h.gate.channels[id.Channel], rescan: time.Minute, now: func() time.Time { return now }, failing: map[quarantine.ID]*Failing{}}
	tries := func() int { return int(w.pulse.status.Failures) }
	for minute, want := range []int{1, 2, 2, 3, 3, 3, 3, 4} {
		now = monday.Add(time.Duration(minute) * time.Minute)
		if w.round(t.Context()); tries() != want {
			t.Fatalf("%d tries after %d min, want %d", tries(), minute, want)
		}
	}
	d := Daemon{}
	d.pulse.fail = w.pulse.fail
	if s := d.Status(); s.Fails != 1 || s.Failing[0].Tries != 4 || !s.Failing[0].Since.Equal(monday) || !strings.Contains(s.Failing[0].Reason, "no such file") {
		t.Errorf("status %+v", s)
	}
	// A word whose giver's program died before the move.
	h.gate.step = func(step string) {
		if step == "decision written" {
			panic(errStop)
		}
	}
	func() {
		defer func() { _ = recover() }()
		_ = h.decide(t, id, "bob", person.Reject)
	}()
	h.gate.step = func(string) {}
	w.round(t.Context())
	h.is(t, id, quarantine.Rejected)
	if left := w.pulse.fail[id.Channel]; len(left) != 0 {
		t.Errorf("still failing: %v", left)
	}
}
