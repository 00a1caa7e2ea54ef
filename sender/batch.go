package sender

import (
	"context"
	"time"

	"pawl/framing"
)

// seal puts one packet into the batch.
func (l *line) seal(ctx context.Context, payload []byte, h *framing.Header) error {
	slot, err := l.slot(ctx)
	if err != nil {
		return err
	}
	s := l.sessions.current
	h.Session, h.Packet = s.sealer.Number(), s.packets
	s.packets++
	s.sealer.Seal(slot, payload, h)
	return nil
}

// slot is the place of the next datagram; a full batch is written first, and what is due
// by time follows it.
func (l *line) slot(ctx context.Context) ([]byte, error) {
	for l.used == l.most {
		if err := l.flush(ctx); err != nil {
			return nil, err
		}
		if err := l.turn(ctx); err != nil {
			return nil, err
		}
		if err := l.rush(ctx); err != nil {
			return nil, err
		}
	}
	slot := l.batch[l.used*l.datagram : (l.used+1)*l.datagram]
	l.used++
	return slot, nil
}

// flush writes the batch, and settles the groups that ended in it.
func (l *line) flush(ctx context.Context) error {
	if l.used == 0 {
		return nil
	}
	l.pacer.Wait(l.used * l.wire)
	sent, err := l.write(ctx, l.batch[:l.used*l.datagram])
	if err != nil {
		return err
	}
	l.counters.packets.Add(uint64(sent))
	l.counters.wire.Add(uint64(sent * l.wire))
	l.counters.session.Store(l.sessions.current.sealer.Number())
	l.used = 0
	if p := l.current; p != nil && p.group.trace != nil {
		p.group.trace.note(l.index, p.group.seq, p.seen)
	}
	if len(l.sealed) > 0 {
		l.settle(time.Now())
	}
	return nil
}

// settle keeps what has another copy to come, and lets go of the rest.
func (l *line) settle(now time.Time) {
	for i, p := range l.sealed {
		l.sealed[i] = nil
		g := p.group
		if !p.sent {
			p.sent = true
			if g.unsent.Add(-1) == 0 {
				g.left()
			}
		}
		if p.copies--; p.copies > 0 {
			l.echoes.add(p, now)
			continue
		}
		f := g.flight
		g.release()
		f.release()
	}
	l.sealed = l.sealed[:0]
}
