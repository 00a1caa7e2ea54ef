// Package linktest is a one-way link in memory, with all that a link does to datagrams: it
// loses them at random and in bursts, goes down for a time, reorders, doubles, damages and
// cuts them, and drops what the reader is too slow for. Everything comes from a seed, all is
// counted exactly, and all waiting is of the kind that testing/synctest understands.
//
//	Writer.Write ─ drop ─ outage ─ loss ─ burst ─ copy ─ flip, cut ─ hold back ─ queue ─ Reader.Read
//	    │           │       │       │       │                                      │ full, or nobody there
//	    └───────────┴───────┴───────┴───────┴──────── counted in Counts ───────────┘
//
// It satisfies the interfaces that the sender and the receiver declare for hw/link.
package linktest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Config says what the link does. The zero value of a field switches its effect off;
// probabilities are from 0 to 1 and fall on each datagram independently, in the order in
// which the effects are drawn above. Each effect has its own stream of random numbers, so
// that switching one on does not move the others.
type Config struct {
	Seed         uint64
	DatagramSize int // octets of each datagram, > 0

	Drop   func(index uint64, datagram []byte) bool // true loses the datagram with this number, counted from 0; must not call the link
	Outage Outage
	Loss   float64
	Burst  Gilbert

	Duplicate float64       // a second copy follows, which is damaged and held back on its own
	Flip      float64       // one to eight of its bits are turned over
	Truncate  float64       // it loses its end: at least one octet, perhaps all
	Reorder   float64       // it is held back until 1 to Span later ones have passed, or Hold is over
	Span      int           // default 16
	Hold      time.Duration // default 1 ms

	Queue int  // datagrams that wait for the reader before more are lost; default 4096
	Wait  bool // Write waits while the queue is full, which no real link does: only the other effects lose
}

// Outage is a link that is down for Length at the start of each Every, counted from when
// the link was made plus Offset.
type Outage struct{ Every, Length, Offset time.Duration }

// Gilbert is the loss model of Gilbert and Elliott (Bell System Technical Journal 39, 1960;
// 42, 1963): a chain of two states that moves once for each datagram, and each state's own
// loss. Bursts are 1/ToGood datagrams long in the mean.
type Gilbert struct {
	ToBad, ToGood     float64 // probability of a move
	LossGood, LossBad float64 // probability of loss; LossBad 0 means 1 if ToBad is not 0
}

// Mean returns the share of datagrams that the model loses in the long run.
func (g Gilbert) Mean() float64 {
	g = g.filled()
	if g.ToBad == 0 {
		return g.LossGood
	}
	bad := g.ToBad / (g.ToBad + g.ToGood)
	return bad*g.LossBad + (1-bad)*g.LossGood
}

func (g Gilbert) filled() Gilbert {
	if g.ToBad > 0 && g.LossBad == 0 {
		g.LossBad = 1
	}
	return g
}

// ErrConfig says that a Config asks for what cannot be.
var ErrConfig = errors.New("impossible link")

// Counts is the account of a link, in datagrams. At any time
//
//	Written + Copies = Dropped + Outage + Lost + Burst + Unheard + Overflow + Unread + Held + Queued + Delivered
//
// Flipped, Truncated and Reordered say what befell datagrams that are in one of those.
type Counts struct {
	Written uint64 // taken from Write
	Copies  uint64 // second copies made

	Dropped  uint64 // lost to Config.Drop
	Outage   uint64 // lost to an outage
	Lost     uint64 // lost at random
	Burst    uint64 // lost to the Gilbert-Elliott model
	Unheard  uint64 // lost because no reader was open
	Overflow uint64 // lost because the queue was full
	Unread   uint64 // lost in the queue of a reader that was closed

	Held      uint64 // held back now
	Queued    uint64 // waiting for the reader now
	Delivered uint64 // returned by Read

	Flipped, Truncated, Reordered uint64
}

// Link is the path between one Writer and, one after another, Readers.
type Link struct {
	cfg   Config
	start time.Time

	mu     sync.Mutex
	change sync.Cond // of the queue, the reader, the writer or a deadline
	counts Counts
	reader *Reader // the open one, or nil
	queue  [][]byte
	held   []heldBack
	free   [][]byte // buffers nobody uses
	bad    bool     // state of the Gilbert-Elliott chain
	timer  *time.Timer

	loss, burst, copies, flip, cut, order *rand.Rand
}

// heldBack is a datagram that waits for others to pass.
type heldBack struct {
	datagram []byte
	after    int // how many must still pass
	until    time.Time
}

// New makes a link. Errors are [ErrConfig].
func New(cfg Config) (*Link, error) {
	for _, p := range []float64{cfg.Loss, cfg.Duplicate, cfg.Flip, cfg.Truncate, cfg.Reorder,
		cfg.Burst.ToBad, cfg.Burst.ToGood, cfg.Burst.LossGood, cfg.Burst.LossBad} {
		if !(p >= 0 && p <= 1) {
			return nil, fmt.Errorf("%w: probability %v", ErrConfig, p)
		}
	}
	o := cfg.Outage
	if cfg.DatagramSize < 1 || cfg.Queue < 0 || cfg.Span < 0 || cfg.Hold < 0 || o.Length < 0 || o.Offset < 0 || o.Length > 0 && o.Every < o.Length {
		return nil, fmt.Errorf("%w: %+v", ErrConfig, cfg)
	}
	cfg.Burst = cfg.Burst.filled()
	if cfg.Queue == 0 {
		cfg.Queue = 4096
	}
	if cfg.Span == 0 {
		cfg.Span = 16
	}
	if cfg.Hold == 0 {
		cfg.Hold = time.Millisecond
	}
	l := &Link{cfg: cfg, start: time.Now()}
	l.change.L = &l.mu
	for i, r := range []**rand.Rand{&l.loss, &l.burst, &l.copies, &l.flip, &l.cut, &l.order} {
		*r = rand.New(rand.NewPCG(cfg.Seed, uint64(i)))
	}
	return l, nil
}

// Counts returns the account so far.
func (l *Link) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counts
	c.Held, c.Queued = uint64(len(l.held)), uint64(len(l.queue))
	return c
}
