package release

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/framing/person"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// content says whether a transfer's content is in the quarantine; what else it has must be.
func (h *house) content(t *testing.T, id quarantine.ID, st quarantine.State) bool {
	t.Helper()
	for _, name := range []string{quarantine.PlanFile, quarantine.ProofFile, verdictFile, quarantine.HistoryFile, decisionFile("bob")} {
		if _, err := os.Lstat(filepath.Join(h.store.Dir(st, id), name)); err != nil {
			t.Error(err)
		}
	}
	_, err := os.Lstat(filepath.Join(h.store.Dir(st, id), quarantine.ContentFile))
	return err == nil
}

// TestRejectedContentIsRemoved after the time that the channel says, or because a person says so; the log is told before.
func TestRejectedContentIsRemoved(t *testing.T) {
	h := heldHouse(t, One)
	if err := h.gate.Remove(id, "x"); !errors.Is(err, ErrState) {
		t.Errorf("removed what is held: %v", err)
	}
	if err := h.decide(t, id, "bob", person.Reject); err != nil {
		t.Fatal(err)
	}
	store, key, _ := h.audit(t)
	round := func(kept time.Duration, at time.Time) {
		w := &worker{gate: h.gate, pulse: new(pulse), channel: h.gate.channels[id.Channel], now: func() time.Time { return at }}
		w.channel.Refused = kept
		h.at(at)
		w.retain(context.Background())
	}
	round(0, time.Now().Add(1000*time.Hour))
	round(24*time.Hour, time.Now().Add(23*time.Hour))
	if !h.content(t, id, quarantine.Rejected) {
		t.Fatal("removed too early")
	}
	round(24*time.Hour, time.Now().Add(25*time.Hour))
	if h.content(t, id, quarantine.Rejected) {
		t.Error("kept for too long")
	}
	round(24*time.Hour, time.Now().Add(50*time.Hour))
	if got := strings.Join(told(t, store, key), " "); got != "removal" {
		t.Errorf("entries %s", got)
	}
	if err := h.gate.Remove(id, "x"); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), "not here any more") {
		t.Errorf("removed twice: %v", err)
	}

	other := heldHouse(t, One)
	if err := other.decide(t, id, "bob", person.Reject); err != nil {
		t.Fatal(err)
	}
	other.gate.Audit(&stubborn{audit.Off{}, func(audit.Body) bool { return true }})
	if err := other.gate.Remove(id, "room"); !errors.Is(err, errStubborn) || !other.content(t, id, quarantine.Rejected) {
		t.Errorf("removed what the log does not tell of: %v", err)
	}
	other.gate.Audit(audit.Off{})
	if err := other.gate.Remove(id, "room"); err != nil || other.content(t, id, quarantine.Rejected) {
		t.Error(err)
	}
}

// TestDaemonRemovesRejectedContent by itself.
func TestDaemonRemovesRejectedContent(t *testing.T) {
	h := build(t, true)
	h.put(t, id, checktest.Build(t, id, checktest.Key(t), checktest.Tree())) // another sender's
	h.run(t, id, quarantine.Complete, quarantine.Rejected)
	channel := h.gate.channels[id.Channel]
	channel.Refused = time.Nanosecond
	log := new(events)
	h.start(t, log, channel)
	log.until(t, "content of a rejected transfer removed", id.String())
	if _, err := os.Lstat(filepath.Join(h.store.Dir(quarantine.Rejected, id), quarantine.ContentFile)); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
