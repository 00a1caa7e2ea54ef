package sender

import (
	"sync"
	"sync/atomic"
	"time"

	"pawl/framing"
)

// flight is a transfer that the daemon holds: its record, and how far it is. The record is
// changed by one goroutine at a time: who claims, then a trip, then settle.
type flight struct {
	rec     *record
	dir     string // claimed/<id>
	channel *channel

	sent      atomic.Uint64         // octets of content sent in this pass
	holds     atomic.Int64          // groups on their way, and the pass that sends them
	passed    func(*flight)         // called when the last group of a pass has left
	failure   *fault                // why the pass was given up, or nil
	paused    atomic.Bool           // a pass is under way and has to wait: for a window, a quota or people
	cancelled atomic.Pointer[fault] // why it is to be given up at its next turn
	repair    *repair               // what a ticket asked for, nil for a pass like others
	round     bool                  // of the carousel: repair says what is sent, and it stays in sent/
	parted    int                   // entries that were refused alone, while it is claimed

	// Under schedule.mu.
	place   place     // which of its channel's lists it is in
	orders  orders    // what people want of it
	class   Class     // by its orders, else its channel
	due     time.Time // of the next pass
	begun   bool      // a pass was begun since the start
	unsent  bool      // no packet of it was ever sent
	fresh   bool      // its files are not in the quota yet
	counted bool      // as fresh, by its channel
	busy    bool      // a lane steps it
	trip    *trip     // of the pass under way
	lot     lot       // what its next step sends

	// Of the goroutine that settles.
	seen, kept progress // as of the last look, and on disk

	whole, body float64 // octets on the wire of a pass, and those of content among them

	moving sync.Mutex // held while its folder is moved or ordered about
	state  atomic.Pointer[flightState]
	done   chan struct{} // closed when the state is final
}

// place is one of the lists of a channel.
type place int

const (
	placeNone  place = iota // on the link with all it has, or finished
	placeReady              // waits for its turn
	placeLater              // waits for its next pass
	placeHeld               // waits for people
)

// flightState is what others may see of a flight.
type flightState struct {
	State  State
	Pass   int // under way or last done, from 1; 0 before the first
	Path   string
	Reason string
}

func newFlight(rec *record, dir string, ch *channel) *flight {
	f := &flight{rec: rec, dir: dir, channel: ch, due: rec.Next, class: ch.Class, done: make(chan struct{})}
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

// shown is what others see: a pass that has to wait is not being sent.
func (f *flight) shown() flightState {
	at := *f.state.Load()
	if at.State == StateSending && f.paused.Load() {
		at.State = StateWaiting
	}
	return at
}

// hold keeps the pass from ending; each hold has its release.
func (f *flight) hold() { f.holds.Add(1) }

func (f *flight) release() {
	if f.holds.Add(-1) == 0 {
		f.passed(f)
	}
}

// ending says that the next packets of it are those that give it up: they wait for no
// window, no quota and nobody's word.
func (f *flight) ending() bool {
	return f.cancelled.Load() != nil || f.state.Load().State == StateAborting
}

// progress counts the content of a group whose first copy was sent.
func (f *flight) progress(g *group) {
	if g.head.Object == framing.ObjectContent {
		f.sent.Add(uint64(len(g.data)))
	}
}

// beat is what a beat tells of the transfer.
func (f *flight) beat() framing.Flight {
	at := f.shown()
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
