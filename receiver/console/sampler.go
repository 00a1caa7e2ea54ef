package console

import (
	"context"
	"errors"
	"sync"
	"time"

	"pawl/hw/web"
	"pawl/receiver/quarantine"
)

// The rings: ten minutes second by second, and a day minute by minute. What pawl-receive says is all that is known of the link, and it is
// kept in memory only.
const (
	sampleEach = time.Second
	fineLen    = 600
	coarseLen  = 1440
	coarseOf   = 60 // fine samples in a coarse one
	staleAfter = 5 * time.Second
	rateWindow = 10 // samples over which a transfer's rate is taken
)

// sample is what happened on the link in one step.
type sample struct {
	seconds  float64 // that it covers; 0: nothing is known
	bytes    uint64  // received
	packets  uint64
	lost     uint64
	repair   uint64
	rejected uint64
	dropped  uint64 // by this machine's kernel
	rebuilt  uint64 // blocks that needed repair symbols
	margin   float64
	margins  int // samples that margin is the least of
}

// add puts a later sample to s.
func (s *sample) add(o sample) {
	s.seconds += o.seconds
	s.bytes += o.bytes
	s.packets += o.packets
	s.lost += o.lost
	s.repair += o.repair
	s.rejected += o.rejected
	s.dropped += o.dropped
	s.rebuilt += o.rebuilt
	if o.margins > 0 {
		if s.margins == 0 || o.margin < s.margin {
			s.margin = o.margin
		}
		s.margins += o.margins
	}
}

// sampler reads what pawl-receive says, every second.
type sampler struct {
	root    string
	now     func() time.Time
	changed func()

	mu      sync.Mutex
	last    *quarantine.Situation // nil: never said anything
	fault   error                 // why it can't be read
	fine    *web.Ring[sample]
	coarse  *web.Ring[sample]
	minute  sample
	minutes int
	arrived map[string]*course
}

// course is how far an arriving transfer was at the last samples.
type course struct {
	at   []time.Time
	done []float64 // octets
	seen bool
}

func newSampler(root string, now func() time.Time, changed func()) *sampler {
	return &sampler{root: root, now: now, changed: changed, fine: web.NewRing[sample](fineLen), coarse: web.NewRing[sample](coarseLen), arrived: map[string]*course{}}
}

func (s *sampler) run(ctx context.Context) error {
	tick := time.NewTicker(sampleEach)
	defer tick.Stop()
	for {
		s.take()
		s.changed()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// take reads the situation and books the difference to the last one.
func (s *sampler) take() {
	next, err := quarantine.ReadSituation(s.root)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = nil
	if err != nil {
		if !errors.Is(err, quarantine.ErrNoSituation) {
			s.fault = err
		}
		s.book(sample{})
		return
	}
	s.book(difference(s.last, next))
	s.last = next
	s.follow(next)
}

// difference is what happened between two situations. Counters that went back tell of another run of pawl-receive, and the time between is
// not known.
func difference(old, now *quarantine.Situation) sample {
	if old == nil || !old.Started.Equal(now.Started) || !now.Time.After(old.Time) {
		return sample{}
	}
	d := sample{seconds: now.Time.Sub(old.Time).Seconds()}
	whole := true
	for _, one := range []struct {
		to       *uint64
		old, now uint64
	}{
		{&d.bytes, old.Ledger.Received.Bytes, now.Ledger.Received.Bytes}, {&d.packets, old.Ledger.Received.Packets, now.Ledger.Received.Packets},
		{&d.lost, old.PacketsLost, now.PacketsLost}, {&d.repair, old.Ledger.Repair.Packets, now.Ledger.Repair.Packets},
		{&d.rejected, rejected(&old.Ledger).Packets, rejected(&now.Ledger).Packets}, {&d.dropped, old.KernelDrops, now.KernelDrops},
		{&d.rebuilt, old.Rebuilt, now.Rebuilt},
	} {
		if one.to != &d.lost && one.now < one.old {
			whole = false
		}
		if one.now > one.old { // lost packets that come late after all are no longer lost
			*one.to = one.now - one.old
		}
	}
	if !whole {
		return sample{}
	}
	if now.Margin != nil {
		d.margin, d.margins = *now.Margin, 1
	}
	return d
}

func rejected(l *quarantine.Ledger) (sum quarantine.Count) {
	for _, c := range l.Rejected {
		sum.Packets += c.Packets
		sum.Bytes += c.Bytes
	}
	return sum
}

func (s *sampler) book(d sample) {
	s.fine.Put(d)
	s.minute.add(d)
	if s.minutes++; s.minutes == coarseOf {
		s.coarse.Put(s.minute)
		s.minute, s.minutes = sample{}, 0
	}
}

// follow keeps how far each arriving transfer is.
func (s *sampler) follow(now *quarantine.Situation) {
	for _, c := range s.arrived {
		c.seen = false
	}
	for i := range now.Transfers {
		t := &now.Transfers[i]
		c := s.arrived[t.ID]
		if c == nil {
			c = new(course)
			s.arrived[t.ID] = c
		}
		c.seen = true
		if n := len(c.at); n > 0 && !now.Time.After(c.at[n-1]) {
			continue
		}
		c.at, c.done = append(c.at, now.Time), append(c.done, share(t)*float64(t.Length))
		if n := len(c.at) - rateWindow; n > 0 {
			c.at, c.done = c.at[n:], c.done[n:]
		}
	}
	for id, c := range s.arrived {
		if !c.seen {
			delete(s.arrived, id)
		}
	}
}

// share is how much of a transfer's content is on disk, 0 to 1.
func share(t *quarantine.Arriving) float64 {
	if t.Blocks == 0 {
		return 0
	}
	return min(1, float64(t.BlocksWritten)/float64(t.Blocks))
}

// rate is a transfer's progress in octets a second.
func (c *course) rate() float64 {
	n := len(c.at)
	if n < 2 {
		return 0
	}
	return max(0, (c.done[n-1]-c.done[0])/c.at[n-1].Sub(c.at[0]).Seconds())
}

// view is the sampler at one moment.
type view struct {
	last  *quarantine.Situation
	stale bool // pawl-receive does not run
	fault error
	fine  []sample
	rates map[string]float64 // octets a second, by transfer
}

func (s *sampler) view(n int) view {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := view{last: s.last, fault: s.fault, fine: s.fine.Last(n), rates: map[string]float64{}}
	v.stale = s.last != nil && s.now().Sub(s.last.Time) > staleAfter
	for id, c := range s.arrived {
		v.rates[id] = c.rate()
	}
	return v
}

func (s *sampler) day() []sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.coarse.Last(coarseLen)
}

// sum adds samples up.
func sum(all []sample) (total sample) {
	for _, s := range all {
		total.add(s)
	}
	return total
}

// lossShare is the part of what was sent that was lost, 0 to 1.
func (s *sample) lossShare() float64 {
	if s.packets+s.lost == 0 {
		return 0
	}
	return float64(s.lost) / float64(s.packets+s.lost)
}
