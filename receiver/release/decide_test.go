package release

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/framing/person"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/people"
)

// held makes a house with a transfer that waits for approval.
func heldHouse(t *testing.T, mode Mode) *house {
	t.Helper()
	h := build(t, false)
	h.change(func(c *Channel) { c.Release = mode })
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	return h
}

func TestTwoMeansTwo(t *testing.T) {
	h := heldHouse(t, Two)
	h.approve(t, id, "alice")
	for try := range 3 {
		if err := h.decide(t, id, "alice", person.Approve); !errors.Is(err, ErrTwice) {
			t.Errorf("alice once more (%d): %v", try, err)
		}
	}
	if _, err := h.gate.Run(t.Context(), id, quarantine.Held); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), "1 of 2") {
		t.Errorf("run with one of two: %v", err)
	}
	h.wantEmptyInbox(t)
	// Back, and again: still one.
	for _, action := range []person.Action{person.Revoke, person.Approve} {
		if err := h.decide(t, id, "alice", action); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.counts(t, id); n != 1 {
		t.Fatalf("%d approvals", n)
	}
	h.approve(t, id, "bob")
	h.run(t, id, quarantine.Held, quarantine.Released)
	if err := diff(h.inbox, checktest.Tree()); err != nil {
		t.Error(err)
	}
	if err := h.decide(t, id, "bob", person.Revoke); !errors.Is(err, ErrState) {
		t.Errorf("revoked after the release: %v", err)
	}
}

// TestZeroModeIsTheStrictest: a channel that does not say takes two.
func TestZeroModeIsTheStrictest(t *testing.T) {
	h := heldHouse(t, "")
	h.approve(t, id, "alice")
	if _, err := h.gate.Run(t.Context(), id, quarantine.Held); !errors.Is(err, ErrState) {
		t.Error(err)
	}
}

