// Package people knows who may decide what: named persons, their public keys, their roles and channels.
//
//	people.toml ─ cmd ─> []Person ─ New ─> Registry ─ Verify(signed decision) ─> Person ─ May(role, channel)
//
// The file is read by the commands (cmd/pawl-release, which reads all configuration); here is what must hold of it. The keys and the
// signed decisions themselves are in framing/person.
package people

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"pawl/framing/person"
	"pawl/framing/seal"
)

var (
	// ErrUnknown is wrapped by errors about somebody who is not in the registry.
	ErrUnknown = errors.New("not one of the people")
	// ErrPeople is wrapped by New for people who can't be told apart or do nothing.
	ErrPeople = errors.New("people can't be so")
)

// Role is something that a person may do. None contains another: who gives out roles need not be who approves.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"   // sees transfers
	Approver Role = "approver" // approves, revokes the own approval, rejects
	Auditor  Role = "auditor"  // sees the audit log and the ledger
	Admin    Role = "admin"    // sees everything, and sends transfers through their checks again
)

// Roles lists all roles.
func Roles() []Role { return []Role{Viewer, Approver, Auditor, Admin} }

// UnmarshalText reads a role and refuses any other word.
func (r *Role) UnmarshalText(text []byte) error {
	*r = Role(text)
	if !slices.Contains(Roles(), *r) {
		return fmt.Errorf("%.40q is no role: write \"viewer\", \"approver\", \"auditor\" or \"admin\"", text)
	}
	return nil
}

// Person is one named person.
type Person struct {
	Key      person.Public // and with it the name
	Roles    []Role
	Channels []string // names of the channels that the roles are for; empty: all
}

// Name is what the person is called.
func (p Person) Name() string { return p.Key.Name() }

// May says whether the person has a role for a channel.
func (p Person) May(role Role, channel string) bool {
	return slices.Contains(p.Roles, role) && (len(p.Channels) == 0 || slices.Contains(p.Channels, channel))
}

// Registry is all the people. It does not change; the zero one and nil have nobody.
type Registry struct {
	people map[string]Person
}

// New makes a registry. No name and no key may be there twice, and nobody may have the key of the sender: who sends a transfer is not who
// approves it. The error wraps [ErrPeople].
func New(all []Person, sender seal.SenderPublic) (*Registry, error) {
	r := &Registry{people: map[string]Person{}}
	keys := map[[32]byte]string{}
	for _, p := range all {
		name, key := p.Name(), p.Key.Raw()
		if _, twice := r.people[name]; twice {
			return nil, fmt.Errorf("%w: %s is there twice", ErrPeople, name)
		}
		if other, twice := keys[key]; twice {
			return nil, fmt.Errorf("%w: %s has the key of %s: two people are two keys", ErrPeople, name, other)
		}
		if key == sender.Raw() {
			return nil, fmt.Errorf("%w: %s has the key that signs on the low side: the submitter approves nothing", ErrPeople, name)
		}
		if err := person.CheckName(name); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPeople, err)
		}
		if len(p.Roles) == 0 {
			return nil, fmt.Errorf("%w: %s has no roles", ErrPeople, name)
		}
		r.people[name], keys[key] = p, name
	}
	return r, nil
}

// Len is how many people there are.
func (r *Registry) Len() int {
	if r == nil {
		return 0
	}
	return len(r.people)
}

// All lists the people by name.
func (r *Registry) All() []Person {
	if r == nil {
		return nil
	}
	var all []Person
	for _, p := range r.people {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Person) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}

// Find gives a person by name. The error wraps [ErrUnknown].
func (r *Registry) Find(name string) (Person, error) {
	if r != nil {
		if p, ok := r.people[name]; ok {
			return p, nil
		}
	}
	return Person{}, fmt.Errorf("%.40q: %w", name, ErrUnknown)
}

// Verify gives the person who made a decision. Errors wrap [ErrUnknown], [person.ErrSignature] or [person.ErrDecision]. Whether the decision
// counts is another question: see [Person.May] and release.Gate.
func (r *Registry) Verify(s person.Signed) (Person, error) {
	p, err := r.Find(s.Person)
	if err != nil {
		return Person{}, err
	}
	if err := p.Key.Verify(s); err != nil {
		return Person{}, err
	}
	return p, nil
}
