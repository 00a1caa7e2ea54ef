package release

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pawl/framing/person"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// dying is an audit log whose program dies between an entry of a kind and what it tells of.
type dying struct {
	Recorder
	kind string
}

func (d *dying) Append(by string, body audit.Body) (audit.Receipt, error) {
	r, err := d.Recorder.Append(by, body)
	if err == nil && body.Kind() == d.kind {
		return audit.Receipt{}, errUnwritable
	}
	return r, err
}

// TestANoInTheLogStands: a rejection, or a yes taken back, that is in the log and nowhere else, because the program died, is finished before anything
// else is done. Nothing is released after it, and the evidence holds.
func TestANoInTheLogStands(t *testing.T) {
	for action, want := range map[person.Action]quarantine.State{person.Reject: quarantine.Rejected, person.Revoke: quarantine.Held} {
		t.Run(string(action), func(t *testing.T) {
			h := build(t, false)
			h.change(func(c *Channel) { c.Release = Two })
			store, key, log := h.audit(t)
			h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
			h.run(t, id, quarantine.Complete, quarantine.Held)
			h.approve(t, id, "alice")
			h.approve(t, id, "bob")
			kind := map[person.Action]string{person.Reject: "rejection", person.Revoke: "revocation"}[action]
			h.gate.Audit(&dying{log, kind})
			if err := h.decide(t, id, "bob", action); !errors.Is(err, errUnwritable) {
				t.Fatal(err)
			}
			h.is(t, id, quarantine.Held)
			h.gate.Audit(log)
			if !h.gate.ready(id) {
				t.Error("nobody would look at it")
			}
			h.run(t, id, quarantine.Held, want)
			h.wantEmptyInbox(t)
			if action == person.Revoke {
				h.approve(t, id, "bob")
				h.run(t, id, quarantine.Held, quarantine.Released)
			}
			h.proves(t, store, key)
		})
	}
}

// TestAYesThatFailedIsNone: who was told that a yes could not be entered has not said it.
func TestAYesThatFailedIsNone(t *testing.T) {
	h := heldHouse(t, One)
	_, _, log := h.audit(t)
	h.gate.Audit(&failing{Recorder: log, left: 1})
	if err := h.decide(t, id, "alice", person.Approve); !errors.Is(err, errUnwritable) {
		t.Fatal(err)
	}
	if h.counts(t, id) != 0 || h.gate.ready(id) {
		t.Error("it counts")
	}
}

// TestPlantedWords: a word that nobody of the people said, that was said of something else, or that is old, is put away without a trace.
func TestPlantedWords(t *testing.T) {
	h := heldHouse(t, One)
	old := h.signed(t, id, "alice", person.Revoke)
	filed, err := person.AppendFiled(nil, old, h.keys["alice"].Public())
	if err != nil {
		t.Fatal(err)
	}
	h.approve(t, id, "alice")
	dir := h.store.Dir(quarantine.Held, id)
	for name, data := range map[string][]byte{"alice": filed, "bob": []byte("{}"), "carol": filed} {
		if err := os.WriteFile(filepath.Join(dir, wordFile(name)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.run(t, id, quarantine.Held, quarantine.Released)
	left, err := filepath.Glob(filepath.Join(h.store.Dir(quarantine.Released, id), wordPrefix+"*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestANoInTheLogStandsInTheMiddle: the same for who has it in hand and is about to release: what the program died with in that very moment is finished
// before the release begins.
func TestANoInTheLogStandsInTheMiddle(t *testing.T) {
	for action, want := range map[person.Action]quarantine.State{person.Reject: quarantine.Rejected, person.Revoke: quarantine.Held} {
		t.Run(string(action), func(t *testing.T) {
			h := build(t, false)
			h.change(func(c *Channel) { c.Release = Two })
			store, key, log := h.audit(t)
			h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
			h.run(t, id, quarantine.Complete, quarantine.Held)
			h.approve(t, id, "alice")
			h.approve(t, id, "bob")
			h.gate.step = func(step string) {
				if step != "staging read back" {
					return
				}
				kind := map[person.Action]string{person.Reject: "rejection", person.Revoke: "revocation"}[action]
				h.gate.Audit(&dying{log, kind})
				if err := h.decide(t, id, "bob", action); !errors.Is(err, errUnwritable) {
					t.Error(err)
				}
				h.gate.Audit(log)
			}
			h.run(t, id, quarantine.Held, want)
			h.wantEmptyInbox(t)
			if action == person.Reject {
				if err := h.gate.Remove(id, "looked at"); err != nil {
					t.Error(err)
				}
				h.proves(t, store, key)
			}
		})
	}
}

// TestSayingItAgain: who says once more what a program of his died with has said it once; and who has rejected a transfer can't approve it over that.
func TestSayingItAgain(t *testing.T) {
	h := build(t, false)
	store, key, _ := h.audit(t)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	kill := errors.New("killed")
	h.gate.step = func(step string) {
		if step == "word written" {
			panic(kill)
		}
	}
	func() {
		defer func() {
			if r := recover(); r != kill {
				t.Fatal(r)
			}
		}()
		h.approve(t, id, "alice")
	}()
	h.gate.step = func(string) {}
	h.approve(t, id, "alice")
	if h.counts(t, id) != 1 || h.gate.ready(id) == false {
		t.Error("it does not count")
	}
	if err := h.decide(t, id, "alice", person.Approve); !errors.Is(err, ErrTwice) {
		t.Errorf("twice: %v", err)
	}
	// Somebody has it in hand, so the rejection does not move it.
	lock, err := h.store.Lock(id, quarantine.Held)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.decide(t, id, "bob", person.Reject); err != nil {
		t.Fatal(err)
	}
	if err := h.decide(t, id, "bob", person.Approve); !errors.Is(err, ErrState) {
		t.Errorf("approved over a rejection: %v", err)
	}
	lock.Unlock()
	h.run(t, id, quarantine.Held, quarantine.Rejected)
	if got := strings.Join(told(t, store, key), " "); got != "complete checking verdict held approval rejection rejected" {
		t.Errorf("entries %s", got)
	}
	h.proves(t, store, key)
}
