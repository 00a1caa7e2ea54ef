package sender

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/framing/ticket"
)

// What a repair sends of a block. K symbols complete any block, whatever came of it before, because none of them is sent
// twice: a block that has K - m symbols gains at least m. What is beyond K is against losses of the repair itself.
const (
	// repairSpare: of K symbols, one in so many goes along as a repair symbol. 1/64 keeps what is re-sent below 1.02 of what
	// is missing. A block that came in part needs none of it: the repair symbols it has make up for losses.
	repairSpare = 64
	// repairSmall: up to so many octets are sent with all repair symbols and copies, as in a pass. Two per cent of a few
	// packets are none, and a person would carry another ticket.
	repairSmall = 256 << 10
)

// mend is the pass of a repair. It tells the receiver nothing when it fails; f.failure then says why.
func (t *trip) mend(ctx context.Context) error {
	f := t.flight
	f.state.Store(&flightState{State: StateSending, Pass: f.rec.Pass})
	err := t.sendNeeds(ctx)
	if err == nil || ctx.Err() != nil || errors.Is(err, errStopped) {
		return err
	}
	var why *fault
	if !errors.As(err, &why) {
		why = &fault{kind: ErrUnrepaired, reason: fmt.Sprintf("sender: %v", err)}
	}
	f.failure = why
	return nil
}

// sendNeeds sends what the ticket names, object by object. The content is verified before any packet leaves.
func (t *trip) sendNeeds(ctx context.Context) error {
	f, k := t.flight, t.flight.repair.ticket
	var content *reread
	if f.rec.Content > 0 && !k.Content.None() {
		c, err := newCut(f.rec, framing.ObjectContent, f.rec.Body)
		if err != nil {
			return err
		}
		var wanted []span
		for _, run := range c.named(&k.Content) {
			wanted = append(wanted, c.span(run))
		}
		if content, err = openReread(ctx, f.rec, f.dir, wanted, t.verified); err != nil {
			return err
		}
		defer content.close()
	}
	for _, n := range k.Needs() {
		geo := f.rec.object(n.Object)
		if n.Need.None() || geo.Length == 0 {
			continue
		}
		c, err := newCut(f.rec, n.Object, geo)
		if err != nil {
			return err
		}
		if n.Object == framing.ObjectContent {
			if err = t.sendNamed(ctx, c, n.Need, content.readAt); err == nil {
				err = content.finish()
			}
		} else {
			err = t.sendSpooled(ctx, c, n.Need)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// verified lets others go on the lane after so many octets were read and compared: they count as if they were sent, so
// that the files of a repair, however large, take from others what a transfer of that size would.
func (t *trip) verified(octets int) error {
	if !t.yield(lot{wire: uint64(octets)}) {
		return errStopped
	}
	if why := t.flight.cancelled.Load(); why != nil {
		return why
	}
	return nil
}

// sendSpooled sends blocks of a plan or a proof from its file.
func (t *trip) sendSpooled(ctx context.Context, c *cut, need *ticket.Need) error {
	name := planFile
	if c.head.Object == framing.ObjectProof {
		name = proofFile
	}
	file, err := os.Open(filepath.Join(t.flight.dir, name))
	if err != nil {
		return fmt.Errorf("repair %v: %w", c.head.Object, err)
	}
	defer file.Close()
	return t.sendNamed(ctx, c, need, func(_ context.Context, dst []byte, offset uint64) error {
		if _, err := file.ReadAt(dst, int64(offset)); err != nil {
			return fmt.Errorf("repair %v: %w", c.head.Object, err)
		}
		return nil
	})
}

// sendNamed sends the blocks that a need names, as many interleaved as in a pass; read gives their octets in rising order.
func (t *trip) sendNamed(ctx context.Context, c *cut, need *ticket.Need, read func(context.Context, []byte, uint64) error) error {
	octets := uint64(0)
	for _, run := range c.named(need) {
		octets += c.span(run).end - c.span(run).first
	}
	small := octets <= repairSmall
	copies := 1
	if small {
		copies = c.copies()
	}
	var blocks []uint32
	flush := func() error {
		if len(blocks) == 0 {
			return nil
		}
		g, err := t.acquire(ctx, c, 0, copies) // small: the object is one group, which is laid out anew
		if err != nil {
			return err
		}
		g.blocks = append(g.blocks[:0], blocks...)
		blocks = blocks[:0]
		c.fit(g)
		if !small && !t.flight.repair.all {
			g.extra = min(c.R, g.ks[0]/repairSpare)
		}
		at := 0
		for _, block := range g.blocks {
			size := int(c.part.Size(block))
			if err := read(ctx, g.data[at:at+size], c.part.Offset(block)); err != nil {
				g.drop()
				return err
			}
			at += size
		}
		return t.send(ctx, g, copies, nil)
	}
	for _, run := range c.named(need) {
		for block := uint64(run.First); block <= uint64(run.Last); block++ {
			if blocks = append(blocks, uint32(block)); len(blocks) < max(c.Depth, 1) {
				continue
			}
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// repaired brings a transfer back to sent/ when its repair has left, or could not.
func (s *schedule) repaired(f *flight) error {
	if f.failure != nil {
		s.log.Error("repair not sent", zap.String("transfer", f.rec.ID), zap.Error(f.failure))
	} else {
		s.log.Info("repair sent", zap.String("transfer", f.rec.ID), zap.Uint64("bytes", f.repair.total))
	}
	// First the order, then the move: what is left in claimed/ without an order is moved back by the next start.
	if err := os.Remove(filepath.Join(f.dir, repairFile)); err != nil {
		return err
	}
	return s.finish(f, StateSent)
}
