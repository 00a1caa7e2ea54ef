package sender

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
)

// longestSleep is how long the schedule sleeps at most: what it waits for is told by a clock
// that may be set.
const longestSleep = time.Minute

// schedule says which transfer's group of blocks goes next: the most urgent class first, in a
// class the channels by their weights, in a channel first come, first served. Windows,
// quotas and people may say that a channel or a transfer has to wait.
type schedule struct {
	state    string // folder
	channels []*channel
	counters *counters
	rate     float64       // octets a second on the wire
	packet   int           // octets of a datagram on the wire
	every    time.Duration // how often the journal is written
	log      *zap.Logger
	trail    *Trail       // nil: no audit log is kept
	pending  atomic.Int64 // octets on the wire that were handed on and have not left

	wake    [lanes]chan struct{} // capacity 1: something was queued
	settled chan struct{}        // capacity 1: something is in passed
	turned  chan struct{}        // capacity 1: the carousel may go on

	mu      sync.Mutex
	shares  shares
	flights map[*flight]struct{}
	trips   map[*flight]*trip // passes under way
	passed  []*flight         // passes that have ended, to be settled
	spent   bool              // a meter has news for the disk
	over    []framing.Flight  // finished last, the newest behind: told in beats, so that the high side can miss them

	faulty bool // the journal could not be written; of the goroutine that settles
}

func newSchedule(state string, channels []*channel, rate float64, counters *counters, log *zap.Logger) (*schedule, error) {
	s := &schedule{
		state: state, channels: channels, counters: counters, log: log, rate: rate, every: journalEvery,
		settled: make(chan struct{}, 1), turned: make(chan struct{}, 1), flights: make(map[*flight]struct{}), trips: make(map[*flight]*trip),
	}
	for i := range s.wake {
		s.wake[i] = make(chan struct{}, 1)
	}
	used, err := loadSpent(state)
	if err != nil {
		return nil, err
	}
	stopped, err := loadStopped(state)
	if err != nil {
		return nil, err
	}
	for _, c := range channels {
		c.meter.spent = used[c.meterName()]
		c.stop = stopped[c.meterName()]
	}
	return s, nil
}

// signal wakes who waits on a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wakeAll makes every lane look again.
func (s *schedule) wakeAll() {
	for _, w := range s.wake {
		signal(w)
	}
}

// full says whether a channel should claim nothing more for now.
func (s *schedule) full(c *channel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.fresh >= maxQueued || c.held >= maxHeld
}

// crowded says whether a channel takes nothing more from those who submit.
func (s *schedule) crowded(c *channel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.held >= maxHeld
}

// enter takes a new transfer in.
func (s *schedule) enter(f *flight) {
	f.passed = s.ended
	f.whole, f.body = f.rec.wire(s.packet)
	if f.repair != nil {
		f.whole = max(float64(f.repair.total)*float64(s.packet)/float64(f.rec.SymbolSize), 1)
		f.body = f.whole
	}
	s.mu.Lock()
	s.flights[f] = struct{}{}
	f.channel.held++
	f.channel.put(f, time.Now())
	s.mu.Unlock()
	s.wakeAll()
}

// next takes the transfer whose group goes next over a lane, with its trip; if there is none,
// when to look again (zero: when something comes).
func (s *schedule) next(lane int, now time.Time) (*flight, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (due.IsZero() || t.Before(due)) {
			due = t
		}
	}
	for _, c := range s.channels {
		sooner(c.wakeLater(now))
	}
	for _, class := range laneClasses[lane] {
		var best *flight
		for _, c := range s.channels {
			f, when := s.candidate(c, class, lane, now)
			sooner(when)
			if f != nil && (best == nil || s.shares.start(&c.share, class) < s.shares.start(&best.channel.share, class)) {
				best = f
			}
		}
		if best != nil {
			s.take(best, class, now)
			return best, time.Time{}
		}
	}
	return nil, due
}

// changeLane is how soon a transfer is looked at again that has groups on another lane: they
// have to leave first, so that its packets keep their order.
const changeLane = 5 * time.Millisecond

// candidate is the transfer of a channel that would go next in a class; if it has to wait,
// for how long.
func (s *schedule) candidate(c *channel, class Class, lane int, now time.Time) (*flight, time.Time) {
	for _, f := range c.ready[class] {
		if f.busy {
			continue // on another lane, until its step ends: that wakes this one
		}
		if f.trip != nil && f.trip.pipe != nil && f.trip.lane != lane && f.holds.Load() > 1 {
			return nil, now.Add(changeLane)
		}
		if f.ending() {
			return f, time.Time{}
		}
		f.paused.Store(true)
		if c.stop {
			return nil, time.Time{}
		}
		takes := time.Duration((float64(s.pending.Load()) + float64(f.lot.wire)) / s.rate * float64(time.Second))
		if ok, when := c.hours.open(now, takes); !ok {
			return nil, when
		}
		if class == idle {
			// One group of it at a time: what comes meanwhile waits for no more than that.
			if s.pending.Load() > 0 {
				return nil, now.Add(changeLane)
			}
		} else if ok, when := c.meter.allows(now, f.lot.content, f.files()); !ok {
			return nil, when
		}
		f.paused.Store(false)
		return f, time.Time{}
	}
	return nil, time.Time{}
}

// files is how many files the next step begins, for the quota.
func (f *flight) files() uint64 {
	if f.fresh {
		return f.rec.Files
	}
	return 0
}

// take books the next step of a flight.
func (s *schedule) take(f *flight, class Class, now time.Time) {
	c := f.channel
	if c.meter.spend(now, f.lot.content, f.files()) {
		s.spent = true
	}
	s.shares.charge(&c.share, class, f.lot.wire)
	f.paused.Store(false)
	f.busy, f.begun, f.unsent, f.fresh = true, true, false, false
	c.count(f, false)
}

// run steps over a lane until ctx ends.
func (s *schedule) run(ctx context.Context, lane int, p *pipeline, r *reader) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		f, due := s.next(lane, time.Now())
		if f != nil {
			if err := s.step(ctx, f, lane, p, r); err != nil {
				return err
			}
			continue
		}
		sleep := longestSleep
		if !due.IsZero() {
			sleep = min(sleep, time.Until(due))
		}
		timer.Reset(sleep)
		select {
		case <-s.wake[lane]:
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// step sends the next group of a flight.
func (s *schedule) step(ctx context.Context, f *flight, lane int, p *pipeline, r *reader) error {
	s.mu.Lock()
	t := f.trip
	if t == nil {
		t = r.begin(ctx, f)
		f.trip = t
		s.trips[f] = t
	}
	s.mu.Unlock()
	announced, more, err := t.step(ctx, lane, p)
	s.mu.Lock()
	defer s.mu.Unlock()
	f.busy, f.lot = false, announced
	if f.class.lane() != lane || err != nil {
		s.wakeAll()
	}
	if more || err != nil {
		return err
	}
	f.trip = nil
	delete(s.trips, f)
	f.channel.remove(f)
	signal(s.settled) // it may have ended meanwhile
	return nil
}

// close ends the trips that are under way; what runs them has ended.
func (s *schedule) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.trips {
		t.stop()
	}
}

// ended is told when the last copy of the last group of a pass has left. It never waits:
// the line calls it.
func (s *schedule) ended(f *flight) {
	s.mu.Lock()
	s.passed = append(s.passed, f)
	s.mu.Unlock()
	signal(s.settled)
}
