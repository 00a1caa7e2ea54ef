package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/framing/person"
	"pawl/receiver/check"
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
// ([ErrState]). What it does not refuse is in the audit log and on disk when it returns. It does not wait for who has the transfer in hand.
//
// An approval is counted, and released by the next [Gate.Run]. A revocation takes the person's own approval back, and a rejection refuses the
// transfer, up to the moment when the release begins: all words are weighed right before that. A rejected transfer is moved at once, or by who has it
// in hand.
func (g *Gate) Decide(id quarantine.ID, s person.Signed) error {
	channel, ok := g.channels[id.Channel]
	if !ok {
		return fmt.Errorf("transfer %s: %w", id, ErrChannel)
	}
	st, err := g.word(id, channel, s)
	if err != nil || s.Action != person.Reject {
		return err
	}
	j, lock, err := g.take(id, st)
	if errors.Is(err, quarantine.ErrLocked) || errors.Is(err, fs.ErrNotExist) {
		return nil // who has it, or had it a moment ago, finds the word before it is released
	}
	if err != nil {
		return err
	}
	defer lock.Unlock()
	w, err := j.look()
	if err != nil || w.rejected == nil {
		return err
	}
	return j.giveUp(context.Background(), *w.rejected)
}

// word takes a decision in a turn of its own, and says in which state the transfer was.
func (g *Gate) word(id quarantine.ID, channel Channel, s person.Signed) (quarantine.State, error) {
	end, err := g.store.Turn()
	if err != nil {
		return "", err
	}
	defer end()
	st, err := g.store.Find(id)
	if err != nil {
		return st, err
	}
	j := &job{Gate: g, id: id, channel: channel, state: st, who: g.who}
	if _, err := j.finishWords(); err != nil {
		return st, err
	}
	if err := j.decide(s); err != nil {
		return st, fmt.Errorf("%s %s: %w", s.Action, id, err)
	}
	return st, nil
}

func (j *job) decide(s person.Signed) error {
	if j.state != quarantine.Held && (j.state != quarantine.Checking || s.Action == person.Approve) {
		return fmt.Errorf("transfer %s is %s: %w", j.id, j.state, ErrState)
	}
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
	if !j.finishing && slices.Contains(j.finished, p.Name()) && last != nil && last.Action == s.Action {
		return nil // a program died with this word, which was finished a moment ago: it is said
	}
	if last != nil && !s.When.After(last.When) {
		return fmt.Errorf("%w: %s decided otherwise after that", ErrStale, p.Name())
	}
	switch standing := last != nil && last.Action == person.Approve; {
	case s.Action == person.Approve && standing && last.Against == nil:
		return fmt.Errorf("%s %w", p.Name(), ErrTwice)
	case s.Action == person.Approve && last != nil && last.Action == person.Reject && last.Against == nil:
		return fmt.Errorf("%w: %s has rejected it", ErrState, p.Name())
	case s.Action == person.Revoke && !standing:
		return fmt.Errorf("%w: %s has not approved it", ErrState, p.Name())
	case s.Action != person.Approve:
		if begun, err := j.begun(); err != nil || begun {
			return errors.Join(fmt.Errorf("%w: its release has begun", ErrState), err)
		}
	}
	j.who = p.Name()
	if err := j.keep(s, p); err != nil {
		return err
	}
	return j.remark(string(s.Action)+" by "+p.Name(), s.Reason)
}

func rejectedBy(s person.Signed) string { return "rejected by " + s.Person + ": " + s.Reason }

// begun says whether a release has come so far that nothing is taken back.
func (j *job) begun() (bool, error) {
	var i intent
	there, err := readJSON(j.dir(), intentFile, &i)
	return there && !i.Uploading, err
}

// commit is the point of no return. In one turn, so that no word falls in between, it asks for everything once more that a release takes beside the
// pass, and lets write note that it has begun. The error is an outstandingError where something is outstanding now.
func (j *job) commit(place string, pass check.Pass, write func() error) error {
	if err := j.guard(); err != nil {
		return err
	}
	end, _, err := j.turn()
	if err != nil {
		return err
	}
	defer end()
	approval, wait, err := j.approve(pass)
	if err != nil {
		return err
	}
	if wait != "" {
		return outstandingError{wait}
	}
	// Somebody may have taken a yes back that was not needed: the log tells of those that were.
	if _, err := j.enterRelease(place, pass, approval); err != nil {
		return err
	}
	return write()
}

// giving is how long the store is waited for when a transfer that is rejected is cleared away.
const giving = 10 * time.Second

// giveUp refuses for good what one of the people has rejected. Neither inbox nor store is waited for: what can't be cleared there and was never
// released, a later start clears.
func (j *job) giveUp(ctx context.Context, s person.Signed) error {
	if j.state == quarantine.Checking {
		if err := j.clear(ctx); err != nil {
			j.log.Warn("what was begun of a rejected transfer can't be cleared now", zap.Stringer("transfer", j.id), zap.String("err", framing.Printable(err.Error(), shownReason)))
		}
	}
	j.who = s.Person
	return j.move(quarantine.Rejected, rejectedBy(s))
}

// clear removes what was copied or uploaded of a transfer whose release has not begun.
func (j *job) clear(ctx context.Context) error {
	if j.channel.Bucket != nil {
		if there, err := readJSON(j.dir(), intentFile, new(intent)); err != nil || !there {
			return err // nothing went up
		}
		ctx, stop := context.WithTimeout(ctx, giving)
		defer stop()
		return j.takeBack(ctx)
	}
	in, err := openInbox(j.channel.Inbox)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.close()
	return in.unstage(j.id)
}

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
