package sender

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
)

// journalEvery is how often the progress of passes is written down, as of the time before:
// what the kernel and the device still had then has left by now. A sender that is killed
// sends at most two such times again, which is less than a second.
const journalEvery = 400 * time.Millisecond

// settle brings transfers whose pass has ended to their next place, and keeps the progress of
// the others, until ctx ends.
func (s *schedule) settle(ctx context.Context) error {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-s.settled:
		case <-tick.C:
			s.journal()
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, f := range s.ends() {
			if err := s.place(f); err != nil {
				// It stays in claimed/: the next start sends it again.
				s.log.Error("record of the transfer", zap.String("transfer", f.rec.ID), zap.Error(err))
			}
		}
	}
}

// ends takes the passes that have ended. One whose trip is about to say so comes a moment
// later: its step is over when it has let go of the transfer.
func (s *schedule) ends() (passed []*flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.passed[:0]
	for _, f := range s.passed {
		if f.busy || f.trip != nil {
			kept = append(kept, f)
			continue
		}
		passed = append(passed, f)
	}
	s.passed = kept
	return passed
}

// journal writes down how far each pass was when it was last called.
func (s *schedule) journal() {
	s.mu.Lock()
	traces := make(map[*flight]*trace, len(s.trips))
	for f, t := range s.trips {
		if f.repair == nil { // others begin anew
			traces[f] = t.shown.Load()
		}
	}
	var used map[string]spent
	if s.spent {
		used = make(map[string]spent, len(s.channels))
		for _, c := range s.channels {
			if c.meter.bounds() {
				used[c.meterName()] = c.meter.spent
			}
		}
	}
	s.spent = false
	s.mu.Unlock()

	var fault error
	if used != nil {
		fault = storeSpent(s.state, used)
	}
	for f, t := range traces {
		if t == nil {
			continue
		}
		now := t.progress()
		was := f.seen
		f.seen = now
		if was.Transfer == 0 || was.Pass != now.Pass || was.equal(f.kept) {
			continue
		}
		if err := was.store(f.dir); err != nil {
			fault = errors.Join(fault, err)
			continue
		}
		f.kept = was
	}
	if fault != nil && !s.faulty {
		s.log.Error("progress cannot be kept: after a crash more is sent again", zap.Error(fault))
	}
	s.faulty = fault != nil
}

// place decides what comes after a pass: another, or the end.
func (s *schedule) place(f *flight) error {
	if f.round {
		return s.rounded(f)
	}
	if f.repair != nil {
		return s.repaired(f)
	}
	if f.failure != nil && errors.Is(f.failure, ErrRefused) {
		s.counters.refusal.Add(1)
		f.rec.Path, f.rec.Reason = f.failure.path, f.failure.reason
		return s.finish(f, StateRefused)
	}
	if f.failure != nil {
		s.counters.aborted.Add(1)
		return s.finish(f, StateAborted)
	}
	if f.rec.Pass == 0 {
		s.counters.content.Add(f.rec.Content)
	}
	f.rec.Pass++
	f.seen, f.kept = progress{}, progress{}
	if f.rec.Pass >= f.rec.Passes {
		s.counters.sent.Add(1)
		return s.finish(f, StateSent)
	}
	f.rec.Next = time.Now().Add(f.channel.PassGap)
	f.show(StateWaiting)
	err := f.rec.store(f.dir)
	s.mu.Lock()
	f.due, f.lot = f.rec.Next, lot{}
	f.channel.put(f, time.Now())
	s.mu.Unlock()
	s.wakeAll()
	return err
}

// finish moves a transfer to where it stays and forgets it.
func (s *schedule) finish(f *flight, state State) error {
	f.moving.Lock()
	defer f.moving.Unlock()
	f.rec.Next = time.Time{}
	f.rec.Ended = time.Now().Unix()
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
	spools := []string{progressFile, ordersFile, proofFile + ".tmp"}
	if to == "refused" {
		spools = append(spools, inodesFile) // what was sent may be sent again: see resend
	}
	for _, name := range spools {
		if err := os.Remove(filepath.Join(f.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	target := filepath.Join(f.channel.folder(to), f.rec.ID)
	stepped(stepMoved, f.dir)
	if err := os.Rename(f.dir, target); err != nil {
		return err
	}
	return errors.Join(syncFolder(f.channel.folder(to)), syncFolder(filepath.Dir(f.dir)))
}
