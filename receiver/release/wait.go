package release

import (
	"errors"
	"fmt"
	"time"

	"pawl/framing/person"
	"pawl/receiver/quarantine"
)

// heldFile says since when a transfer waits and for what. Like the others it counts only where pawl-release put it.
const heldFile = "held.json"

type held struct {
	Since time.Time `json:"since"`           // when its checks first came to an end
	Again bool      `json:"again,omitempty"` // checked again after the hold time
	Stuck string    `json:"stuck,omitempty"` // what a person must mend before another look is of use

	Unable string    `json:"unable,omitempty"` // the check that could not be made, which is made again by itself
	Tries  int       `json:"tries,omitempty"`  // how often it could not be made, one after the other
	Next   time.Time `json:"next,omitzero"`    // when it is tried again
}

// due says whether a check that could not be made is to be made again.
func (h *held) due(now time.Time) bool { return h.Unable != "" && !now.Before(h.Next) }

// text says what the check waits for.
func (h *held) text() string {
	return h.Unable + ": tried again at " + h.Next.UTC().Format(time.RFC3339)
}

// A check that could not be made is made again after a minute, then after twice as long each time, up to an hour.
const (
	unableFirst = time.Minute
	unableMost  = time.Hour
)

// backOff is the time before try number n, the first being 1: first, and twice as long each time, up to most.
func backOff(n int, first, most time.Duration) time.Duration {
	for ; n > 1 && first < most; n-- {
		first *= 2
	}
	return min(first, most)
}

// outlook is how a transfer stands that is not released yet.
type outlook struct {
	held      held
	wait      string         // what is outstanding; "" when nothing is
	approvers []string       // whose approvals count
	rejected  *person.Signed // a rejection that the move has not followed yet
	again     bool           // the hold time is over, and it was not checked again since
	due       bool           // a check that could not be made is to be made again
}

// look asks what of the things that the channel demands, beside the checks, is outstanding now.
func (j *job) look() (outlook, error) {
	var w outlook
	if _, err := readJSON(j.dir(), heldFile, &w.held); err != nil {
		return w, err
	}
	all, err := j.decisions()
	if err != nil {
		return w, err
	}
	for i := range all {
		switch g := &all[i]; {
		case g.Against != nil:
		case g.Action == person.Approve:
			w.approvers = append(w.approvers, g.Person)
		case g.Action == person.Reject:
			w.rejected = &g.Signed
		}
	}
	now := j.now()
	w.again = j.channel.HoldFor > 0 && !w.held.Again && !w.held.Since.IsZero() && !now.Before(w.held.Since.Add(j.channel.HoldFor))
	w.due = w.held.due(now)
	w.wait = j.outstanding(&w, now)
	return w, nil
}

func (j *job) outstanding(w *outlook, now time.Time) string {
	if w.rejected != nil {
		return rejectedBy(*w.rejected)
	}
	since := w.held.Since
	if since.IsZero() {
		since = now
	}
	if until := since.Add(j.channel.HoldFor); now.Before(until) {
		return "waits until " + until.UTC().Format(time.RFC3339) + " to be checked again"
	}
	if need := j.channel.Release.People(); len(w.approvers) < need {
		return fmt.Sprintf("waits for approval: %d of %d", len(w.approvers), need)
	}
	if is, next := open(j.channel.Windows, now); !is {
		return "waits for the release window at " + next.UTC().Format(time.RFC3339)
	}
	return ""
}

// ready says whether another look at a held transfer is of use.
func (w *outlook) ready() bool {
	switch {
	case w.rejected != nil:
		return true
	case w.held.Stuck != "":
		return false
	case w.held.Unable != "":
		return w.due
	}
	return w.wait == "" || w.again
}

// takeUp goes on with a held transfer that nothing is outstanding of.
func (j *job) takeUp() error {
	finished, err := j.finish()
	if err != nil {
		return err
	}
	w, err := j.look()
	if err != nil {
		return err
	}
	switch {
	case w.rejected != nil:
		j.who = w.rejected.Person
		return j.move(quarantine.Rejected, rejectedBy(*w.rejected))
	case w.held.Stuck != "" && finished:
		return nil
	case w.held.Stuck != "":
		return fmt.Errorf("run transfer %s: %w: %s", j.id, ErrState, w.held.Stuck)
	case w.due:
		return j.move(quarantine.Checking, "a check that could not be made is made again")
	case w.held.Unable != "" && finished:
		return nil
	case w.held.Unable != "":
		return fmt.Errorf("run transfer %s: %w: %s", j.id, ErrState, w.held.text())
	case w.again:
		return j.move(quarantine.Checking, "the hold time is over: checked again")
	case w.wait != "" && finished:
		return nil // that is what there was to do
	case w.wait != "":
		return fmt.Errorf("run transfer %s: %w: %s", j.id, ErrState, w.wait)
	}
	return j.move(quarantine.Checking, "nothing is outstanding")
}

