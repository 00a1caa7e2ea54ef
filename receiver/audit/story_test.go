package audit_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pawl/framing/person"
	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
)

// TestMovesAreQuarantines: the table here is the one that transfers are moved by.
func TestMovesAreQuarantines(t *testing.T) {
	for _, from := range quarantine.States() {
		for _, to := range quarantine.States() {
			if got := slices.Contains(audit.Moves[string(from)], string(to)); got != quarantine.CanMove(from, to) {
				t.Errorf("from %s to %s: %v", from, to, got)
			}
		}
	}
	if len(audit.Moves) != 5 {
		t.Errorf("moves from %d states", len(audit.Moves))
	}
}

// TestStoriesThatContradictTheRelease: whoever has the log's key can sign a pack whose own entries forbid the release. It does not verify, and is not
// written.
func TestStoriesThatContradictTheRelease(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, a *tale)
		want   string
	}{
		"revoked":                   {func(t *testing.T, a *tale) { a.insert(atTakenUp, a.say(t, "bob", person.Revoke)) }, "with the approval of bob, whose last word is none"},
		"revoked in checking":       {func(t *testing.T, a *tale) { a.insert(atPass, a.say(t, "bob", person.Revoke)) }, "with the approval of bob, whose last word is none"},
		"revoked after the release": {func(t *testing.T, a *tale) { a.insert(atRelease+1, a.say(t, "bob", person.Revoke)) }, "released without a release"},
		"rejected": {func(t *testing.T, a *tale) {
			a.insert(atTakenUp, a.say(t, "bob", person.Reject), a.state("held", "rejected"))
		}, "released though bob rejected it"},
		"rejected by one who was not asked": {func(t *testing.T, a *tale) { a.insert(atTakenUp, a.say(t, "policy", person.Reject)) }, "released though policy rejected it"},
		"rejected for good":                 {func(t *testing.T, a *tale) { a.entries[atTakenUp] = a.state("held", "rejected") }, "the transfer is rejected"},
		"no after the pass":                 {func(t *testing.T, a *tale) { a.insert(atRelease, a.no()) }, "verdict.json is not the last one"},
		"no after the pass, and its file": {func(t *testing.T, a *tale) {
			no := a.no()
			a.objects[audit.PackVerdict] = []byte(`{"pass":false}`)
			no.Verdict.File = fmt.Sprintf("%x", sha256.Sum256(a.objects[audit.PackVerdict]))
			a.insert(atRelease, no)
		}, "the last verdict before it is no pass"},
		"no after the release": {func(t *testing.T, a *tale) { a.insert(atRelease+1, a.no()) }, "released without a release"},
		"approvals of other verdicts": {func(t *testing.T, a *tale) {
			a.entries[atAlice], a.entries[atBob] = a.sayOver(t, "alice", person.Approve, wide("55")), a.sayOver(t, "bob", person.Approve, wide("55"))
		}, "over other verdicts than the last"},
		"no verdict.json":      {func(t *testing.T, a *tale) { delete(a.objects, audit.PackVerdict) }, "verdict.json is missing"},
		"another verdict.json": {func(t *testing.T, a *tale) { a.objects[audit.PackVerdict] = []byte("{}") }, "verdict.json is not the last one"},
		"no verdict": {func(t *testing.T, a *tale) {
			a.entries = slices.DeleteFunc(a.entries, func(e audit.Entry) bool { return e.Verdict != nil })
		}, "verdict.json is not the last one"},
		"never taken up":            {func(t *testing.T, a *tale) { a.entries = slices.Delete(a.entries, 4, 7) }, "the transfer is complete"},
		"not taken up":              {func(t *testing.T, a *tale) { a.entries = slices.Delete(a.entries, atTakenUp, atTakenUp+1) }, "the transfer is held"},
		"released from held":        {func(t *testing.T, a *tale) { a.entries[atRelease+1] = a.state("held", "released") }, "no move from held to released"},
		"held between":              {func(t *testing.T, a *tale) { a.insert(atRelease+1, a.state("checking", "held")) }, "released without a release"},
		"approved before it waited": {func(t *testing.T, a *tale) { a.entries[6] = a.entries[5] }, "the transfer is checking"},
		"no release":                {func(t *testing.T, a *tale) { a.entries = slices.Delete(a.entries, atRelease, atRelease+1) }, "released without a release"},
		"one of two":                {func(t *testing.T, a *tale) { delete(a.signed, "bob") }, "with the approval of bob, which is not in it"},
		"twice the same":            {func(t *testing.T, a *tale) { a.entries[atRelease].Release.Approvals = []string{"alice", "alice"} }, "two approvals of alice"},
		"content removed before":    {func(t *testing.T, a *tale) { a.insert(atTakenUp, a.entries[len(a.entries)-1]) }, "the transfer is held"},
		"who is called policy": {func(t *testing.T, a *tale) {
			r := a.entries[atRelease].Release
			r.Approvals, r.Terms.Approvals = []string{"policy"}, 1
		}, "with the approval of policy, whose last word is none"},
		"a policy that was never entered": {func(t *testing.T, a *tale) { a.entries[2].Policy.Digest = wide("66") }, "which was not entered before it"},
		"a policy of another channel":     {func(t *testing.T, a *tale) { a.entries[2].Policy.Channel = 4 }, "which was not entered before it"},
		"people entered too late": {func(t *testing.T, a *tale) {
			people := a.entries[1]
			a.entries = append(slices.Delete(a.entries, 1, 2), people)
		}, "which was not entered before it"},
		"a pass of another policy": {func(t *testing.T, a *tale) {
			a.entries[2].Policy.Digest, a.entries[atRelease].Release.Terms.Policy = wide("66"), wide("66")
		}, "not a pass for that proof by the policy that was in force"},
		"another name": {func(t *testing.T, a *tale) { a.entries[atRelease].Release.Name = "free" }, `the plan is of "tree", the release of "free"`},
		"another plan": {func(t *testing.T, a *tale) {
			a.objects[audit.PackPlan] = bytes.Replace(a.objects[audit.PackPlan], []byte("a.b"), []byte("a.c"), 1)
		},
			"the plan is not the one that the proof names"},
		"another's key": {func(t *testing.T, a *tale) { a.entries[atBob].Approval.Key = a.people["alice"].Public().Fingerprint() }, "not one that the log speaks of"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newTale(t)
			c.change(t, a)
			if _, err := a.forge(t); !errors.Is(err, audit.ErrPack) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestStoriesOfRejections: a no counts from held and while the checks are at it, and after it the content may be removed.
func TestStoriesOfRejections(t *testing.T) {
	removal := func(a *tale) audit.Entry { return a.entries[len(a.entries)-1] }
	for name, tail := range map[string]func(t *testing.T, a *tale) (from int, tail []audit.Entry){
		"held": func(t *testing.T, a *tale) (int, []audit.Entry) {
			return atTakenUp, []audit.Entry{a.say(t, "bob", person.Reject), a.state("held", "rejected")}
		},
		"checking": func(t *testing.T, a *tale) (int, []audit.Entry) {
			return atPass, []audit.Entry{a.say(t, "bob", person.Reject), a.pass(), a.state("checking", "rejected"), removal(a)}
		},
		"checking, after the release was entered, and again": func(t *testing.T, a *tale) (int, []audit.Entry) {
			no := a.say(t, "bob", person.Reject)
			return atRelease + 1, []audit.Entry{no, no, a.state("checking", "rejected"), a.state("checking", "rejected"), removal(a), removal(a)}
		},
		"held while it was said": func(t *testing.T, a *tale) (int, []audit.Entry) {
			return atPass, []audit.Entry{a.pass(), a.say(t, "bob", person.Reject), a.state("checking", "held"), a.state("held", "rejected"), removal(a)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newTale(t)
			from, rest := tail(t, a)
			a.entries = append(a.entries[:from:from], rest...)
			if e, err := a.forge(t); err != nil || e.Outcome != "rejected" || e.Release != nil || e.Name != "tree" {
				t.Errorf("%+v, %v", e, err)
			}
		})
	}
}

// TestStoriesOfCrashes: what honest programs enter, also those that died in between and those of earlier versions, verifies.
func TestStoriesOfCrashes(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, a *tale){
		"as it should be": func(*testing.T, *tale) {},
		"each entry twice": func(_ *testing.T, a *tale) {
			var twice []audit.Entry
			for _, e := range a.entries {
				twice = append(twice, e, e)
			}
			a.entries = twice
		},
		"not moved to held, and checked again": func(_ *testing.T, a *tale) { a.insert(7, a.pass(), a.state("checking", "held")) },
		"not moved to held, and released":      func(_ *testing.T, a *tale) { a.insert(atPass, a.pass(), a.state("checking", "held"), a.pass()) },
		"not taken up, and sent once more":     func(_ *testing.T, a *tale) { a.insert(atTakenUp, a.state("held", "checking")) },
		"taken back, and given again": func(t *testing.T, a *tale) {
			a.insert(atTakenUp, a.say(t, "bob", person.Revoke), a.say(t, "bob", person.Approve))
		},
		"a no that was not carried out": func(t *testing.T, a *tale) {
			a.insert(atTakenUp, a.say(t, "bob", person.Reject), a.state("held", "rejected"), a.say(t, "bob", person.Approve))
		},
		"a release that failed, and the next": func(_ *testing.T, a *tale) {
			a.insert(atPass, a.pass(), a.entries[atRelease], a.no(), a.state("checking", "held"), a.state("held", "checking"))
		},
		"a release that the program died in": func(_ *testing.T, a *tale) { a.insert(atPass, a.pass(), a.entries[atRelease]) },
		"repaired on its way": func(_ *testing.T, a *tale) {
			a.insert(3, a.state("incoming", "incomplete"), a.state("incoming", "incomplete"), a.state("incomplete", "incoming"))
		},
		"a ticket and a code": func(_ *testing.T, a *tale) {
			a.insert(3, audit.Entry{Ticket: &audit.Ticket{Transfer: a.id, Bits: 40, Text: "ABCDE"}})
			a.entries = append(a.entries, audit.Entry{Shown: &audit.Shown{Transfer: a.id, Bits: 40, Code: "ABCDE"}})
		},
		"an earlier version's": func(_ *testing.T, a *tale) {
			a.entries[atRelease].Release.Terms = nil
			a.entries = slices.Delete(a.entries, 0, 4)
		},
		"more than were demanded": func(_ *testing.T, a *tale) { a.entries[atRelease].Release.Terms.Approvals = 1 },
		"the policy's yes": func(_ *testing.T, a *tale) {
			r := a.entries[atRelease].Release
			r.Approvals, r.Terms.Approvals = []string{"policy"}, 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newTale(t)
			change(t, a)
			e, err := a.forge(t)
			if err != nil {
				t.Fatal(err)
			}
			if e.Outcome != "released" || e.Release == nil || e.Name != "tree" || e.Sender != a.sender.Public() || (e.Release.Terms != nil) != (len(e.Sources) == 3) {
				t.Errorf("%+v", e)
			}
		})
	}
}
