package bench

import (
	"errors"
	"fmt"
	"time"

	"pawl/hw/link"
)

// linkAccount is what a receiver makes of bench packets. It has no clock and no socket:
// arrivals are told to it, so that tests can.
type linkAccount struct {
	run   uint64 // the first run heard is the one; others are foreign
	steps []linkRecord
	open  int // step under way, -1: none
	ended bool

	foreign, damaged, impossible, contradicting, stray uint64 // packets not accounted for in a step

	damagedBefore uint64 // when the open step began
	window        linkWindow
}

// linkRecord is what is known of one step.
type linkRecord struct {
	known bool // plan is
	plan  LinkStep

	told  bool // of the sender: how the step went
	sent  int
	took  time.Duration
	cpu   time.Duration
	used  link.Method
	begun bool // a probe came
	done  bool // the figures below are final

	first, last      time.Duration // arrival of probes, by the receiver's clock
	fastest, slowest time.Duration // arrival less the sender's clock
	received, lost   int
	duplicates, late int
	reordered        int
	damaged          uint64 // while it was open
	runs             []Bin
	drops            uint64        // of the receiving kernel
	cpuReceive       time.Duration // of the receiving process
	readBegan        meter
}

// meter is what a receiver's machine has counted so far.
type meter struct {
	cpu   time.Duration
	drops uint64
}

func newLinkAccount() *linkAccount { return &linkAccount{open: -1} }

// hear books one datagram that arrived at a time. read is asked for the machine's counters when
// a step begins or ends.
func (a *linkAccount) hear(p *linkPacket, datagram []byte, at time.Duration, read func() (meter, error)) error {
	switch err := p.parse(datagram); {
	case errors.Is(err, errLinkForeign):
		a.foreign++
		return nil
	case errors.Is(err, errLinkDamaged):
		a.damaged++
		return nil
	case err != nil:
		a.impossible++
		return nil
	}
	if a.run == 0 {
		a.run = p.run
		a.steps = make([]linkRecord, p.steps) // at most MaxLinkSteps
	}
	if p.run != a.run {
		a.foreign++
		return nil
	}
	if p.steps != len(a.steps) || a.steps[p.step].known && a.steps[p.step].plan != p.plan {
		a.contradicting++
		return nil
	}
	record := &a.steps[p.step]
	record.known, record.plan = true, p.plan
	if p.kind == linkProbe {
		return a.probe(record, p, at, read)
	}
	return a.tell(record, p, read)
}

// tell books what the sender says of a step.
func (a *linkAccount) tell(record *linkRecord, p *linkPacket, read func() (meter, error)) error {
	if p.kind == linkPlan {
		return nil
	}
	if !record.told {
		record.told = true
		record.sent, record.took, record.cpu, record.used = p.number, p.clock, p.cpu, p.used
	}
	a.ended = a.ended || p.kind == linkEnd
	if a.open == p.step {
		return a.close(read)
	}
	return nil
}

func (a *linkAccount) probe(record *linkRecord, p *linkPacket, at time.Duration, read func() (meter, error)) error {
	if a.open != p.step {
		if record.begun {
			a.stray++ // its step is over
			return nil
		}
		if err := a.close(read); err != nil {
			return err
		}
		now, err := read()
		if err != nil {
			return err
		}
		a.open, a.window, a.damagedBefore = p.step, linkWindow{}, a.damaged
		record.begun, record.readBegan, record.first = true, now, at
		record.fastest, record.slowest = at-p.clock, at-p.clock
	}
	a.window.see(p.number)
	record.last = at
	record.fastest, record.slowest = min(record.fastest, at-p.clock), max(record.slowest, at-p.clock)
	return nil
}

// close makes the open step's figures final.
func (a *linkAccount) close(read func() (meter, error)) error {
	if a.open < 0 {
		return nil
	}
	now, err := read()
	if err != nil {
		return err
	}
	r := &a.steps[a.open]
	a.open = -1
	count := r.plan.Count
	if r.told {
		count = r.sent
	}
	w := &a.window
	w.finish(count)
	r.done = true
	r.received, r.lost, r.duplicates, r.reordered, r.late, r.runs = w.received, w.lost, w.duplicates, w.reordered, w.late, w.bins()
	r.damaged = a.damaged - a.damagedBefore
	r.cpuReceive, r.drops = now.cpu-r.readBegan.cpu, now.drops-r.readBegan.drops
	return nil
}

// settle ends the account: steps of which no probe came are lost whole.
func (a *linkAccount) settle(read func() (meter, error)) error {
	if err := a.close(read); err != nil {
		return err
	}
	for i := range a.steps {
		r := &a.steps[i]
		if !r.done && r.known {
			r.lost = r.plan.Count
			if r.told {
				r.lost = r.sent
			}
			r.runs = nil
			if r.lost > 0 {
				var w linkWindow
				w.finish(r.lost)
				r.runs = w.bins()
			}
		}
	}
	return nil
}

// unknown counts steps of which nothing at all came.
func (a *linkAccount) unknown() (n int) {
	for i := range a.steps {
		if !a.steps[i].known {
			n++
		}
	}
	return n
}

// name is the step in the rows of results.
func (s LinkStep) name() string {
	return fmt.Sprintf("size=%d/burst=%d/method=%s/rate=%d", s.Size, s.Burst, s.Method, s.Rate)
}

// group is the part of the name that the search for the highest rate keeps fixed.
func (s LinkStep) group() string { return fmt.Sprintf("size=%d/method=%s", s.Size, s.Method) }
