package release

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"pawl/framing/person"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/people"
)

// clockSkew is by how much a person's clock may be ahead of ours.
const clockSkew = 5 * time.Minute

// ErrPeople is wrapped when a word must be a named person's, signed, and is not; or when there are no people to give it.
var ErrPeople = errors.New("it takes the signature of one of the people")

// People says who may decide. It is called before anything else; without it nobody may, and only channels with release = "auto" release.
func (g *Gate) People(all *people.Registry) { g.people = all }

// Draft is the decision that a person would sign about a transfer as it is now: whoever shows it fills in what was shown. The
// error wraps [fs.ErrNotExist] for what can't be decided about: there is no transfer, or it has no proof.
func (g *Gate) Draft(id quarantine.ID, action person.Action, reason string, shown []string) (person.Decision, error) {
	st, err := g.store.Find(id)
	if err != nil {
		return person.Decision{}, err
	}
	body, verdicts, _, err := seen(g.store.Dir(st, id))
	if err != nil {
		return person.Decision{}, err
	}
	return person.Decision{Action: action, Transfer: id.String(), Body: body, Verdicts: verdicts, When: g.now(), Reason: reason, Shown: shown}, nil
}

// Decide takes a person's signed decision. It refuses what is not signed by one of the people ([people.ErrUnknown],
// [person.ErrSignature]) with the role for the channel ([ErrRole]), over this transfer, its proof and its verdicts as they are now
// ([ErrStale]), with everything shown that the channel demands ([ErrShown]), for the first time ([ErrTwice]) and in a state for it
// ([ErrState], [quarantine.ErrLocked]). What it does not refuse is in the audit log and on disk when it returns.
//
// An approval is counted, and released by the next [Gate.Run]. A revocation takes the person's own approval back, up to
// the moment when the release begins. A rejection moves the transfer to rejected at once.
func (g *Gate) Decide(id quarantine.ID, s person.Signed) error {
	st, err := g.store.Find(id)
	if err != nil {
		return err
	}
	if st != quarantine.Held && (st != quarantine.Checking || s.Action != person.Revoke) {
		return fmt.Errorf("transfer %s is %s: %w", id, st, ErrState)
	}
	j, lock, err := g.take(id, st)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if _, err := j.finishWords(); err != nil {
		return err
	}
	if j.state != st {
		return fmt.Errorf("transfer %s is %s: %w", id, j.state, ErrState)
	}
	if err := j.decide(s); err != nil {
		return fmt.Errorf("%s %s: %w", s.Action, id, err)
	}
	return nil
}

func (j *job) decide(s person.Signed) error {
	p, err := j.judge(s)
	if (s.Action == person.Revoke || s.Action == person.Reject && j.finishing) && errors.Is(err, ErrStale) && s.Transfer == j.id.String() {
		err = nil // a yes may be taken back whatever became of what it was for; and a no that was entered stands
	}
	if err != nil {
		return err
	}
	if s.When.After(j.now().Add(clockSkew)) {
		return fmt.Errorf("%w: it was signed in the future: look at the clocks", ErrStale)
	}
	last, err := j.lastOf(p)
	if err != nil {
		return err
	}
	if last != nil && !s.When.After(last.When) {
		return fmt.Errorf("%w: %s decided otherwise after that", ErrStale, p.Name())
	}
	switch standing := last != nil && last.Action == person.Approve; {
	case s.Action == person.Approve && standing && last.Against == nil:
		return fmt.Errorf("%s %w", p.Name(), ErrTwice)
	case s.Action == person.Revoke && !standing:
		return fmt.Errorf("%w: %s has not approved it", ErrState, p.Name())
	case s.Action == person.Revoke:
		if _, err := os.Lstat(filepath.Join(j.dir(), intentFile)); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%w: its release has begun", ErrState)
		}
	}
	j.who = p.Name()
	if err := j.keep(s, p); err != nil {
		return err
	}
	if s.Action == person.Reject {
		return j.move(quarantine.Rejected, rejectedBy(s))
	}
	return j.remark(string(s.Action)+" by "+p.Name(), s.Reason)
}

func rejectedBy(s person.Signed) string { return "rejected by " + s.Person + ": " + s.Reason }

// lastOf is the decision of a person that stands.
func (j *job) lastOf(p people.Person) (*Given, error) {
	all, err := j.decisions()
	for i := range all {
		if all[i].Person == p.Name() && all[i].Action != "" {
			return &all[i], err
		}
	}
	return nil, err
}

// remark notes in the history what moves nothing.
func (j *job) remark(what, why string) error {
	if why != "" {
		what += ": " + why
	}
	return j.store.Record(j.id, j.state, quarantine.Event{Who: j.who, From: j.state, To: j.state, Reason: what})
}
