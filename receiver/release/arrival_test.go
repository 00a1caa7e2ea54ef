package release

import (
	"os"
	"strings"
	"testing"
	"time"

	"pawl/framing/merkle"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// TestArrivalIsEntered: how pawl-receive brought a transfer is in the log before its first check, whatever its history says.
func TestArrivalIsEntered(t *testing.T) {
	in, out, whole := quarantine.Incoming, quarantine.Incomplete, quarantine.Complete
	many := strings.Repeat("incomplete incoming ", 20)
	for name, c := range map[string]struct {
		history []quarantine.Event
		want    string // states, as they are entered
	}{
		"at once":       {[]quarantine.Event{{From: in, To: whole}}, "complete"},
		"repaired":      {[]quarantine.Event{{From: in, To: out}, {From: out, To: in}, {From: in, To: out}, {From: out, To: whole}}, "incomplete incoming incomplete complete"},
		"without a way": {nil, "complete"},
		"lies":          {[]quarantine.Event{{From: whole, To: quarantine.Checking}, {From: quarantine.Held, To: quarantine.Released}, {From: in, To: in}, {From: "x", To: whole}}, "complete"},
		"a gap":         {[]quarantine.Event{{From: in, To: out}, {From: in, To: whole}}, "complete"},
		"many times":    {nil, many[len(many)-len("incoming ")-7*len("incomplete incoming "):] + "complete"},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, false)
			store, key, _ := h.audit(t)
			h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
			if name == "many times" {
				for range 20 {
					c.history = append(c.history, quarantine.Event{From: in, To: out}, quarantine.Event{From: out, To: in})
				}
				c.history = append(c.history, quarantine.Event{From: in, To: whole, Reason: strings.Repeat("x", 60_000)})
			}
			for _, e := range c.history {
				e.Who = "pawl-receive"
				if err := h.store.Record(id, whole, e); err != nil {
					t.Fatal(err)
				}
			}
			h.run(t, id, whole, quarantine.Held)
			if got := strings.Join(told(t, store, key), " "); got != c.want+" checking verdict held" {
				t.Errorf("entered %q, want %q", got, c.want)
			}
			view, err := merkle.OpenView(store.FS(), key.Public())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.pack(view, key); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestIncompleteIsEntered: what becomes incomplete is entered once, also over a restart, once more when it becomes so again, and not without an end.
func TestIncompleteIsEntered(t *testing.T) {
	h := build(t, false)
	store, key, _ := h.audit(t)
	now := midnight
	chronicle := func() *Chronicle {
		view, err := merkle.OpenView(store.FS(), key.Public())
		if err != nil {
			t.Fatal(err)
		}
		waiting, err := h.gate.Waiting()
		if err != nil {
			t.Fatal(err)
		}
		past := audit.Past{}
		if past.Incomplete, err = audit.LastIncomplete(view, waiting); err != nil {
			t.Fatal(err)
		}
		return NewChronicle(h.gate, t.TempDir(), past)
	}
	c := chronicle()
	look := func(want int) {
		t.Helper()
		now = now.Add(waitingEvery)
		c.look(now)
		c.look(now.Add(waitingEvery / 2))
		if got := len(told(t, store, key)); got != want {
			t.Errorf("%d entries, want %d", got, want)
		}
	}
	move := func(id quarantine.ID, from, to quarantine.State) {
		t.Helper()
		if err := h.store.Move(id, from, to); err != nil {
			t.Fatal(err)
		}
	}
	look(0)
	if _, err := h.store.Create(id); err != nil {
		t.Fatal(err)
	}
	look(0)
	move(id, quarantine.Incoming, quarantine.Incomplete)
	look(1)
	look(1)
	c = chronicle()
	look(1)
	move(id, quarantine.Incomplete, quarantine.Incoming)
	look(1)
	move(id, quarantine.Incoming, quarantine.Incomplete)
	look(2)
	for i := range 3 * maxWaiting / 2 {
		if err := os.Mkdir(h.store.Dir(quarantine.Incomplete, quarantine.ID{Channel: 9, Transfer: uint64(i + 1)}), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	look(maxWaiting + 1) // one was of the chronicle before
	look(maxWaiting + 1)
	now = now.Add(24 * time.Hour)
	look(3*maxWaiting/2 + 2)
}
