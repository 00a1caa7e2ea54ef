package audit_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// untilHeld is the tale up to where it waits for people.
func untilHeld(t testing.TB) *tale {
	a := newTale(t)
	a.entries, a.signed = a.entries[:atAlice], nil
	return a
}

// statement is what the key signed.
func statement(t testing.TB, pack []byte) string {
	t.Helper()
	_, files := unzip(t, pack)
	_, rest, _ := strings.Cut(string(files["statement.dsse.json"]), `"payload":"`)
	coded, _, _ := strings.Cut(rest, `"`)
	payload, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

// TestContentIsProvedOrNotNamed: of what was not let out, too, the statement names the files only if the configured sender signed them and the last
// verdict is about them. Whoever owns pawl-receive can write any plan and proof there; the log's key signs nothing of it.
func TestContentIsProvedOrNotNamed(t *testing.T) {
	qid := quarantine.ID{Channel: 3, Transfer: 0xabc}
	for name, c := range map[string]struct {
		change func(a *tale)
		want   string
	}{
		"as it came": {func(*tale) {}, ""},
		"a no, of which the log says what it was about": {func(a *tale) {
			no := a.no()
			no.Verdict.File = a.verdict
			a.entries[5] = no
		}, ""},
		"a name in the plan": {func(a *tale) {
			a.objects[audit.PackPlan] = bytes.Replace(a.objects[audit.PackPlan], []byte("a.b"), []byte("a.c"), 1)
		}, "the plan is not the one that the proof names"},
		"another's plan and proof": {func(a *tale) {
			o := checktest.Build(t, qid, checktest.Key(t), checktest.Tree())
			a.objects[audit.PackPlan], a.objects[audit.PackProof] = o.Plan, o.Proof
		}, "the proof is not signed by the sender"},
		"of another transfer": {func(a *tale) {
			o := checktest.Build(t, quarantine.ID{Channel: 3, Transfer: 0xdef}, a.sender, checktest.Tree())
			a.objects[audit.PackPlan], a.objects[audit.PackProof] = o.Plan, o.Proof
		}, "the proof is of another transfer"},
		"signed by the sender, and never looked at": {func(a *tale) {
			o := checktest.Build(t, qid, a.sender, checktest.Tree()[:1])
			a.objects[audit.PackPlan], a.objects[audit.PackProof] = o.Plan, o.Proof
		}, "the proof is not the one that the last verdict is about"},
		"given up":       {func(a *tale) { a.objects[audit.PackProof] = checktest.Abort(t, qid, a.sender, "x", "y").Proof }, "the sender gave the transfer up"},
		"half a proof":   {func(a *tale) { a.objects[audit.PackProof] = a.objects[audit.PackProof][:100] }, "the proof does not parse"},
		"no plan":        {func(a *tale) { delete(a.objects, audit.PackPlan) }, "there is no plan"},
		"not yet looked": {func(a *tale) { a.entries = a.entries[:5]; delete(a.objects, audit.PackVerdict) }, "the log has no verdict about it"},
		"a no of an earlier version": {func(a *tale) {
			no := a.no()
			no.Verdict.File, no.Verdict.Proof = a.verdict, ""
			a.entries[5] = no
		}, "the last verdict names no proof"},
	} {
		t.Run(name, func(t *testing.T) {
			a := untilHeld(t)
			c.change(a)
			var pack bytes.Buffer
			if _, err := audit.WritePack(&pack, a.log(t), a.key, a.sender.Public(), a.id, a.objects); err != nil {
				t.Fatal(err)
			}
			e, err := verifyPack(pack.Bytes(), a.key.Public())
			if err != nil {
				t.Fatal(err)
			}
			said := statement(t, pack.Bytes())
			if c.want == "" {
				if e.Unproved != nil || e.Name != "tree" || e.Files == 0 || e.Sender != a.sender.Public() ||
					!strings.Contains(said, `"content":"proved"`) || !strings.Contains(said, "tree/a.b") {
					t.Errorf("%v: %+v\n%s", e.Unproved, e, said)
				}
				return
			}
			if e.Unproved == nil || e.Unproved.Error() != c.want || e.Name != "" || e.Files != 0 {
				t.Errorf("%v, want %q; name %q", e.Unproved, c.want, e.Name)
			}
			if !strings.Contains(said, `"subject":[]`) || !strings.Contains(said, `"content":"content not proved: `+c.want+`"`) || strings.Contains(said, "tree") {
				t.Errorf("signed: %s", said)
			}
		})
	}
}

// TestFalseSubjects: a statement that names files of an unproved plan does not verify though the log's key signed it, and one of an earlier version,
// which did name them, says that it is one.
func TestFalseSubjects(t *testing.T) {
	a := untilHeld(t)
	a.objects[audit.PackPlan] = bytes.Replace(a.objects[audit.PackPlan], []byte("a.b"), []byte("a.c"), 1)
	var pack bytes.Buffer
	if err := audit.ForgePack(&pack, a.log(t), a.key, a.sender.Public(), a.id, a.objects); err != nil {
		t.Fatal(err)
	}
	names, files := unzip(t, pack.Bytes())
	for from, to := range map[string]string{
		`"subject":[]`: `"subject":[{"digest":{"sha256":"` + wide("00") + `"},"name":"tree/a.c"}]`,
		"content not proved: the plan is not the one that the proof names": "proved",
		"urn:pawl:transfer:v2":     "urn:pawl:transfer:v1",
		a.sender.Public().String(): checktest.Key(t).Public().String(),
	} {
		files["statement.dsse.json"] = resign(t, files["statement.dsse.json"], a.key, a.key, from, to)
		_, err := verifyPack(rezip(t, names, files), a.key.Public())
		if !errors.Is(err, audit.ErrPack) || strings.HasSuffix(to, "v1") != strings.Contains(err.Error(), "have the evidence written again") {
			t.Errorf("%s: %v", to, err)
		}
		files["statement.dsse.json"] = resign(t, files["statement.dsse.json"], a.key, a.key, to, from)
	}
	if _, err := verifyPack(rezip(t, names, files), a.key.Public()); err != nil {
		t.Errorf("with all put back: %v", err)
	}
	if _, err := audit.WritePack(io.Discard, a.log(t), a.key, a.sender.Public(), a.id, audit.Objects{audit.PackProof: a.objects[audit.PackProof]}); !errors.Is(err, audit.ErrPack) {
		t.Errorf("held, without its verdict: %v", err)
	}
}

// TestOutcomes: whatever state a transfer is in, its evidence says so; where the log tells of none, it says that.
func TestOutcomes(t *testing.T) {
	ticket := audit.Entry{Ticket: &audit.Ticket{Transfer: transfer(0), Bits: 40, Text: "ABCDE"}}
	way := map[string][]string{
		audit.OutcomeUnknown: nil, "incomplete": {"incoming", "incomplete"}, "incoming": {"incoming", "incomplete", "incoming"}, "complete": {"incoming", "complete"},
		"checking": {"complete", "checking"}, "rejected": {"complete", "checking", "rejected"},
	}
	for want, states := range way {
		a := newTale(t)
		a.signed, a.objects = nil, audit.Objects{audit.PackProof: a.objects[audit.PackProof]}
		ticket.Ticket.Transfer = a.id
		a.entries = []audit.Entry{ticket}
		for i := range max(len(states)-1, 0) {
			a.entries = append(a.entries, a.state(states[i], states[i+1]))
		}
		e, err := a.forge(t)
		if err != nil || e.Outcome != want || e.Unproved == nil {
			t.Errorf("%s: %+v, %v", want, e, err)
		}
	}
}
