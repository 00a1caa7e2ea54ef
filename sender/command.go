package sender

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
)

// maxHeldTrips bounds the transfers that were begun and are held: each keeps its files open.
const maxHeldTrips = 64

// maxReason bounds what a person may say of a cancellation, octets.
const maxReason = 500

// errNoTransfer is wrapped when an id names nothing that the daemon has.
var errNoTransfer = errors.New("no such transfer")

// command serves one of the requests about the queue; the answer is written as JSON.
func (s *Sender) command(ctx context.Context, req *Request) (any, error) {
	switch req.Op {
	case OpQueue:
		return s.queue(req.Channel)
	case OpShow:
		return s.show(req.ID)
	case OpOutbox:
		return s.outboxesOf(req.Channel)
	case OpCancel:
		return s.cancel(req.ID, req.Reason)
	case OpHold:
		return s.hold(req.ID, true)
	case OpResume:
		return s.hold(req.ID, false)
	case OpResend:
		return s.resend(req.ID)
	case OpPriority:
		return s.priority(req.ID, req.Class)
	case OpPlan:
		return s.forePlan(ctx, req)
	}
	return nil, fmt.Errorf("no operation %q", req.Op)
}

// parseID reads the id of a transfer and finds its channel.
func (s *Sender) parseID(id string) (*channel, error) {
	number, hex, ok := strings.Cut(id, "-")
	transfer, err := strconv.ParseUint(hex, 16, 64)
	ch, e := strconv.ParseUint(number, 10, 16)
	if !ok || err != nil || e != nil || transferID(uint16(ch), transfer) != id {
		return nil, fmt.Errorf("%q is no id of a transfer: pawl-send queue shows them", id)
	}
	return s.channel(number)
}

// find is the flight with an id; the error says where the transfer is instead.
func (s *Sender) find(id string) (*flight, error) {
	ch, err := s.parseID(id)
	if err != nil {
		return nil, err
	}
	if f := s.schedule.find(id); f != nil {
		return f, nil
	}
	for _, folder := range []string{"sent", "refused"} {
		if _, err := os.Lstat(filepath.Join(ch.folder(folder), id)); err == nil {
			return nil, fmt.Errorf("transfer %s is finished: it is in %s", id, ch.folder(folder))
		}
	}
	return nil, fmt.Errorf("%w: %s is not in the queue, in sent/ or in refused/ of channel %q", errNoTransfer, id, ch.Name)
}

func (s *schedule) find(id string) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f := range s.flights {
		if f.rec.ID == id {
			return f
		}
	}
	return nil
}

// order changes the orders of a transfer, on disk first: what was answered outlives a crash.
// check may refuse; it is called under schedule.mu.
func (s *Sender) order(f *flight, change func(*orders), check func() error) error {
	f.moving.Lock()
	defer f.moving.Unlock()
	s.schedule.mu.Lock()
	want := f.orders
	err := check()
	s.schedule.mu.Unlock()
	if f.state.Load().State.Final() {
		err = fmt.Errorf("transfer %s is finished", f.rec.ID)
	}
	if err != nil {
		return err
	}
	change(&want)
	if err := want.store(f.dir); err != nil {
		return err
	}
	s.schedule.obey(f, want)
	s.cfg.Log.Info("transfer ordered", zap.String("transfer", f.rec.ID), zap.Bool("hold", want.Hold),
		zap.Any("class", want.Class), zap.String("cancel", want.Cancel))
	return nil
}

// obey makes orders count. A transfer that waits in no list comes into the right one when
// its pass has ended.
func (s *schedule) obey(f *flight, want orders) {
	s.mu.Lock()
	defer s.mu.Unlock()
	placed := f.place != placeNone
	f.channel.remove(f)
	f.obey(want)
	switch {
	case placed && want.Cancel != "" && f.unsent:
		// Nobody on the other side has heard of it.
		f.failure = &fault{kind: ErrRefused, reason: want.Cancel}
		s.passed = append(s.passed, f)
		signal(s.settled)
	case placed:
		f.channel.put(f, time.Now())
	}
	s.wakeAll()
}

// hold holds a transfer or a channel, or lets it go on.
func (s *Sender) hold(what string, on bool) (any, error) {
	if _, err := s.parseID(what); err != nil {
		ch, err := s.channel(what)
		if err != nil {
			return nil, fmt.Errorf("%q is neither a transfer nor a channel", what)
		}
		return s.holdChannel(ch, on)
	}
	f, err := s.find(what)
	if err != nil {
		return nil, err
	}
	err = s.order(f, func(o *orders) { o.Hold = on }, func() error {
		if on && f.trip != nil && s.schedule.heldTrips() >= maxHeldTrips {
			return fmt.Errorf("%d transfers that were begun are held already: resume or cancel one, or hold their channel", maxHeldTrips)
		}
		return nil
	})
	return s.entry(f), err
}

