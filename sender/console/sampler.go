package console

import (
	"context"
	"sync"
	"time"

	"pawl/hw/web"
	"pawl/sender"
)

// The rings: ten minutes second by second, and a day minute by minute, in memory only.
const (
	sampleEach = time.Second
	fineLen    = 600
	coarseLen  = 1440
	coarseOf   = 60 // fine samples in a coarse one
	rateWindow = 10 // samples over which a transfer's rate is taken
	newsEach   = 5  // samples after which there is news of the queue though nothing in it has changed its state
)

// sample is what the daemon did in one step. Samples of a minute are summed.
type sample struct {
	seconds float64 // that it covers; 0: nothing is known
	wire    uint64  // octets that left, headers and gaps included
	queue   float64 // transfers that are not finished: the most
	waiting float64 // octets of their content: the most
}

// add puts a later sample to s.
func (s *sample) add(o sample) {
	s.seconds += o.seconds
	s.wire += o.wire
	s.queue, s.waiting = max(s.queue, o.queue), max(s.waiting, o.waiting)
}

// news is what a sample brought.
type news struct{ queue, history bool }

// sampler asks the daemon for its status, every second.
type sampler struct {
	ask     func(context.Context) (*sender.Status, error)
	now     func() time.Time
	changed func(news)

	mu      sync.Mutex
	last    *sender.Status // nil: it never answered
	at      time.Time      // when it did
	asked   time.Time      // when it was last asked
	fault   error          // why it did not answer now
	fine    *web.Ring[sample]
	coarse  *web.Ring[sample]
	minute  sample
	minutes int
	courses map[string]*course
	count   int
}

// course is how far a transfer was at the last samples.
type course struct {
	at   []time.Time
	pass int
	done []uint64 // octets of content in this pass
	seen bool
}

func newSampler(ask func(context.Context) (*sender.Status, error), now func() time.Time, changed func(news)) *sampler {
	return &sampler{ask: ask, now: now, changed: changed, fine: web.NewRing[sample](fineLen), coarse: web.NewRing[sample](coarseLen), courses: map[string]*course{}}
}

func (s *sampler) run(ctx context.Context) error {
	tick := time.NewTicker(sampleEach)
	defer tick.Stop()
	for {
		n := s.take(ctx)
		if ctx.Err() != nil {
			return nil
		}
		s.changed(n)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// take asks and books the difference to the last answer.
func (s *sampler) take(ctx context.Context) (n news) {
	next, err := s.ask(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	n.queue = s.count%newsEach == 0 || (err == nil) != (s.fault == nil)
	s.fault = err
	at := s.now()
	s.skip(at)
	if err != nil {
		s.book(sample{})
		return n
	}
	if s.last == nil || mark(s.last) != mark(next) {
		n.queue = true
	}
	n.history = s.last == nil || s.last.Log().Size != next.Log().Size
	s.book(difference(s.last, next, at.Sub(s.at)))
	s.last, s.at = next, at
	s.follow(next, at)
	return n
}

// skip books that nothing is known of the steps that a slow answer took.
func (s *sampler) skip(at time.Time) {
	if !s.asked.IsZero() {
		for range min(at.Sub(s.asked)/sampleEach-1, fineLen) {
			s.book(sample{})
		}
	}
	s.asked = at
}

// mark is what changes when a transfer or an entry changes its place.
func mark(s *sender.Status) [5]uint64 {
	var left int
	for i := range s.Intake {
		left += s.Intake[i].Waiting
	}
	return [5]uint64{uint64(s.Queue), s.Sent, s.Aborted, s.Refused, uint64(left)}
}

// difference is what happened between two answers. Another start tells of another run of the daemon, or of another configuration: what was between is
// not known.
func difference(old, now *sender.Status, step time.Duration) sample {
	d := sample{queue: float64(now.Queue), waiting: float64(now.QueueSize)}
	if old == nil || !old.Started.Equal(now.Started) || step <= 0 || now.WireBytes < old.WireBytes {
		return sample{}
	}
	d.seconds, d.wire = step.Seconds(), now.WireBytes-old.WireBytes
	return d
}

func (s *sampler) book(d sample) {
	s.fine.Put(d)
	s.minute.add(d)
	if s.minutes++; s.minutes == coarseOf {
		s.coarse.Put(s.minute)
		s.minute, s.minutes = sample{}, 0
	}
}

// follow keeps how far each transfer is that is being sent.
func (s *sampler) follow(now *sender.Status, at time.Time) {
	for _, c := range s.courses {
		c.seen = false
	}
	for i := range now.Transfers {
		t := &now.Transfers[i]
		if t.State != sender.StateSending {
			continue
		}
		c := s.courses[t.ID]
		if c == nil || c.pass != t.Pass || c.done[len(c.done)-1] > t.Bytes {
			c = &course{pass: t.Pass}
			s.courses[t.ID] = c
		}
		c.seen = true
		c.at, c.done = append(c.at, at), append(c.done, t.Bytes)
		if n := len(c.at) - rateWindow; n > 0 {
			c.at, c.done = c.at[n:], c.done[n:]
		}
	}
	for id, c := range s.courses {
		if !c.seen {
			delete(s.courses, id)
		}
	}
}

// rate is a transfer's progress in octets of content a second.
func (c *course) rate() float64 {
	n := len(c.at)
	if n < 2 {
		return 0
	}
	if span := c.at[n-1].Sub(c.at[0]).Seconds(); span > 0 {
		return float64(c.done[n-1]-c.done[0]) / span
	}
	return 0
}

// view is the sampler at one moment.
type view struct {
	last  *sender.Status // nil: it never answered
	at    time.Time
	fault error
	fine  []sample
	day   []sample
	rates map[string]float64
}

// running says whether the daemon answered when it was last asked.
func (v *view) running() bool { return v.last != nil && v.fault == nil }

// view copies what pages need, with ten minutes and a day of samples.
func (s *sampler) view() view {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := view{last: s.last, at: s.at, fault: s.fault, fine: s.fine.Last(fineLen), day: s.coarse.Last(coarseLen), rates: make(map[string]float64, len(s.courses))}
	for id, c := range s.courses {
		v.rates[id] = c.rate()
	}
	return v
}
