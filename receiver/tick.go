package receiver

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

const (
	// tickEvery is how often timers are looked at.
	tickEvery = 100 * time.Millisecond
	// retryEvery is how often what the disk refused is tried again.
	retryEvery = time.Second
	// settledAfter is how long a transfer must be silent after a beat said that the sender is done with it: packets that
	// were overtaken by the beat arrive in less.
	settledAfter = time.Second
	// restAfter is how long a transfer must be silent before its files are closed.
	restAfter = 5 * time.Second
)

// tick does what time asks for: retries, transfers that stay short, status.
func (r *Receiver) tick(now time.Time) {
	r.drain()
	r.applyChange()
	r.faults.settle(now, r.log)
	if now.Sub(r.retried) >= retryEvery {
		r.retried = now
		clear(r.denied)
		wasTrouble := r.trouble
		r.trouble = len(r.unwritten) > 0
		if wasTrouble && !r.trouble {
			r.log.Info("the quarantine's disk takes data again")
		}
		r.retryUnwritten()
		r.retryUnsettled()
		r.recount()
	}
	for _, t := range r.transfers {
		r.watchSilence(t, now)
	}
	if now.Sub(r.published) >= r.cfg.StatusEvery {
		r.published = now
		r.publish(now)
	}
}

// watchSilence puts a transfer aside that stays short: the sender has moved on, or nothing was heard for too long while no
// beat announces more.
func (r *Receiver) watchSilence(t *transfer, now time.Time) {
	silent := now.Sub(t.lastHeard)
	switch {
	case t.pending.Load() != 0 || silent < settledAfter:
		return
	case t.movedOn || silent >= r.cfg.Idle && now.Sub(t.announced) >= r.cfg.Idle:
		r.putAside(t)
	case silent >= restAfter:
		if err := t.rest(); err != nil {
			r.log.Error("close files of a silent transfer", zap.Stringer("transfer", t.id), zap.Error(err))
		}
	}
}

// putAside parks a short transfer's blocks, writes down exactly what is missing and moves it to incomplete, where it waits
// for another pass or a repair.
func (r *Receiver) putAside(t *transfer) {
	t.mu.Lock()
	done := t.done
	t.mu.Unlock()
	if done {
		return
	}
	r.parkAll(t)
	missing := r.missing(t)
	err := t.rest() // not synced: what did not reach the disk is found out by its hash when more arrives
	if err == nil {
		err = quarantine.WriteMissing(t.dir, missing)
	}
	if err == nil {
		err = r.move(t.id, quarantine.Incoming, quarantine.Incomplete, fmt.Sprintf("%d blocks are missing", missing.Blocks()))
	}
	if err != nil {
		r.log.Error("transfer can't be put aside: trying again", zap.Stringer("transfer", t.id), zap.Error(err))
		t.lastHeard = time.Now()
		return
	}
	r.forget(t)
	r.putAsides++
	r.log.Warn("transfer incomplete: the sender has moved on", zap.Stringer("transfer", t.id), zap.String("channel", t.channel.Name),
		zap.Uint32("missing_blocks", missing.Blocks()), zap.String("list", r.cfg.Store.Dir(quarantine.Incomplete, t.id)+"/"+quarantine.MissingFile))
}

// parkAll parks every open block of a transfer.
func (r *Receiver) parkAll(t *transfer) {
	for _, o := range t.objects {
		if o == nil {
			continue
		}
		for _, b := range o.open {
			r.parkBlock(b)
		}
	}
}

// missing lists exactly which blocks lack how many symbols. All blocks of the transfer must be parked.
func (r *Receiver) missing(t *transfer) *quarantine.Missing {
	m := &quarantine.Missing{ID: t.id.String()}
	for _, kind := range objectKinds {
		o := t.objects[kind]
		if o == nil {
			if kind != framing.ObjectContent || !t.planEmpty() {
				m.Objects = append(m.Objects, quarantine.MissingObject{Object: kind.String(), Unknown: true})
			}
			continue
		}
		g := o.geometry
		lack := quarantine.MissingObject{
			Object: kind.String(), Length: g.Length, SymbolSize: g.SymbolSize, MaxK: g.MaxK, R: g.R, Code: g.Code, Blocks: o.part.Blocks(),
		}
		for number := range o.part.Blocks() {
			if !o.closed.has(number) {
				lack.Add(number, uint32(o.part.K(number)-o.parkedCount(number)))
			}
		}
		if lack.Missing > 0 {
			m.Objects = append(m.Objects, lack)
		}
	}
	return m
}

// planEmpty says whether the plan is known and says that there is no content.
func (t *transfer) planEmpty() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	plan := t.objects[framing.ObjectPlan]
	return plan != nil && plan.whole() && t.readPlan() == nil && t.content == 0
}

// parkedCount is how many symbols of a block are parked.
func (o *object) parkedCount(number uint32) int {
	if !o.parked.has(number) {
		return 0
	}
	have, _, err := readRecord(o, number)
	if err != nil {
		return 0
	}
	return min(have.count(), o.part.K(number)-1)
}
