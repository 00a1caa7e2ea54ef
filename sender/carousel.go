package sender

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"

	"pawl/framing/ticket"
)

// The carousel sends what lies in sent/ once more while nothing else is to be sent. A round is a repair that nobody asked
// for, of everything: plan, content and proof with all symbols. Decision 0022 says why not of fewer.
//
//	sent/<id> ── spin ──► class idle ── mend ──► rounded: .pawl-carousel
//
// The transfer stays in sent/, where people repair, confirm, resend and retention removes it as if nothing were going on: the
// round then ends. A round tells the receiver nothing when it fails. One that a stop of the program cut short was none.

// Carousel is what a channel sends again while the link is idle. The zero Carousel is nothing.
type Carousel struct {
	Age    time.Duration // since the last pass ended; 0: no carousel
	Bytes  uint64        // octets of content that the newest transfers may come to together; 0: no bound
	Rounds int           // of each transfer, over restarts; 0: DefaultRounds
	Gap    time.Duration // from the last pass to the first round, and twice as long before each further one; 0: DefaultRoundGap
}

// Defaults and bounds of the carousel.
const (
	DefaultRounds   = 3
	DefaultRoundGap = 10 * time.Minute // longer than most outages: a round in the same one is for nothing
	MaxRounds       = 20               // the gaps double: the last would come after a year

	maxSpinning = 1000             // transfers of a channel that are looked at, the newest
	spinEvery   = 30 * time.Second // sent/ is listed so often, and oftener with a shorter gap
)

// carouselFile in a transfer's folder in sent/ holds what the carousel did for it.
const carouselFile = ".pawl-carousel"

func (k Carousel) on() bool { return k.Age > 0 }

func (k Carousel) check() error {
	if k.Age < 0 || k.Gap < 0 || k.Rounds < 0 || k.Rounds > MaxRounds {
		return fmt.Errorf("carousel: %d rounds every %v up to %v: rounds are 1 to %d", k.Rounds, k.Gap, k.Age, MaxRounds)
	}
	return nil
}

func (k Carousel) withDefaults() Carousel {
	if k.on() {
		k.Rounds, k.Gap = cmp.Or(k.Rounds, DefaultRounds), cmp.Or(k.Gap, DefaultRoundGap)
	}
	return k
}

// spun is what carouselFile holds.
type spun struct {
	Rounds int       `json:"rounds"` // that ended, those that failed too
	Last   time.Time `json:"last"`
	Failed string    `json:"failed,omitempty"` // why the last did
}

// loadSpun reads what was done for a transfer. What can't be read is as if it had had all its rounds.
func loadSpun(dir string) (n spun) {
	text, err := os.ReadFile(filepath.Join(dir, carouselFile))
	if errors.Is(err, os.ErrNotExist) {
		return spun{}
	}
	if err != nil || json.Unmarshal(text, &n) != nil || n.Rounds < 0 {
		return spun{Rounds: MaxRounds}
	}
	return n
}

// wheel is the carousel of one channel. What is not of turn is under schedule.mu.
type wheel struct {
	round  *flight // under way; nil: none. It is in none of the schedule's flights
	rounds uint64  // that were sent since the start
	octets uint64  // of content, in them

	due    []*turning // of turn: what sent/ had when it was last listed, first what goes first
	listed time.Time  // of turn
}

// turning is a transfer that may have a round.
type turning struct {
	rec *record
	spun
	at time.Time // not before
}

// turn gives transfers their rounds until ctx ends.
func (s *Sender) turn(ctx context.Context) error {
	look := time.NewTimer(0)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-s.schedule.turned:
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, c := range s.channels {
			if !c.Carousel.on() {
				continue
			}
			if err := s.spin(c, time.Now()); err != nil {
				s.cfg.Log.Error("carousel", zap.String("channel", c.Name), zap.Error(err))
			}
		}
		look.Reset(time.Second)
	}
}

// spin begins a channel's next round, if there is none and one is due.
func (s *Sender) spin(c *channel, now time.Time) error {
	s.schedule.mu.Lock()
	open, _ := c.hours.open(now, 0)
	rests := c.wheel.round == nil && open && !c.stop
	s.schedule.mu.Unlock()
	if !rests {
		return nil
	}
	if now.Sub(c.wheel.listed) >= min(spinEvery, max(c.Carousel.Gap, time.Second)) {
		due, err := c.turnings(now, s.claimer.symbolSize)
		c.wheel.due, c.wheel.listed = due, now
		if err != nil {
			return err
		}
	}
	s.orders.Lock() // the folder stays where it is until the round is known
	defer s.orders.Unlock()
	for i, t := range c.wheel.due {
		if t.at.After(now) {
			continue
		}
		c.wheel.due = slices.Delete(c.wheel.due, i, i+1)
		return s.enterRound(c, t)
	}
	return nil
}

