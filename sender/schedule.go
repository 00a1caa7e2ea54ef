package sender

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
)

// Bounds of the queues. What does not fit stays where it is: in the outbox, or refused to
// the one who submits.
const (
	maxQueued = 256     // transfers of a channel that were claimed and not begun
	maxHeld   = 1 << 16 // transfers of a channel that are not finished, waiting for a pass too
)

// channel is one channel of the daemon with its queue.
type channel struct {
	Channel
	queue []*flight     // not being sent, in the order they came; under schedule.mu
	fresh int           // of them, those that were never begun
	held  int           // not final
	room  chan struct{} // capacity 1: there may be room again
}

func (c *channel) folder(name string) string { return filepath.Join(c.Folder, name) }

// schedule says which transfer goes next: the channels take turns, one pass of one transfer
// each; in a channel, first come, first served.
type schedule struct {
	channels []*channel
	counters *counters
	log      *zap.Logger
	trail    *Trail // nil: no audit log is kept

	wake    chan struct{} // capacity 1: something was queued
	settled chan struct{} // capacity 1: something is in passed

	mu      sync.Mutex
	turn    int // channel whose turn it is
	flights map[*flight]struct{}
	passed  []*flight        // passes that have ended, to be settled
	over    []framing.Flight // finished last, the newest behind: told in beats, so that the high side can miss them
}

func newSchedule(channels []*channel, counters *counters, log *zap.Logger) *schedule {
	return &schedule{
		channels: channels, counters: counters, log: log,
		wake: make(chan struct{}, 1), settled: make(chan struct{}, 1),
		flights: make(map[*flight]struct{}),
	}
}

// signal wakes who waits on a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// full says whether a channel should claim nothing more for now.
func (s *schedule) full(c *channel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.fresh >= maxQueued || c.held >= maxHeld
}

// enter takes a new transfer in.
func (s *schedule) enter(f *flight) {
	f.passed = s.ended
	s.mu.Lock()
	s.flights[f] = struct{}{}
	f.channel.held++
	f.channel.fresh++
	f.channel.queue = append(f.channel.queue, f)
	s.mu.Unlock()
	signal(s.wake)
}

// next takes the transfer whose turn it is out of its queue; if there is none, when the
// next one is due (zero: not known).
func (s *schedule) next(now time.Time) (*flight, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due time.Time
	for i := range s.channels {
		at := (s.turn + i) % len(s.channels)
		c := s.channels[at]
		for j, f := range c.queue {
			if when := f.rec.Next; when.After(now) {
				if due.IsZero() || when.Before(due) {
					due = when
				}
				continue
			}
			c.queue = slices.Delete(c.queue, j, j+1)
			if f.begin() {
				c.fresh--
				signal(c.room)
			}
			s.turn = (at + 1) % len(s.channels)
			return f, time.Time{}
		}
	}
	return nil, due
}

// run sends pass after pass until ctx ends.
func (s *schedule) run(ctx context.Context, pass func(context.Context, *flight) error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		f, due := s.next(time.Now())
		if f != nil {
			if err := pass(ctx, f); err != nil {
				return err
			}
			continue
		}
		timer.Stop()
		if !due.IsZero() {
			timer.Reset(time.Until(due))
		}
		select {
		case <-s.wake:
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
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

// settle brings transfers whose pass has ended to their next place, until ctx ends.
func (s *schedule) settle(ctx context.Context) error {
	for {
		select {
		case <-s.settled:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.mu.Lock()
		passed := s.passed
		s.passed = nil
		s.mu.Unlock()
		for _, f := range passed {
			if err := s.place(f); err != nil {
				// It stays in claimed/: the next start sends it again.
				s.log.Error("record of the transfer", zap.String("transfer", f.rec.ID), zap.Error(err))
			}
		}
	}
}

// place decides what comes after a pass: another, or the end.
func (s *schedule) place(f *flight) error {
	if f.repair != nil {
		return s.repaired(f)
	}
	if f.failure != nil {
		s.counters.aborted.Add(1)
		return s.finish(f, StateAborted)
	}
	if f.rec.Pass == 0 {
		s.counters.content.Add(f.rec.Content)
	}
	f.rec.Pass++
	if f.rec.Pass >= f.rec.Passes {
		s.counters.sent.Add(1)
		return s.finish(f, StateSent)
	}
	f.rec.Next = time.Now().Add(f.channel.PassGap)
	f.show(StateWaiting)
	err := f.rec.store(f.dir)
	s.mu.Lock()
	f.channel.queue = append(f.channel.queue, f)
	s.mu.Unlock()
	signal(s.wake)
	return err
}

// finish moves a transfer to where it stays and forgets it.
func (s *schedule) finish(f *flight, state State) error {
	f.rec.Next = time.Time{}
	f.show(state)
	err := retire(f)
	s.mu.Lock()
	delete(s.flights, f)
	s.over = append(s.over, f.beat())
	s.over = s.over[max(len(s.over)-framing.MaxFlights, 0):]
	f.channel.held--
	s.mu.Unlock()
	s.trail.noteTransfer(f, ending(f, state))
	signal(f.channel.room)
	close(f.done)
	s.log.Info("transfer finished", zap.String("transfer", f.rec.ID), zap.String("state", string(state)),
		zap.String("name", f.rec.Name), zap.Uint64("bytes", f.rec.Content), zap.Int("passes", f.rec.Pass))
	return err
}

// retire moves the folder of a transfer in a final state from claimed/ to sent/ or refused/.
func retire(f *flight) error {
	to := "sent"
	if f.rec.State != StateSent {
		to = "refused"
		text := f.rec.Reason + "\n"
		if f.rec.Path != "" {
			text = strconv.Quote(f.rec.Path) + ": " + text
		}
		if err := writeDurable(filepath.Join(f.dir, reasonFile), []byte(text)); err != nil {
			return err
		}
	}
	if err := f.rec.store(f.dir); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(f.dir, inodesFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	target := filepath.Join(f.channel.folder(to), f.rec.ID)
	if err := os.Rename(f.dir, target); err != nil {
		return err
	}
	return errors.Join(syncFolder(f.channel.folder(to)), syncFolder(filepath.Dir(f.dir)))
}

// crowded says whether a channel takes nothing more from those who submit.
func (s *schedule) crowded(c *channel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.held >= maxHeld
}
