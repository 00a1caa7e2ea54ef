package release

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/framing/seal"
	"pawl/receiver/audit"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/bucket"
	"pawl/receiver/release/people"
)

// Channel is what a channel asks of its transfers, and where they go.
type Channel struct {
	ID      uint16
	Name    string
	Inbox   string             // path of a folder that is there
	Release Mode               // whose yes it takes; zero: two people's
	Show    []string           // what an approver must have been shown, in words that the user of the gate knows
	Keep    bool               // keep the content in the quarantine after its release
	Refused time.Duration      // how long the content of rejected transfers is kept; 0: for ever
	Limits  framing.PlanLimits // zero: the format's
	Policy  *check.Policy      // what is asked of the content; nil: nothing

	HoldFor   time.Duration  // how long a transfer waits after its first check, to be checked again then
	Windows   []Window       // when transfers are released; none: always
	Collision Collision      // what becomes of a name that the inbox has; "": Refuse
	Immutable Immutable      // whether what is released can be changed; "": it can
	Bucket    *bucket.Bucket // where it goes in place of an inbox; nil: into the inbox
	After     *Command       // is run after each release; nil: nothing
}

var (
	// ErrChannel is wrapped by errors about a channel that is not configured.
	ErrChannel = errors.New("channel is not configured")
	// ErrState is wrapped when a command does not fit the transfer's state.
	ErrState = errors.New("not in a state for it")
)

// shownReason is how much of a reason a log line takes, in characters.
const shownReason = 300

// Gate moves transfers from complete onwards, one at a time each: the transfer's lock keeps
// a daemon and a command apart. It is safe for concurrent use.
type Gate struct {
	store    *quarantine.Store
	sender   seal.SenderPublic
	channels map[uint16]Channel
	who      string
	log      *zap.Logger
	book     *minded
	people   *people.Registry // nil: nobody
	now      func() time.Time
	step     func(string) // tests stop the program here
	again    again
	guard    func() error        // see Guard
	moved    func(quarantine.ID) // hears of progress with a transfer

	config, peopleFile string // digests, see InForce
}

// NewGate makes a gate that acts in the name of who (a program or a person, for the history).
// Only proofs of sender count. Until [Gate.Audit] says where, nothing is entered in an audit log.
func NewGate(store *quarantine.Store, sender seal.SenderPublic, channels []Channel, who string, log *zap.Logger) *Gate {
	g := &Gate{store: store, sender: sender, channels: map[uint16]Channel{}, who: who, log: log, book: &minded{Recorder: audit.Off{}},
		now: time.Now, step: func(string) {}, guard: func() error { return nil }, moved: func(quarantine.ID) {}}
	for _, c := range channels {
		g.channels[c.ID] = c
	}
	return g
}

// job is one transfer in the hands of a gate, which has its lock.
type job struct {
	*Gate
	id      quarantine.ID
	channel Channel
	state   quarantine.State
	who     string // in whose name it is moved

	finishing bool     // a word whose giver's program died
	finished  []string // whose words of that sort stand now
}

// take locks a transfer that is in state st.
func (g *Gate) take(id quarantine.ID, st quarantine.State) (*job, *quarantine.Lock, error) {
	channel, ok := g.channels[id.Channel]
	if !ok {
		return nil, nil, fmt.Errorf("transfer %s: %w", id, ErrChannel)
	}
	lock, err := g.store.Lock(id, st)
	if err != nil {
		return nil, nil, err
	}
	return &job{Gate: g, id: id, channel: channel, state: st, who: g.who}, lock, nil
}

// Run takes a transfer that is complete, was left in checking, or is held with nothing outstanding, as far
// as it goes without a person, and returns the state that it has then. An error leaves the transfer in checking, to
// be run again; one that wraps [quarantine.ErrLocked] says that somebody else is at it.
func (g *Gate) Run(ctx context.Context, id quarantine.ID, st quarantine.State) (quarantine.State, error) {
	j, lock, err := g.take(id, st)
	if err != nil {
		return st, err
	}
	defer lock.Unlock()
	switch st {
	case quarantine.Complete:
		err = j.accept()
	case quarantine.Held:
		err = j.takeUp()
	case quarantine.Checking:
		err = j.tidy()
	default:
		err = fmt.Errorf("run transfer %s, which is %s: %w", id, st, ErrState)
	}
	if err == nil && j.state == quarantine.Checking {
		err = j.examine(ctx)
	}
	if err != nil && ctx.Err() == nil && j.state == quarantine.Checking {
		j.complain(err)
	}
	return j.state, err
}

// Guard has a question asked before every release: whether the files that say who decides and what is asked are still those that the gate goes by.
// While it gives an error nothing is released. It is called before anything else.
func (g *Gate) Guard(question func() error) { g.guard = question }

