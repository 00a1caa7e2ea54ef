package release

import (
	"errors"
	"io/fs"
	"time"

	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
)

// maxArrival bounds the moves of pawl-receive that are entered for one transfer, the last ones: it may have been repaired many times, or somebody
// writes what he likes into its history.
const maxArrival = 16

// enterArrival enters the moves with which pawl-receive, which has no log of its own, brought the transfer to complete. They are its word: of its
// history those lines count that lead there, and where there are none one move is entered all the same.
func (j *job) enterArrival() error {
	events, err := j.store.History(j.id, j.state)
	if err != nil {
		events = nil // whoever wrote it: it keeps no transfer from being checked
	}
	for _, e := range arrival(events) {
		if err := j.enterState(e.From, e.To, saidByReceive(e)); err != nil {
			return err
		}
	}
	return nil
}

// arrival picks the legal moves that end in complete.
func arrival(events []quarantine.Event) []quarantine.Event {
	var way []quarantine.Event
	next := quarantine.Complete
	for i := len(events) - 1; i >= 0 && len(way) < maxArrival; i-- {
		e := events[i]
		if e.To != next || !receives(e.From) || !quarantine.CanMove(e.From, e.To) {
			continue
		}
		way, next = append([]quarantine.Event{e}, way...), e.From
	}
	if len(way) == 0 {
		return []quarantine.Event{{From: quarantine.Incoming, To: quarantine.Complete}}
	}
	return way
}

// receives says whether pawl-receive moves transfers out of a state.
func receives(st quarantine.State) bool {
	return st == quarantine.Incoming || st == quarantine.Incomplete
}

// saidByReceive is the reason of a move that pawl-receive made.
func saidByReceive(e quarantine.Event) string {
	if e.When.IsZero() && e.Reason == "" {
		return "found there"
	}
	said := "pawl-receive says"
	if !e.When.IsZero() && e.When.Year() < 10_000 {
		said += " at " + e.When.UTC().Format(time.RFC3339)
	}
	if e.Reason == "" {
		return said
	}
	return audit.Text(said + ": " + e.Reason)
}

const (
	// waitingEvery is how often a chronicle looks for transfers that are incomplete.
	waitingEvery = 10 * time.Second
	// maxWaiting bounds the incomplete transfers that are entered in a day, and maxKnown those that are remembered, whatever pawl-receive puts there.
	maxWaiting = 1000
	maxKnown   = 10_000
)

// unfinished finds the transfers that have become incomplete. That is the only state of pawl-receive's that people do something about: a ticket is carried.
type unfinished struct {
	store *quarantine.Store
	known map[quarantine.ID]bool // incomplete now, and entered
	at    time.Time              // of the last look
	day   string                 // in which count counts
	count int
}

// look gives the entries that are to be made; done notes each.
func (w *unfinished) look(now time.Time) ([]quarantine.ID, error) {
	if now.Sub(w.at) < waitingEvery {
		return nil, nil
	}
	w.at = now
	if today := now.UTC().Format(dayForm); today != w.day {
		w.day, w.count = today, 0
	}
	ids, err := w.store.List(quarantine.Incomplete)
	if err != nil {
		return nil, err
	}
	still := map[quarantine.ID]bool{}
	var fresh []quarantine.ID
	for _, id := range ids {
		switch {
		case w.known[id]:
			still[id] = true
		case w.count+len(fresh) < maxWaiting && len(w.known)+len(fresh) < maxKnown:
			fresh = append(fresh, id)
		}
	}
	w.known = still
	return fresh, nil
}

func (w *unfinished) done(id quarantine.ID) {
	w.known[id] = true
	w.count++
}

// enterWaiting enters what has become incomplete since the last look.
func (c *Chronicle) enterWaiting(now time.Time) {
	ids, err := c.unfinished.look(now)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.failed(err)
	}
	for _, id := range ids {
		if _, err := c.gate.Enter(&audit.State{Transfer: id.String(), From: string(quarantine.Incoming), To: string(quarantine.Incomplete), Reason: "found there"}); err != nil {
			c.failed(err)
			return
		}
		c.unfinished.done(id)
		c.failing = false
	}
}

// Waiting are the transfers that are incomplete now: what a chronicle must know of before it is made.
func (g *Gate) Waiting() (map[string]bool, error) {
	ids, err := g.store.List(quarantine.Incomplete)
	all := map[string]bool{}
	for _, id := range ids[:min(len(ids), maxKnown)] {
		all[id.String()] = true
	}
	return all, err
}
