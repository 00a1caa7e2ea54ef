package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/framing/person"
	"pawl/framing/seal"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// tale is a transfer that two people let out, entry by entry, to be told in other ways.
type tale struct {
	key     *merkle.Key
	sender  *seal.SenderKey
	id      string
	people  map[string]*person.Key
	objects audit.Objects
	proof   string // digest of its body
	verdict string // digest of verdict.json
	entries []audit.Entry
	signed  map[string][]byte // the decision of each person that goes into the pack
}

const (
	policyDigest = "11"
	peopleDigest = "22"
	configDigest = "33"
)

func wide(digest string) string { return strings.Repeat(digest, 32) }

func newTale(t testing.TB) *tale {
	t.Helper()
	qid := quarantine.ID{Channel: 3, Transfer: 0xabc}
	a := &tale{key: merkletest.Key(t, origin), sender: checktest.Key(t), id: qid.String(), people: map[string]*person.Key{}, signed: map[string][]byte{}}
	for _, name := range []string{"alice", "bob", "policy"} {
		key, err := person.Generate(name)
		if err != nil {
			t.Fatal(err)
		}
		a.people[name] = key
	}
	o := checktest.Build(t, qid, a.sender, checktest.Tree())
	body := sha256.Sum256(o.Proof[:len(o.Proof)-66]) // before the signature
	a.proof = fmt.Sprintf("%x", body)
	text := fmt.Appendf(nil, `{"pass":true,"body":"%s","policy":"%s"}`, a.proof, wide(policyDigest))
	a.verdict = fmt.Sprintf("%x", sha256.Sum256(text))
	a.objects = audit.Objects{audit.PackPlan: o.Plan, audit.PackProof: o.Proof, audit.PackVerdict: text}
	files := uint64(0)
	for _, e := range checktest.Tree() {
		if !e.Dir {
			files++
		}
	}
	a.entries = []audit.Entry{
		{Config: &audit.Config{Program: audit.ConfigProgram, File: "c", Digest: wide(configDigest)}},
		{Config: &audit.Config{Program: audit.PeopleProgram, File: "p", Digest: wide(peopleDigest)}},
		{Policy: &audit.Policy{Channel: 3, Name: "three", Digest: wide(policyDigest)}},
		a.state("incoming", "complete"), a.state("complete", "checking"), a.pass(), a.state("checking", "held"),
		a.say(t, "alice", person.Approve), a.say(t, "bob", person.Approve),
		a.state("held", "checking"), a.pass(),
		{Release: &audit.Release{Transfer: a.id, Name: "tree", Inbox: "/in", Plan: fmt.Sprintf("%x", sha256.Sum256(o.Plan)), Proof: a.proof, Files: files,
			Bytes: uint64(len(o.Content)), Approvals: []string{"alice", "bob"}, Sender: a.sender.Public().String(),
			Terms: &audit.Terms{Channel: "three", Approvals: 2, Policy: wide(policyDigest), People: wide(peopleDigest), Config: wide(configDigest)}}},
		a.state("checking", "released"), {Removal: &audit.Removal{Transfer: a.id, Bytes: 1, Reason: "it is in the inbox"}},
	}
	return a
}

// Places in the tale's entries.
const (
	atAlice   = 7
	atBob     = 8
	atTakenUp = 9
	atPass    = 10
	atRelease = 11
)

func (a *tale) state(from, to string) audit.Entry {
	return audit.Entry{State: &audit.State{Transfer: a.id, From: from, To: to}}
}

func (a *tale) pass() audit.Entry {
	return audit.Entry{Verdict: &audit.Verdict{Transfer: a.id, Pass: true, Proof: a.proof, File: a.verdict}}
}

func (a *tale) no() audit.Entry {
	return audit.Entry{Verdict: &audit.Verdict{Transfer: a.id, Check: "virus", Reason: "EICAR", Proof: a.proof, File: wide("44")}}
}

// say is a person's word over the tale's verdict. It is the person's last, as far as the pack is concerned.
func (a *tale) say(t testing.TB, who string, action person.Action) audit.Entry {
	return a.sayOver(t, who, action, a.verdict)
}

func (a *tale) sayOver(t testing.TB, who string, action person.Action, verdicts string) audit.Entry {
	t.Helper()
	d := person.Decision{Action: action, Transfer: a.id, When: clock(), Reason: "so"}
	for into, text := range map[*[32]byte]string{&d.Body: a.proof, &d.Verdicts: verdicts} {
		if n, err := hex.Decode(into[:], []byte(text)); err != nil || n != len(into) {
			t.Fatal(text, err)
		}
	}
	s, err := a.people[who].Sign(d)
	if err != nil {
		t.Fatal(err)
	}
	public := a.people[who].Public()
	filed, err := person.AppendFiled(nil, s, public)
	if err != nil {
		t.Fatal(err)
	}
	a.signed[who] = filed
	file, key := fmt.Sprintf("%x", sha256.Sum256(filed)), public.Fingerprint()
	switch action {
	case person.Approve:
		return audit.Entry{Approval: &audit.Approval{Transfer: a.id, Who: who, Proof: a.proof, Verdicts: verdicts, Key: key, File: file}}
	case person.Revoke:
		return audit.Entry{Revocation: &audit.Revocation{Transfer: a.id, Who: who, Proof: a.proof, Reason: "so", Key: key, File: file}}
	}
	return audit.Entry{Rejection: &audit.Rejection{Transfer: a.id, Who: who, Proof: a.proof, Verdicts: verdicts, Reason: "so", Key: key, File: file}}
}

// insert puts entries before a place.
func (a *tale) insert(at int, e ...audit.Entry) { a.entries = slices.Insert(a.entries, at, e...) }

// log writes the entries, and a view of them.
func (a *tale) log(t testing.TB) *merkle.View {
	t.Helper()
	store := merkletest.NewStore()
	w, _, err := merkle.NewWriter(store, a.key)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range a.entries {
		e.When, e.By = clock().Add(time.Duration(i)*time.Second), "pawl-release"
		if _, err := w.Append(encode(t, &e)); err != nil {
			t.Fatal(err)
		}
	}
	view, err := merkle.OpenView(store.FS(), a.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return view
}

// forge makes the pack that somebody with the log's key can make, and verifies it; WritePack must say the same.
func (a *tale) forge(t testing.TB) (*audit.Evidence, error) {
	t.Helper()
	view := a.log(t)
	if len(a.signed) > 0 && a.objects[audit.PackDecisions] == nil {
		var files [][]byte
		for _, who := range slices.Sorted(maps.Keys(a.signed)) {
			files = append(files, a.signed[who])
		}
		var err error
		if a.objects[audit.PackDecisions], err = audit.AppendDecisions(nil, files); err != nil {
			t.Fatal(err)
		}
	}
	var forged, honest bytes.Buffer
	if err := audit.ForgePack(&forged, view, a.key, a.sender.Public(), a.id, a.objects); err != nil {
		t.Fatal(err)
	}
	e, err := verifyPack(forged.Bytes(), a.key.Public())
	_, errWrite := audit.WritePack(&honest, view, a.key, a.sender.Public(), a.id, a.objects)
	if (err == nil) != (errWrite == nil) || honest.Len() > 0 != (err == nil) {
		t.Errorf("verify says %v, write %v", err, errWrite)
	}
	return e, err
}