// TestTheSameFileTwiceIsOne: the signed decision of one person under another's name is nobody's.
func TestTheSameFileTwiceIsOne(t *testing.T) {
	h := heldHouse(t, Two)
	h.approve(t, id, "alice")
	dir := h.store.Dir(quarantine.Held, id)
	data, err := os.ReadFile(filepath.Join(dir, decisionFile("alice")))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"alice's": data, "renamed": []byte(strings.ReplaceAll(string(data), "alice", "bob")), "nothing": {}, "noise": []byte("{}\n\n")} {
		if err := os.WriteFile(filepath.Join(dir, decisionFile("bob")), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if n := h.counts(t, id); n != 1 {
			t.Errorf("%s file as bob's: %d approvals", name, n)
		}
		if _, err := h.gate.Run(t.Context(), id, quarantine.Held); !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// It does not stand in bob's way either.
	h.approve(t, id, "bob")
	h.run(t, id, quarantine.Held, quarantine.Released)
}

func TestDecisionsRefused(t *testing.T) {
	h := heldHouse(t, One)
	h.change(func(c *Channel) { c.Show = []string{"files", "verdicts"} })
	other := quarantine.ID{Channel: id.Channel, Transfer: 9}
	h.put(t, other, checktest.Build(t, other, h.key, checktest.Tree()))
	h.run(t, other, quarantine.Complete, quarantine.Held)
	sign := func(who string, change func(d *person.Decision)) person.Signed {
		d, err := h.gate.Draft(id, person.Approve, "", []string{"files", "history", "verdicts"})
		if err != nil {
			t.Fatal(err)
		}
		change(&d)
		s, err := h.keys[who].Sign(d)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	nothing := func(*person.Decision) {}
	forged := sign("alice", nothing)
	forged.Reason = "another"
	stranger, err := person.Generate("alice")
	if err != nil {
		t.Fatal(err)
	}
	fake, err := stranger.Sign(forged.Decision)
	if err != nil {
		t.Fatal(err)
	}
	unknown := sign("alice", nothing)
	unknown.Person = "eve"
	cases := map[string]struct {
		s    person.Signed
		want error
	}{
		"not a person":     {unknown, people.ErrUnknown},
		"another's key":    {fake, person.ErrSignature},
		"changed":          {forged, person.ErrSignature},
		"unsigned":         {person.Signed{Decision: forged.Decision, Person: "alice"}, person.ErrSignature},
		"nothing":          {person.Signed{}, people.ErrUnknown},
		"another channel":  {sign("carol", nothing), ErrRole},
		"a viewer":         {sign("dave", nothing), ErrRole},
		"another transfer": {sign("alice", func(d *person.Decision) { d.Transfer = other.String() }), ErrStale},
		"another proof":    {sign("alice", func(d *person.Decision) { d.Body[0] ^= 1 }), ErrStale},
		"other verdicts":   {sign("alice", func(d *person.Decision) { d.Verdicts[0] ^= 1 }), ErrStale},
		"no verdicts":      {sign("alice", func(d *person.Decision) { d.Verdicts = [32]byte{} }), ErrStale},
		"shown too little": {sign("alice", func(d *person.Decision) { d.Shown = []string{"verdicts"} }), ErrShown},
		"the future":       {sign("alice", func(d *person.Decision) { d.When = d.When.Add(time.Hour) }), ErrStale},
		"nothing to take":  {sign("alice", func(d *person.Decision) { d.Action = person.Revoke }), ErrState},
	}
	for name, c := range cases {
		if err := h.gate.Decide(id, c.s); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if files, err := DecisionFiles(h.store.Dir(quarantine.Held, id)); err != nil || len(files) != 0 {
		t.Errorf("%d files of refused decisions, %v", len(files), err)
	}
	if h.gate.ready(id) || h.counts(t, id) != 0 {
		t.Error("a refused decision counts")
	}
	if err := h.gate.Decide(quarantine.ID{Channel: id.Channel, Transfer: 77}, forged); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a transfer that is not there: %v", err)
	}
}

// TestAnOldYesDoesNotComeBack: whoever kept a decision can't undo a later one with it.
func TestAnOldYesDoesNotComeBack(t *testing.T) {
	h := heldHouse(t, One)
	yes := h.signed(t, id, "alice", person.Approve)
	if err := h.gate.Decide(id, yes); err != nil {
		t.Fatal(err)
	}
	if err := h.decide(t, id, "alice", person.Revoke); err != nil {
		t.Fatal(err)
	}
	if err := h.gate.Decide(id, yes); !errors.Is(err, ErrStale) {
		t.Errorf("the old yes again: %v", err)
	}
	if h.gate.ready(id) {
		t.Error("ready after the revocation")
	}
}

// TestVerdictsChangedSince: an approval is of the verdicts that the person saw. The same said again is the same; something else takes the
// approval away, also when it says yes again later.
func TestVerdictsChangedSince(t *testing.T) {
	h := heldHouse(t, Two)
	h.approve(t, id, "alice")
	if st, err := h.gate.Recheck(t.Context(), id); err != nil || st != quarantine.Held || h.counts(t, id) != 1 {
		t.Fatalf("checked again to the same end: %s, %v, %d approvals", st, err, h.counts(t, id))
	}
	content := filepath.Join(h.store.Dir(quarantine.Held, id), quarantine.ContentFile)
	flip := func() {
		data, err := os.ReadFile(content)
		if err != nil {
			t.Fatal(err)
		}
		data[7] ^= 1
		if err := os.WriteFile(content, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flip()
	if st, err := h.gate.Recheck(t.Context(), id); err != nil || st != quarantine.Held || h.counts(t, id) != 0 {
		t.Fatalf("damaged: %s, %v, %d approvals", st, err, h.counts(t, id))
	}
	if err := h.decide(t, id, "bob", person.Approve); !errors.Is(err, ErrState) {
		t.Errorf("approved what did not pass: %v", err)
	}
	flip()
	if st, err := h.gate.Recheck(t.Context(), id); err != nil || st != quarantine.Held || h.counts(t, id) != 0 {
		t.Fatalf("mended: %s, %v, %d approvals", st, err, h.counts(t, id))
	}
	h.approve(t, id, "alice") // not twice: her first yes was for other verdicts
	h.approve(t, id, "bob")
	h.run(t, id, quarantine.Held, quarantine.Released)
}

// TestRoleTakenAway: people are asked about when it counts, not when they spoke.
func TestRoleTakenAway(t *testing.T) {
	h := heldHouse(t, One)
	h.approve(t, id, "alice")
	bob := people.Person{Key: h.keys["bob"].Public(), Roles: []people.Role{people.Approver}}
	left, err := people.New([]people.Person{bob}, h.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	h.gate.People(left)
	if _, err := h.gate.Run(t.Context(), id, quarantine.Held); !errors.Is(err, ErrState) {
		t.Errorf("run with the word of somebody who left: %v", err)
	}
	h.gate.People(nil)
	if err := h.decide(t, id, "bob", person.Approve); !errors.Is(err, people.ErrUnknown) {
		t.Errorf("bob without people: %v", err)
	}
	h.wantEmptyInbox(t)
}

// TestRevokedWhileItWaitsForRoom: a release that fails for a full disk is tried again and again, and can be called back between.
func TestRevokedWhileItWaitsForRoom(t *testing.T) {
	h := heldHouse(t, One)
	h.approve(t, id, "alice")
	if err := os.Rename(h.inbox, h.inbox+".away"); err != nil {
		t.Fatal(err)
	}
	if st, err := h.gate.Run(t.Context(), id, quarantine.Held); err == nil || st != quarantine.Checking {
		t.Fatalf("%s, %v", st, err)
	}
	if err := h.decide(t, id, "bob", person.Approve); !errors.Is(err, ErrState) {
		t.Errorf("approved while it is checked: %v", err)
	}
	if err := h.decide(t, id, "alice", person.Revoke); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(h.inbox+".away", h.inbox); err != nil {
		t.Fatal(err)
	}
	h.run(t, id, quarantine.Checking, quarantine.Held)
	h.wantEmptyInbox(t)
}

// TestRevokedTooLate: once the release has begun nothing is revoked.
func TestRevokedTooLate(t *testing.T) {
	h := heldHouse(t, One)
	h.approve(t, id, "alice")
	revoke, reject := h.signed(t, id, "alice", person.Revoke), h.signed(t, id, "bob", person.Reject)
	j, lock, err := h.gate.take(id, quarantine.Held)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.move(quarantine.Checking, ""), writeJSON(j.dir(), intentFile, intent{Inbox: h.inbox, Name: "tree"})); err != nil {
		t.Fatal(err)
	}
	lock.Unlock()
	for _, word := range []person.Signed{revoke, reject} {
		if err := h.gate.Decide(id, word); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), "has begun") {
			t.Errorf("%s after the intent: %v", word.Action, err)
		}
	}
}

// TestOneNoIsEnough: a rejection stops what two have approved; and the daemon goes on with one whose giver's program died.
func TestOneNoIsEnough(t *testing.T) {
	h := heldHouse(t, Two)
	h.approve(t, id, "alice")
	no := h.signed(t, id, "bob", person.Reject)
	h.gate.step = func(step string) {
		if step == "decision written" {
			panic(step)
		}
	}
	func() {
		defer func() { _ = recover() }()
		_ = h.gate.Decide(id, no)
	}()
	h.gate.step = func(string) {}
	h.is(t, id, quarantine.Held)
	h.run(t, id, quarantine.Held, quarantine.Rejected)
	if reason := h.reason(t, id); reason != "rejected by bob: because" {
		t.Errorf("reason %q", reason)
	}
	h.wantEmptyInbox(t)
}
