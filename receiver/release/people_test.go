package release

import (
	"crypto/sha256"
	"sync/atomic"
	"testing"
	"time"

	"pawl/framing/person"
	"pawl/framing/seal"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/people"
)

// keysOf makes the same keys in every process of a test, of names.
func keysOf(names ...string) (map[string]*person.Key, error) {
	keys := map[string]*person.Key{}
	for _, name := range names {
		key, err := person.NewKey(name, sha256.Sum256([]byte(name)))
		if err != nil {
			return nil, err
		}
		keys[name] = key
	}
	return keys, nil
}

// registry makes the people of a house: two who may approve, one who may for another channel only, and one who may look.
func (h *house) registry(t testing.TB) *people.Registry {
	t.Helper()
	keys, err := keysOf("alice", "bob", "carol", "dave")
	if err != nil {
		t.Fatal(err)
	}
	h.keys = keys
	r, err := registry(keys, h.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func registry(keys map[string]*person.Key, sender seal.SenderPublic) (*people.Registry, error) {
	var all []people.Person
	for name, p := range map[string]people.Person{
		"alice": {Roles: []people.Role{people.Approver}}, "bob": {Roles: []people.Role{people.Approver, people.Admin}},
		"carol": {Roles: []people.Role{people.Approver}, Channels: []string{"another"}}, "dave": {Roles: []people.Role{people.Viewer, people.Auditor, people.Admin}},
	} {
		p.Key = keys[name].Public()
		all = append(all, p)
	}
	return people.New(all, sender)
}

// clock runs a millisecond on each time that it is asked, so that no two decisions are of one time.
func clock() func() time.Time {
	var n atomic.Int64
	start := time.Now()
	return func() time.Time { return start.Add(time.Duration(n.Add(1)) * time.Millisecond) }
}

// signed is what a person would sign about a transfer as it is.
func (h *house) signed(t testing.TB, id quarantine.ID, who string, action person.Action) person.Signed {
	t.Helper()
	d, err := h.gate.Draft(id, action, "because", h.gate.channels[id.Channel].Show)
	if err != nil {
		t.Fatal(err)
	}
	s, err := h.keys[who].Sign(d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decide lets a person decide about a transfer as it is.
func (h *house) decide(t testing.TB, id quarantine.ID, who string, action person.Action) error {
	t.Helper()
	d, err := h.gate.Draft(id, action, "because", h.gate.channels[id.Channel].Show)
	if err != nil {
		return err
	}
	s, err := h.keys[who].Sign(d)
	if err != nil {
		t.Fatal(err)
	}
	return h.gate.Decide(id, s)
}

func (h *house) approve(t testing.TB, id quarantine.ID, who string) {
	t.Helper()
	if err := h.decide(t, id, who, person.Approve); err != nil {
		t.Fatal(err)
	}
}

// counts is how many approvals of a transfer count.
func (h *house) counts(t testing.TB, id quarantine.ID) int {
	t.Helper()
	w, err := h.gate.Waits(id)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range w.Decisions {
		if g.Against == nil && g.Action == person.Approve {
			n++
		}
	}
	return n
}
