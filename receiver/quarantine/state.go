package quarantine

import "slices"

// State is where a transfer stands, and the name of the folder that it lies in.
type State string

// The states; docs/lifecycle.md draws them and says who moves a transfer between them.
const (
	Incoming   State = "incoming"   // pawl-receive writes it
	Incomplete State = "incomplete" // symbols are missing: waits for a pass or a repair
	Complete   State = "complete"   // plan, content and proof are on disk; pawl-release takes it from here
	Checking   State = "checking"   // pawl-release reads it; after a crash it is read again
	Held       State = "held"       // waits for a person
	Released   State = "released"   // is in the inbox
	Rejected   State = "rejected"   // refused for good
)

// States lists all states in the order of a transfer's life.
func States() []State {
	return []State{Incoming, Incomplete, Complete, Checking, Held, Released, Rejected}
}

// Valid says whether s is one of the seven states.
func (s State) Valid() bool { return slices.Contains(States(), s) }

// Final says whether nothing moves a transfer out of s any more.
func (s State) Final() bool { return s.Valid() && len(moves[s]) == 0 }

// moves is the table of legal moves. Held goes back to checking, never straight to
// released: what a person approved is read and proved again when it is copied.
var moves = map[State][]State{
	Incoming:   {Complete, Incomplete},
	Incomplete: {Incoming, Complete},
	Complete:   {Checking},
	Checking:   {Held, Released, Rejected},
	Held:       {Checking, Rejected},
}

// CanMove says whether a transfer may go from one state to the other in one move.
func CanMove(from, to State) bool { return slices.Contains(moves[from], to) }
