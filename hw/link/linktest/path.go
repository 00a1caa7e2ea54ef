package linktest

import (
	"math/rand/v2"
	"time"
)

// The steps of a datagram's path, in order. All are called with the lock held.

// carry takes a datagram from the writer over the link.
func (l *Link) carry(datagram []byte) {
	index := l.counts.Written
	l.counts.Written++
	if l.cfg.Drop != nil && l.cfg.Drop(index, datagram) {
		l.counts.Dropped++
		return
	}
	// All draws are made for every datagram, so that one loss does not move another.
	lost := chance(l.loss, l.cfg.Loss)
	burst := l.stepBurst()
	double := chance(l.copies, l.cfg.Duplicate)
	switch {
	case l.down():
		l.counts.Outage++
	case lost:
		l.counts.Lost++
	case burst:
		l.counts.Burst++
	default:
		l.forward(l.copyOf(datagram))
		if double {
			l.counts.Copies++
			l.forward(l.copyOf(datagram))
		}
	}
}

func chance(r *rand.Rand, p float64) bool { return p > 0 && r.Float64() < p }

// down says whether the link is in an outage now.
func (l *Link) down() bool {
	o := l.cfg.Outage
	since := time.Since(l.start) - o.Offset
	return o.Length > 0 && since >= 0 && since%o.Every < o.Length
}

// stepBurst moves the Gilbert-Elliott chain and says whether it loses the datagram.
func (l *Link) stepBurst() bool {
	g := l.cfg.Burst
	if g == (Gilbert{}) {
		return false
	}
	move, loss := g.ToBad, g.LossGood
	if l.bad {
		move = g.ToGood
	}
	if l.burst.Float64() < move {
		l.bad = !l.bad
	}
	if l.bad {
		loss = g.LossBad
	}
	return l.burst.Float64() < loss
}

// forward damages a datagram and queues it or holds it back; d is the link's own.
func (l *Link) forward(d []byte) {
	if chance(l.flip, l.cfg.Flip) {
		l.counts.Flipped++
		// Distinct bits, so that none is turned back.
		bits := 1 + l.flip.IntN(min(8, len(d)*8))
		first, step := l.flip.IntN(len(d)*8), 1+l.flip.IntN(max(1, len(d)*8/bits-1))
		for i := range bits {
			bit := (first + i*step) % (len(d) * 8)
			d[bit/8] ^= 1 << (bit % 8)
		}
	}
	if chance(l.cut, l.cfg.Truncate) {
		l.counts.Truncated++
		d = d[:l.cut.IntN(len(d))]
	}
	if chance(l.order, l.cfg.Reorder) {
		l.counts.Reordered++
		l.held = append(l.held, heldBack{d, 1 + l.order.IntN(l.cfg.Span), time.Now().Add(l.cfg.Hold)})
		l.arm()
		return
	}
	l.arrive(d)
	l.passed()
}

// passed lets those go that waited for one more to pass.
func (l *Link) passed() {
	kept := l.held[:0]
	var due [][]byte
	for _, h := range l.held {
		if h.after--; h.after <= 0 {
			due = append(due, h.datagram)
		} else {
			kept = append(kept, h)
		}
	}
	l.held = kept
	for _, d := range due {
		l.arrive(d)
	}
}

// arm sets the timer for the one held back longest, which is the first.
func (l *Link) arm() {
	if l.timer == nil && len(l.held) > 0 {
		l.timer = time.AfterFunc(time.Until(l.held[0].until), l.release)
	}
}

// release lets those go whose time is over.
func (l *Link) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = nil
	now := time.Now()
	for len(l.held) > 0 && !l.held[0].until.After(now) {
		d := l.held[0].datagram
		l.held = append(l.held[:0], l.held[1:]...)
		l.arrive(d)
	}
	l.arm()
}

// arrive puts a datagram into the reader's queue, or loses it there.
func (l *Link) arrive(d []byte) {
	switch {
	case l.reader == nil:
		l.counts.Unheard++
		l.recycle(d)
	case len(l.queue) >= l.cfg.Queue && !l.cfg.Wait:
		l.counts.Overflow++
		l.reader.drops++
		l.recycle(d)
	default:
		l.queue = append(l.queue, d)
		l.change.Broadcast()
	}
}

func (l *Link) copyOf(datagram []byte) []byte {
	var d []byte
	if n := len(l.free); n > 0 {
		d, l.free = l.free[n-1], l.free[:n-1]
	}
	return append(d[:0], datagram...)
}

// poison is what a slice holds after its time is over, so that a test sees who kept one.
const poison = 0xDB

func (l *Link) recycle(d []byte) {
	d = d[:cap(d)]
	for i := range d {
		d[i] = poison
	}
	l.free = append(l.free, d)
}