// wait lets a transfer wait in held. One that is stuck is left alone until a person sends it through its checks again.
func (j *job) wait(reason string, stuck bool) error {
	var h held
	if _, err := readJSON(j.dir(), heldFile, &h); err != nil {
		return err
	}
	was, now := h, j.now().UTC()
	if h.Since.IsZero() {
		h.Since = now
	}
	h = held{Since: h.Since, Again: j.channel.HoldFor > 0 && !now.Before(h.Since.Add(j.channel.HoldFor))}
	if stuck {
		h.Stuck = reason
	}
	if h != was {
		if err := writeJSON(j.dir(), heldFile, h); err != nil {
			return err
		}
		j.step("wait written")
	}
	return j.move(quarantine.Held, reason)
}

// waitForCheck lets a transfer wait until a check can be made again, which is tried by itself. It says nothing of the content: what people approved
// before stands.
func (j *job) waitForCheck(reason string) error {
	var h held
	if _, err := readJSON(j.dir(), heldFile, &h); err != nil {
		return err
	}
	now := j.now().UTC()
	if h.Since.IsZero() {
		h.Since = now
	}
	h.Stuck, h.Unable, h.Tries = "", reason, h.Tries+1
	h.Next = now.Add(backOff(h.Tries, unableFirst, unableMost))
	if err := writeJSON(j.dir(), heldFile, h); err != nil {
		return err
	}
	j.step("wait written")
	return j.move(quarantine.Held, reason)
}

// Waits is how a held transfer stands, for people.
type Waits struct {
	For       string    // what is outstanding; "" when the next round takes it up
	Stuck     bool      // nothing happens until a person has it checked again
	Unable    bool      // a check could not be made, and is made again by itself
	Since     time.Time // when its checks first came to an end
	Need      int       // how many people must approve
	Beside    string    // what is outstanding beside approvals; "" when they are all it waits for
	Decisions []Given   // the last one of each person
}

// Waits says what a held transfer waits for. The error wraps [ErrChannel] where its channel is not configured.
func (g *Gate) Waits(id quarantine.ID) (Waits, error) {
	channel, ok := g.channels[id.Channel]
	if !ok {
		return Waits{}, fmt.Errorf("transfer %s: %w", id, ErrChannel)
	}
	st, err := g.store.Find(id)
	if err != nil {
		return Waits{}, err
	}
	j := &job{Gate: g, id: id, channel: channel, state: st, who: g.who}
	w, err := j.look()
	if err != nil {
		return Waits{}, err
	}
	out := Waits{For: w.wait, Since: w.held.Since, Need: channel.Release.People(), Stuck: w.held.Stuck != ""}
	all := w
	all.approvers = make([]string, out.Need)
	out.Beside = j.outstanding(&all, j.now())
	if out.Stuck {
		out.For, out.Beside = w.held.Stuck, w.held.Stuck
	}
	if out.Unable = w.held.Unable != "" && w.rejected == nil; out.Unable {
		out.For = w.held.text()
	}
	out.Decisions, err = j.decisions()
	return out, err
}

// refused says whether somebody has rejected a transfer in checking, which ends it whatever it is tried for, or may have: a word is there that was not
// finished.
func (g *Gate) refused(id quarantine.ID, st quarantine.State) bool {
	channel, ok := g.channels[id.Channel]
	if !ok {
		return false
	}
	j := &job{Gate: g, id: id, channel: channel, state: st}
	if j.anyWord() {
		return true
	}
	w, err := j.look()
	return err == nil && w.rejected != nil
}

// ready says whether a held transfer can be taken up.
func (g *Gate) ready(id quarantine.ID) bool {
	channel, ok := g.channels[id.Channel]
	if !ok {
		return false
	}
	j := &job{Gate: g, id: id, channel: channel, state: quarantine.Held}
	if j.anyWord() {
		return true
	}
	w, err := j.look()
	if err != nil && !errors.Is(err, ErrState) {
		return true // to be told of by the try
	}
	return w.ready()
}