// heldTrips counts the transfers that were begun and are held; schedule.mu is locked.
func (s *schedule) heldTrips() (n int) {
	for f := range s.trips {
		if f.place == placeHeld {
			n++
		}
	}
	return n
}

func (s *Sender) holdChannel(ch *channel, on bool) (any, error) {
	s.orders.Lock()
	defer s.orders.Unlock()
	all := map[string]bool{}
	for _, c := range s.channels {
		if held := c.stop; c == ch && on || c != ch && held {
			all[c.meterName()] = true
		}
	}
	if err := storeStopped(s.cfg.State, all); err != nil {
		return nil, err
	}
	s.schedule.mu.Lock()
	ch.stop = on
	s.schedule.wakeAll()
	s.schedule.mu.Unlock()
	s.cfg.Log.Info("channel ordered", zap.String("channel", ch.Name), zap.Bool("hold", on))
	return s.channelStatus(ch, time.Now()), nil
}

// cancel gives a transfer up. If any of it was sent the receiver is told, as of an abort.
func (s *Sender) cancel(id, reason string) (any, error) {
	f, err := s.find(id)
	if err != nil {
		return nil, err
	}
	if len(reason) > maxReason {
		return nil, fmt.Errorf("a reason of %d octets: at most %d are for people", len(reason), maxReason)
	}
	text := "cancelled on the low side"
	if reason != "" {
		text += ": " + reason
	}
	err = s.order(f, func(o *orders) { o.Cancel, o.Hold = text, false }, func() error {
		st := f.state.Load()
		switch {
		case f.orders.Cancel != "" || st.State == StateAborting:
			return fmt.Errorf("transfer %s is being given up already", id)
		case f.place == placeNone && !f.busy && f.passesDone()+1 >= f.rec.Passes:
			return fmt.Errorf("too late: all of %s was sent", id)
		}
		return nil
	})
	return s.entry(f), err
}

func (s *Sender) priority(id, class string) (any, error) {
	c, err := ParseClass(class)
	if err != nil {
		return nil, err
	}
	f, err := s.find(id)
	if err != nil {
		return nil, err
	}
	err = s.order(f, func(o *orders) { o.Class = &c }, func() error { return nil })
	return s.entry(f), err
}

// resend sends a transfer of sent/ once more, under its id: the receiver adds up what it
// has of it.
func (s *Sender) resend(id string) (any, error) {
	ch, err := s.parseID(id)
	if err != nil {
		return nil, err
	}
	if s.schedule.crowded(ch) {
		return nil, fmt.Errorf("queue of channel %q is full", ch.Name)
	}
	s.orders.Lock() // retention leaves sent/ alone meanwhile
	defer s.orders.Unlock()
	from, dir := filepath.Join(ch.folder("sent"), id), filepath.Join(ch.folder("claimed"), id)
	rec, err := loadRecord(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil, s.whyNotSent(id, ch)
	}
	if err != nil {
		return nil, err
	}
	if rec.SymbolSize != s.claimer.symbolSize {
		return nil, fmt.Errorf("transfer %s was sent in symbols of %d octets, the link now has %d: put it into the outbox again", id, rec.SymbolSize, s.claimer.symbolSize)
	}
	for _, name := range []string{planFile, inodesFile, proofFile} {
		if _, err := os.Stat(filepath.Join(from, name)); err != nil {
			return nil, fmt.Errorf("transfer %s can't be sent again as it was: %w: put it into the outbox again", id, err)
		}
	}
	s.schedule.leave(id)
	// Until the record says so it is a finished transfer that the next start moves back.
	if err := os.Rename(from, dir); err != nil {
		return nil, fmt.Errorf("resend %s: %w", id, err)
	}
	rec.State, rec.Passes, rec.Ended = StateQueued, rec.Pass+1, 0
	if err := errors.Join(syncFolder(ch.folder("claimed")), syncFolder(ch.folder("sent")), rec.store(dir)); err != nil {
		return nil, fmt.Errorf("resend %s: %w", id, err)
	}
	f := newFlight(rec, dir, ch)
	s.schedule.enter(f)
	s.cfg.Log.Info("transfer is sent again", zap.String("transfer", id))
	return s.entry(f), nil
}

// whyNotSent says why a transfer is not in sent/.
func (s *Sender) whyNotSent(id string, ch *channel) error {
	if s.schedule.find(id) != nil {
		return fmt.Errorf("transfer %s is in the queue", id)
	}
	if _, err := os.Lstat(filepath.Join(ch.folder("refused"), id)); err == nil {
		return fmt.Errorf("transfer %s was given up, and the receiver was told: mend what %s says and move the entry to the outbox again", id, filepath.Join(ch.folder("refused"), id, reasonFile))
	}
	return fmt.Errorf("%w: %s is not in %s: it is gone if retention took it", errNoTransfer, id, ch.folder("sent"))
}