// turnings are the transfers of sent/ that may have a round: those with the fewest rounds first, of them the newest.
func (c *channel) turnings(now time.Time, symbolSize int) (all []*turning, err error) {
	entries, err := os.ReadDir(c.folder("sent"))
	if err != nil {
		return nil, err
	}
	slices.Reverse(entries) // ids of a channel have one length and begin with the time
	octets, seen := uint64(0), 0
	for _, e := range entries {
		if _, ours := transferOfID(c.ID, e.Name()); !ours {
			continue
		}
		if seen++; seen > maxSpinning {
			break
		}
		dir := filepath.Join(c.folder("sent"), e.Name())
		rec, err := loadRecord(dir)
		if err != nil || rec.State != StateSent || rec.SymbolSize != symbolSize {
			continue // gone meanwhile, or not what this link can add to
		}
		if octets += rec.Content; c.Carousel.Bytes > 0 && octets > c.Carousel.Bytes {
			break
		}
		ended, n := time.Unix(rec.Ended, 0), loadSpun(dir)
		if now.Sub(ended) > c.Carousel.Age || n.Rounds >= c.Carousel.Rounds || readConfirmed(dir) != nil {
			continue
		}
		t := &turning{rec: rec, spun: n, at: ended.Add(c.Carousel.Gap)}
		if n.Rounds > 0 {
			t.at = n.Last.Add(c.Carousel.Gap << n.Rounds)
		}
		all = append(all, t)
	}
	slices.SortStableFunc(all, func(a, b *turning) int { return cmp.Compare(a.Rounds, b.Rounds) })
	return all, nil
}

// enterRound hands a round to the schedule. The transfer may have changed since it was listed.
func (s *Sender) enterRound(c *channel, t *turning) error {
	dir := filepath.Join(c.folder("sent"), t.rec.ID)
	if readConfirmed(dir) != nil {
		return nil
	}
	rec, err := loadRecord(dir)
	if err != nil || rec.State != StateSent {
		return nil // taken by people or by retention
	}
	whole := ticket.Need{Whole: true}
	f := newFlight(rec, dir, c)
	f.round, f.class, f.due = true, idle, time.Time{}
	if f.repair, err = newRepair(rec, &ticket.Ticket{Transfer: ticket.DigestOf(rec.Channel, rec.Transfer), Plan: whole, Content: whole, Proof: whole}, true, rec.SymbolSize); err != nil {
		return err
	}
	sched := s.schedule
	f.passed = sched.ended
	f.whole, f.body = rec.wire(sched.packet)
	sched.mu.Lock()
	c.wheel.round = f
	c.put(f, time.Now())
	sched.wakeAll()
	sched.mu.Unlock()
	return nil
}

// leave ends the round of a transfer that people have something else in mind with.
func (s *schedule) leave(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.channels {
		if f := c.wheel.round; f != nil && f.rec.ID == id {
			f.cancelled.Store(&fault{kind: ErrUnrepaired, reason: "the transfer left the carousel"})
			s.wakeAll()
		}
	}
}

// rounded writes down that a round has ended.
func (s *schedule) rounded(f *flight) error {
	var err error
	n := loadSpun(f.dir)
	left := f.cancelled.Load() != nil
	if !left {
		n.Rounds, n.Last, n.Failed = n.Rounds+1, time.Now(), ""
		if f.failure != nil {
			n.Failed = f.failure.Error()
			s.log.Warn("transfer can't be sent again by the carousel", zap.String("transfer", f.rec.ID), zap.Error(f.failure))
		}
		var text []byte
		if text, err = json.Marshal(&n); err == nil {
			err = writeDurable(filepath.Join(f.dir, carouselFile), append(text, '\n'))
		}
		if errors.Is(err, os.ErrNotExist) {
			err = nil // retention took the transfer
		}
	}
	s.mu.Lock()
	c := f.channel
	c.wheel.round = nil
	if !left && f.failure == nil {
		c.wheel.rounds++
		c.wheel.octets += f.rec.Content
	}
	s.mu.Unlock()
	close(f.done)
	signal(s.turned)
	return err
}

// CarouselStatus is what the carousel of a channel does.
type CarouselStatus struct {
	Transfer string `json:"transfer,omitempty"` // under way, or waiting for the link to be idle
	Sent     uint64 `json:"sent"`               // octets of its content in this round
	Total    uint64 `json:"total"`
	Rounds   uint64 `json:"rounds"` // since the start
	Bytes    uint64 `json:"bytes"`  // of content, in them
}

// status of the carousel, nil if the channel has none; schedule.mu is locked.
func (c *channel) carousel() *CarouselStatus {
	if !c.Carousel.on() {
		return nil
	}
	st := &CarouselStatus{Rounds: c.wheel.rounds, Bytes: c.wheel.octets}
	if f := c.wheel.round; f != nil {
		st.Transfer, st.Sent, st.Total = f.rec.ID, f.sent.Load(), f.rec.Content
	}
	return st
}
