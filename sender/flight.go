package sender

import (
	"sync/atomic"

	"pawl/framing"
)

// flight is a transfer that the daemon holds: its record, and how far it is. The record is
// changed by one goroutine at a time: who claims, then schedule, then settle.
type flight struct {
	rec     *record
	dir     string // claimed/<id>
	channel *channel

	sent    atomic.Uint64 // octets of content sent in this pass
	holds   atomic.Int64  // groups on their way, and the pass that sends them
	passed  func(*flight) // called when the last group of a pass has left
	failure *fault        // why the pass was given up, or nil
	repair  *repair       // what a ticket asked for, nil for a pass like others
	parted  int           // entries that were refused alone, while it is claimed
	begun   bool          // a pass was begun since the start; under schedule.mu

	state atomic.Pointer[flightState]
	done  chan struct{} // closed when the state is final
}

// flightState is what others may see of a flight.
type flightState struct {
	State  State
	Pass   int // under way or last done, from 1; 0 before the first
	Path   string
	Reason string
}

func newFlight(rec *record, dir string, ch *channel) *flight {
	f := &flight{rec: rec, dir: dir, channel: ch, done: make(chan struct{})}
	f.show(rec.State)
	return f
}

// show publishes the state of the record, which becomes s.
func (f *flight) show(s State) {
	f.rec.State = s
	pass := f.rec.Pass
	if s == StateSending {
		pass++
	}
	f.state.Store(&flightState{State: s, Pass: pass, Path: f.rec.Path, Reason: f.rec.Reason})
}

// begin says whether this is the first pass since the start.
func (f *flight) begin() bool {
	first := !f.begun
	f.begun = true
	return first
}

// hold keeps the pass from ending; each hold has its release.
func (f *flight) hold() { f.holds.Add(1) }

func (f *flight) release() {
	if f.holds.Add(-1) == 0 {
		f.passed(f)
	}
}

// progress counts the content of a group whose first copy was sent.
func (f *flight) progress(g *group) {
	if g.head.Object == framing.ObjectContent {
		f.sent.Add(uint64(len(g.data)))
	}
}

// beat is what a beat tells of the transfer.
func (f *flight) beat() framing.Flight {
	at := f.state.Load()
	state := framing.FlightWaiting
	switch {
	case at.State == StateSending || at.State == StateAborting:
		state = framing.FlightSending
	case at.State.Final():
		state = framing.FlightFinished
	}
	return framing.Flight{
		Channel: f.rec.Channel, Transfer: f.rec.Transfer, State: state,
		Pass: uint8(min(at.Pass, 255)), Passes: uint8(min(f.rec.Passes, 255)),
		Length: f.rec.Content, Sent: f.sent.Load(),
	}
}
