package release

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
)

// lookEvery is how often a chronicle looks at what pawl-receive says, which it says once a second.
const lookEvery = time.Second

// AlarmFor is how long an alarm about the low side's log is told.
const AlarmFor = 7 * 24 * time.Hour

// Chronicle enters in the audit log what pawl-receive says: the byte ledger, the checkpoints of the low side's log, and which transfers are incomplete.
// All of it is the word of a program that faces the diode: its size is bounded whatever it says, and nothing is released because of it.
type Chronicle struct {
	gate *Gate
	read func() (*quarantine.Situation, error)
	log  *zap.Logger

	mu         sync.Mutex // of what follows
	day        daybook
	hearing    hearing
	unfinished unfinished
	failing    bool // the last entry could not be made, and that was said
}

// NewChronicle makes one that reads what pawl-receive says in the quarantine root, and goes on from what is in the log already.
func NewChronicle(gate *Gate, root string, past audit.Past) *Chronicle {
	c := &Chronicle{gate: gate, log: gate.log, read: func() (*quarantine.Situation, error) { return quarantine.ReadSituation(root) }}
	c.day.goOn(past.Ledger)
	c.hearing.goOn(&past)
	c.unfinished = unfinished{store: gate.store, known: map[quarantine.ID]bool{}}
	for _, text := range past.Incomplete {
		if id, err := quarantine.ParseID(text); err == nil {
			c.unfinished.known[id] = true
		}
	}
	return c
}

// Run looks every second until ctx ends, and then enters what is left.
func (c *Chronicle) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.look(time.Now())
		case <-ctx.Done():
			c.end(time.Now())
			return nil
		}
	}
}

// look is one round.
func (c *Chronicle) look(now time.Time) {
	s, err := c.read()
	if err != nil {
		if !errors.Is(err, quarantine.ErrNoSituation) {
			c.failed(err)
		}
		s = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.day.look(s, now); l != nil {
		c.enter(l)
	}
	if s != nil {
		c.witness(c.hearing.hear(s.Beat, now))
	}
	c.enterWaiting(now)
}

// end enters the ledger up to now, and the last checkpoint that was heard.
func (c *Chronicle) end(now time.Time) {
	c.look(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.day.close(now); l != nil {
		c.enter(l)
	}
	c.witness(c.hearing.rest(now))
}

func (c *Chronicle) enter(l *audit.Ledger) {
	if _, err := c.gate.Enter(l); err != nil {
		c.failed(err)
		if errors.Is(err, audit.ErrEntry) {
			c.day.now = nil // pawl-receive says what can't be: it will not be right the next time
		}
		return
	}
	c.day.done(l)
	c.failing = false
	c.log.Info("byte ledger entered", zap.String("day", l.Day), zap.String("sum", describe(l)), zap.Int("gaps", len(l.Gaps)))
}

func (c *Chronicle) witness(all []*audit.Witness) {
	for _, w := range all {
		if _, err := c.gate.Enter(w); err != nil {
			c.failed(err)
			return
		}
		c.hearing.done(1)
		c.failing = false
		if w.Alarm != "" {
			c.log.Error("alarm about the low side's audit log", zap.String("reason", w.Alarm))
		}
	}
}

// failed says once that something can't be entered; it is tried again.
func (c *Chronicle) failed(err error) {
	if !c.failing {
		c.log.Error("what pawl-receive says can't be entered in the audit log: trying again", zap.String("err", framing.Printable(err.Error(), shownReason)))
	}
	c.failing = true
}

// Notes are what a person should know of the low side's log.
func (c *Chronicle) Notes(now time.Time) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hearing.alarm == "" || now.Sub(c.hearing.alarmAt) > AlarmFor {
		return nil
	}
	return []string{AlarmText(c.hearing.alarm, c.hearing.alarmAt)}
}

// AlarmText is an alarm about the low side's log, for people.
func AlarmText(alarm string, when time.Time) string {
	return when.UTC().Format("2006-01-02 15:04Z") + ": " + framing.Printable(alarm, shownReason)
}