// tidy clears what a crash has left in the transfer's folder. A turn, because people's words are written there.
func (j *job) tidy() error {
	end, err := j.store.Turn()
	if err != nil {
		return err
	}
	defer end()
	return quarantine.ClearTemporary(j.dir())
}

// Recheck sends a held transfer through its checks again, whatever it waited for: the name in the inbox is free now, the
// engine runs again, the disk was mended. It approves nothing.
func (g *Gate) Recheck(ctx context.Context, id quarantine.ID) (quarantine.State, error) {
	j, lock, err := g.takeHeld(id)
	if err != nil {
		return "", err
	}
	defer lock.Unlock()
	var h held
	if _, err := readJSON(j.dir(), heldFile, &h); err != nil {
		return j.state, err
	}
	if h.Stuck != "" || h.Unable != "" {
		h = held{Since: h.Since, Again: h.Again}
		if err := writeJSON(j.dir(), heldFile, h); err != nil {
			return j.state, err
		}
	}
	if err := j.move(quarantine.Checking, "to be checked again"); err != nil {
		return j.state, err
	}
	if err := j.examine(ctx); err != nil {
		j.complain(err)
		return j.state, err
	}
	return j.state, nil
}

// Reject refuses a held transfer for good, in the gate's name. Where there are people it takes the signature of one of them:
// the error wraps [ErrPeople], and [Gate.Decide] is the way.
func (g *Gate) Reject(id quarantine.ID, reason string) error {
	if g.people.Len() > 0 {
		return fmt.Errorf("reject %s: %w", id, ErrPeople)
	}
	j, lock, err := g.takeHeld(id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	return j.move(quarantine.Rejected, reason)
}

func (g *Gate) takeHeld(id quarantine.ID) (*job, *quarantine.Lock, error) {
	st, err := g.store.Find(id)
	if err != nil {
		return nil, nil, err
	}
	if st != quarantine.Held {
		return nil, nil, fmt.Errorf("transfer %s is %s: %w", id, st, ErrState)
	}
	return g.take(id, st)
}

func (j *job) dir() string { return j.store.Dir(j.state, j.id) }

// accept takes a transfer over from pawl-receive. Whatever lies in its folder under the names of our
// own files was not put there by us, and goes.
func (j *job) accept() error {
	if err := dropDecisions(j.dir()); err != nil {
		return fmt.Errorf("accept %s: %w", j.id, err)
	}
	if err := quarantine.ClearTemporary(j.dir()); err != nil {
		return fmt.Errorf("accept %s: %w", j.id, err)
	}
	for _, name := range []string{heldFile, intentFile, verdictFile, manifestFile, scansFile} {
		if err := quarantine.RemoveFile(j.dir(), name); err != nil {
			return fmt.Errorf("accept %s: %w", j.id, err)
		}
	}
	if err := j.enterArrival(); err != nil {
		return fmt.Errorf("accept %s: %w", j.id, err)
	}
	return j.move(quarantine.Checking, "")
}

// move makes the entry in the audit log, writes the line and then changes the state. A crash between leaves an entry
// and a line that will be there twice, never a state without them.
func (j *job) move(to quarantine.State, reason string) error {
	if err := j.rename(to, reason); err != nil {
		return err
	}
	j.again.forget(j.id)
	j.step("moved to " + string(to))
	why := zap.Skip()
	if reason != "" {
		why = zap.String("reason", framing.Printable(reason, shownReason))
	}
	j.log.Info("transfer "+string(to), zap.Stringer("transfer", j.id), zap.String("channel", j.channel.Name), why)
	return nil
}

// rename makes the entry, writes the line and changes the state, in one turn: no word falls in between, in the log neither.
func (j *job) rename(to quarantine.State, reason string) error {
	end, _, err := j.turn()
	if err != nil {
		return err
	}
	defer end()
	from := j.state
	if err := j.enterState(from, to, reason); err != nil {
		return err
	}
	if err := j.store.Record(j.id, from, quarantine.Event{Who: j.who, From: from, To: to, Reason: reason}); err != nil {
		return err
	}
	j.step("recorded " + string(to))
	if err := j.store.Move(j.id, from, to); err != nil {
		return err
	}
	j.state = to
	return nil
}

// complain notes why a transfer stays in checking, once and not with every try.
func (j *job) complain(err error) {
	events, _ := j.store.History(j.id, j.state)
	if n := len(events); n > 0 && events[n-1].Reason == err.Error() {
		return
	}
	event := quarantine.Event{Who: j.who, From: j.state, To: j.state, Reason: err.Error()}
	if err := j.store.Record(j.id, j.state, event); err != nil {
		j.log.Error("history can't be written", zap.Stringer("transfer", j.id), zap.Error(err))
	}
}

func (j *job) rules() check.Rules {
	return check.Rules{Sender: j.sender, Limits: j.channel.Limits, Policy: j.channel.Policy, Passed: func() { j.moved(j.id) }}
}
