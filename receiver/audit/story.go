package audit

import (
	"fmt"
	"slices"
)

// The words of quarantine for what a transfer goes through, and its table of moves; a test holds them to quarantine's. They are here a second
// time so that pawl-audit needs nothing of the gateway.
const (
	stateIncoming   = "incoming"
	stateIncomplete = "incomplete"
	stateComplete   = "complete"
	stateChecking   = "checking"
	stateHeld       = "held"
	stateReleased   = "released"
	stateRejected   = "rejected"
)

// OutcomeUnknown is the outcome of a transfer of whose state the log does not tell.
const OutcomeUnknown = "unknown"

var moves = map[string][]string{
	stateIncoming:   {stateComplete, stateIncomplete},
	stateIncomplete: {stateIncoming, stateComplete},
	stateComplete:   {stateChecking},
	stateChecking:   {stateHeld, stateReleased, stateRejected},
	stateHeld:       {stateChecking, stateRejected},
}

// word is the last that a person said of a transfer.
type word struct {
	kind            string // of the entry
	proof, verdicts string
	key, file       string
}

// story is what the entries of a transfer say together, read in the order of the log.
//
// An entry is made before what it tells of. A crash between the two leaves an entry of a move that was never made, and the entry is there again, or
// another in its place, when the program goes on. So after an entry the transfer may be in either of its two states, and the next entry says which.
type story struct {
	at      []string // states that it may be in; none: not known yet
	last    *State   // nil: the log tells of none
	verdict *Verdict // the last
	words   map[string]word
	release *Release // that nothing has undone since
	place   int      // of that entry among the transfer's
}

// tell reads the entries of a transfer. The error wraps [ErrPack]: an entry contradicts those before it.
func tell(entries []*Entry) (*story, error) {
	s := &story{words: map[string]word{}}
	for i, e := range entries {
		if err := s.take(i, e); err != nil {
			return nil, fmt.Errorf("%w: %s of %s contradicts what was entered before: %w", ErrPack, e.Body().Kind(), e.When.Format("2006-01-02 15:04:05.000Z"), err)
		}
	}
	return s, nil
}

func (s *story) take(i int, e *Entry) error {
	switch b := e.Body().(type) {
	case *State:
		return s.move(b)
	case *Verdict:
		s.verdict, s.release = b, nil
		return s.in(stateChecking)
	case *Approval:
		s.say(b.Who, word{kind: b.Kind(), proof: b.Proof, verdicts: b.Verdicts, key: b.Key, file: b.File})
		return s.in(stateHeld)
	case *Rejection:
		s.say(b.Who, word{kind: b.Kind(), proof: b.Proof, verdicts: b.Verdicts, key: b.Key, file: b.File})
		return s.in(stateHeld, stateChecking)
	case *Revocation:
		s.say(b.Who, word{kind: b.Kind(), proof: b.Proof, key: b.Key, file: b.File})
		return s.in(stateHeld, stateChecking)
	case *Release:
		s.release, s.place = b, i
		return s.in(stateChecking)
	case *Removal:
		if s.last == nil {
			return fmt.Errorf("the transfer is %s", s.outcome())
		}
		return s.in(stateReleased, stateRejected)
	}
	return nil
}

// say notes a word. A release that was entered before it did not come to its end.
func (s *story) say(who string, w word) {
	s.words[who], s.release = w, nil
}

// in asks whether the transfer can be in one of some states, and then knows that it is.
func (s *story) in(states ...string) error {
	if len(s.at) == 0 {
		s.at = states
		return nil
	}
	left := slices.DeleteFunc(slices.Clone(s.at), func(st string) bool { return !slices.Contains(states, st) })
	if len(left) == 0 {
		return fmt.Errorf("the transfer is %s", s.outcome())
	}
	s.at = left
	return nil
}

func (s *story) move(b *State) error {
	if !slices.Contains(moves[b.From], b.To) {
		return fmt.Errorf("there is no move from %s to %s", b.From, b.To)
	}
	if err := s.in(b.From); err != nil && !s.toldAgain(b) {
		return fmt.Errorf("it moves from %s: %w", b.From, err)
	}
	switch {
	case b.To != stateReleased:
		s.release = nil
	case s.release == nil:
		return fmt.Errorf("released without a release")
	}
	s.at, s.last = []string{b.From, b.To}, b
	return nil
}

// toldAgain says whether a move of pawl-receive's is entered once more, as they all are when the program died between them and the first move of its own.
func (s *story) toldAgain(b *State) bool {
	return (b.From == stateIncoming || b.From == stateIncomplete) && slices.Contains(s.at, stateComplete)
}

// outcome is the last state that was entered.
func (s *story) outcome() string {
	if s.last == nil {
		return OutcomeUnknown
	}
	return s.last.To
}

// letOut checks that nothing that was entered before the release forbids it: the last verdict is the pass for its proof, nobody's last word is a no, and
// everybody whom it names has said yes, last, to that proof and that verdict. As many have as the terms demand.
func (s *story) letOut() error {
	r, v := s.release, s.verdict
	switch {
	case v == nil || !v.Pass:
		return fmt.Errorf("%w: released though the last verdict before it is no pass", ErrPack)
	case v.Proof != r.Proof:
		return fmt.Errorf("%w: released by a pass for another proof", ErrPack)
	}
	for who, w := range s.words {
		if w.kind == (&Rejection{}).Kind() {
			return fmt.Errorf("%w: released though %s rejected it", ErrPack, who)
		}
	}
	if err := r.Terms.check(r.Approvals); err != nil {
		return fmt.Errorf("%w: release: %w", ErrPack, err)
	}
	if r.byPolicy() {
		return nil
	}
	for i, who := range r.Approvals {
		w, said := s.words[who]
		switch {
		case slices.Contains(r.Approvals[:i], who):
			return fmt.Errorf("%w: released with two approvals of %s", ErrPack, who)
		case !said || w.kind != (&Approval{}).Kind():
			return fmt.Errorf("%w: released with the approval of %s, whose last word is none", ErrPack, who)
		case w.proof != r.Proof:
			return fmt.Errorf("%w: released with the approval of %s for another proof", ErrPack, who)
		case w.verdicts != v.File:
			return fmt.Errorf("%w: released with the approval of %s over other verdicts than the last", ErrPack, who)
		}
	}
	return nil
}
