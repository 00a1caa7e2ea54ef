package sender

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"pawl/fec"
	"pawl/framing"
)

// Sizes of a batch.
const (
	// batchOctets is what one send with segmentation offload can carry (UDP over IPv4; the
	// 20 octets less of IPv6 never matter, because datagrams of MTU size do not fill it).
	batchOctets = 65487
	// batchMost is UDP_MAX_SEGMENTS of Linux before 6.9.
	batchMost = 64
	// batchTime is how long a batch takes on a slow link at most: beats and urgent groups wait
	// for one to end.
	batchTime = 10 * time.Millisecond
)

// line is the end of the path: it alone owns the sessions, the packet numbers, the pacer
// and its link. Symbols are sealed straight into their slot of the batch. With several links
// each has its line; all get the same groups, and each sends the symbols the spread gives it.
//
// Order on the wire after a start:
//
//	session, beat   five times, spread over max(50 ms, 2 x burst)
//	symbols         with the session every 100 ms and a beat every second between
//	                two batches, and each copy of a small object when it is due
type line struct {
	number   uint8 // of the link, as its sessions say
	index    int   // in the spread
	share    fec.Spread
	spare    bool // the plan bears the loss of a link: see giveUp
	method   func() string
	rate     uint64 // bit/s on the wire
	link     Link
	pacer    Pacer
	datagram int // octets of a datagram
	wire     int // octets a datagram takes on the wire
	spread   time.Duration
	sessions *sessions
	groups   <-chan *part
	urgent   <-chan *part // go ahead of groups, between two batches
	tell     func() framing.Beat
	counters *lineCounters
	log      *zap.Logger

	batch   []byte
	used    int     // datagrams in batch
	most    int     // datagrams that fit
	current *part   // is being sent, nil for none
	sealed  []*part // whose last symbol is in batch
	payload []byte  // of a beat
	down    bool    // the link was given up
	heard   int     // announcements that it took since

	echoes   echoes
	announce time.Time     // when the session is announced next
	every    time.Duration // from one announcement to the next
	beat     time.Time     // when the next beat is due
	inTurn   bool          // own packets are being sent: no recursion
	inRush   bool          // urgent groups are
}

// prepare allocates what the line needs for its life.
func (l *line) prepare() {
	l.most = max(1, min(batchMost, batchOctets/l.datagram))
	l.every = announceEvery
	if l.rate > 0 {
		packet := packetTime(l.rate, l.wire)
		l.most = max(1, min(l.most, int(batchTime/packet)))
		l.every = announcePause(packet)
	}
	l.batch = make([]byte, l.most*l.datagram)
	l.payload = make([]byte, 0, l.datagram-framing.Overhead)
}

// run serves the link until ctx ends.
func (l *line) run(ctx context.Context) error {
	if lock, ok := l.pacer.(sync.Locker); ok {
		lock.Lock()
		defer lock.Unlock()
	}
	l.prepare()
	if err := l.warmUp(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := l.turn(ctx); err != nil {
			return err
		}
		if err := l.rush(ctx); err != nil {
			return err
		}
		select {
		case p := <-l.groups:
			if err := l.send(ctx, p); err != nil {
				return err
			}
			continue
		default:
		}
		if err := l.flush(ctx); err != nil {
			return err
		}
		timer.Reset(time.Until(l.nextTurn()))
		select {
		case p := <-l.urgent:
			if err := l.send(ctx, p); err != nil {
				return err
			}
		case p := <-l.groups:
			if err := l.send(ctx, p); err != nil {
				return err
			}
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// warmUp announces the first session before any symbol.
func (l *line) warmUp(ctx context.Context) error {
	now := time.Now()
	if err := l.sessions.start(now); err != nil {
		return err
	}
	for i := range announcements {
		if i > 0 {
			if err := pause(ctx, l.spread/(announcements-1)); err != nil {
				return err
			}
		}
		l.beat = time.Time{} // each announcement has a beat here
		if err := l.pulse(ctx, time.Now()); err != nil {
			return err
		}
		if err := l.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// nextTurn is when turn has something to do.
func (l *line) nextTurn() time.Time {
	if due, ok := l.echoes.next(); ok && due.Before(l.announce) {
		return due
	}
	return l.announce // no beat comes without an announcement before it
}

// turn sends what is due by time: session and beat, and copies of small objects. It is
// called between batches, so that a long transfer delays neither.
func (l *line) turn(ctx context.Context) error {
	if l.inTurn {
		return nil
	}
	l.inTurn = true
	defer func() { l.inTurn = false }()
	now := time.Now()
	if !l.announce.After(now) {
		if err := l.repeat(ctx, now); err != nil {
			return err
		}
	}
	for p := l.echoes.take(now); p != nil; p = l.echoes.take(now) {
		if err := l.send(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// rush sends the urgent groups that wait. It is called between batches: an urgent group waits
// for one batch, however long the group is that is being sent, and that one goes on after.
func (l *line) rush(ctx context.Context) error {
	if l.inRush || l.inTurn {
		return nil
	}
	l.inRush = true
	defer func() { l.inRush = false }()
	for {
		select {
		case p := <-l.urgent:
			if err := l.send(ctx, p); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// repeat is what comes each 100 ms.
func (l *line) repeat(ctx context.Context, now time.Time) error {
	if err := l.sessions.rotate(now); err != nil {
		return err
	}
	return l.pulse(ctx, now)
}

// pulse announces the session (and the next one, if there is one) and sends a beat if one is due.
func (l *line) pulse(ctx context.Context, now time.Time) error {
	l.announce = now.Add(l.every)
	for _, s := range []*session{l.sessions.current, l.sessions.next} {
		if s == nil {
			continue
		}
		slot, err := l.slot(ctx)
		if err != nil {
			return err
		}
		s.sealer.Announce(slot, s.packets, now.UnixMilli())
		s.packets++
		s.announced++
	}
	if l.beat.After(now) {
		return nil
	}
	l.beat = now.Add(beatEvery)
	beat := l.tell()
	payload, err := framing.AppendBeat(l.payload[:0], &beat, l.datagram-framing.Overhead)
	if err != nil {
		return fmt.Errorf("send beat: %w", err)
	}
	return l.seal(ctx, payload, &framing.Header{Type: framing.TypeBeat})
}

// send seals and writes this line's symbols of a group, in the order of the interleaver.
func (l *line) send(ctx context.Context, p *part) (err error) {
	g, h := p.group, p.group.head
	skip := l.down && p.surrender()
	if !skip {
		if err := l.comeBack(ctx); err != nil {
			return err
		}
	}
	outer := l.current // a copy may be due in the middle of a group, between two batches
	l.current = p
	p.seen = 0
	fec.Interleave(g.ks, g.extra, func(block, esi int) {
		if err != nil {
			return
		}
		h.Block, h.ESI = g.blocks[block], uint16(esi)
		if p.seen < g.skip || l.share.Link(h.Block, esi) != l.index {
			p.seen++
			return
		}
		if skip {
			l.counters.givenUp.Add(1)
			p.seen++
			return
		}
		err = l.seal(ctx, g.symbols[block][esi], &h)
		p.seen++
		skip = l.down && p.surrender()
	})
	l.current = outer
	l.sealed = append(l.sealed, p)
	if l.used == 0 {
		l.settle(time.Now()) // nothing of it is left to be written
	}
	return err
}
