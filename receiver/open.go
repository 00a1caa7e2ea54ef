package receiver

import (
	"errors"
	"time"

	"pawl/framing"
)

// take books one datagram: it is parsed, authenticated and put into its place, and the column where it stands in the
// ledger is returned. Nothing is kept, allocated or written for a datagram before its tag was found right.
func (r *Receiver) take(datagram []byte, now time.Time) Column {
	if len(datagram) != r.cfg.DatagramSize {
		return RejectedSize
	}
	h := &r.header
	if err := framing.ParseHeader(datagram, h); err != nil {
		return headerColumn(err)
	}
	if h.Type == framing.TypeSession {
		return r.takeSession(h, datagram, now)
	}
	s := r.sessions.open[h.Session]
	if s == nil {
		return RejectedSession
	}
	if h.Type == framing.TypeBeat {
		return r.takeBeat(s, h, datagram, now)
	}
	return r.takeSymbol(s, h, datagram, now)
}

// headerColumn is the ledger's word for a header that did not parse.
func headerColumn(err error) Column {
	switch {
	case errors.Is(err, framing.ErrSize):
		return RejectedSize
	case errors.Is(err, framing.ErrMagic):
		return RejectedMagic
	case errors.Is(err, framing.ErrVersion):
		return RejectedVersion
	case errors.Is(err, framing.ErrType):
		return RejectedType
	default:
		return RejectedField
	}
}

// takeSymbol opens a symbol straight into its slot where its block is open and lacks it, else into the scratch buffer.
func (r *Receiver) takeSymbol(s *session, h *framing.Header, datagram []byte, now time.Time) Column {
	esi := int(h.ESI)
	if b := r.blockFor(h); b != nil && esi < b.n && !b.have.has(uint32(esi)) {
		if s.opener.Open(b.slot(esi), datagram, h) != nil {
			return RejectedAuth
		}
		s.heard(h, now)
		return r.placed(b, esi, now)
	}
	if s.opener.Open(r.scratch, datagram, h) != nil {
		return RejectedAuth
	}
	s.heard(h, now)
	return r.placeScratch(h, now)
}

// blockFor returns the open block that a header names; nil when there is none or its geometry is another.
func (r *Receiver) blockFor(h *framing.Header) *block {
	t := r.transferFor(h)
	if t == nil {
		return nil
	}
	o := t.objects[h.Object]
	if o == nil || o.geometry != geometryOf(h, o.geometry.SymbolSize) {
		return nil
	}
	return o.open[h.Block]
}

// transferFor returns the arriving transfer that a header names; the last one is remembered, because packets come in runs.
func (r *Receiver) transferFor(h *framing.Header) *transfer {
	if t := r.last; t != nil && t.id.Transfer == h.Transfer && t.id.Channel == h.Channel {
		return t
	}
	t := r.transfers[idOf(h)]
	if t != nil {
		r.last = t
	}
	return t
}

// placeScratch puts an authentic symbol that lies in the scratch buffer into its place, opening transfer, object and
// block as their limits allow.
func (r *Receiver) placeScratch(h *framing.Header, now time.Time) Column {
	t, column := r.admitTransfer(h, now)
	if t == nil {
		return column
	}
	o, column := r.admitObject(t, h)
	if o == nil {
		return column
	}
	if h.Block >= o.part.Blocks() {
		return RejectedGeometry
	}
	k := o.part.K(h.Block)
	esi := int(h.ESI)
	if esi >= k+int(h.R) {
		return RejectedGeometry
	}
	t.lastHeard = now
	if o.closed.has(h.Block) {
		return repeated(esi, k)
	}
	b := o.open[h.Block]
	if b == nil {
		if b = r.openBlock(o, h.Block); b == nil {
			return RejectedQuota
		}
	}
	if b.have.has(uint32(esi)) {
		return Duplicate
	}
	copy(b.slot(esi), r.scratch)
	return r.placed(b, esi, now)
}

// repeated is the column of a symbol whose block is whole.
func repeated(esi, k int) Column {
	if esi >= k {
		return Repair
	}
	return Duplicate
}

// placed enters a symbol that lies in its slot, and closes the block once it has any K of its symbols.
func (r *Receiver) placed(b *block, esi int, now time.Time) Column {
	t := b.object.transfer
	t.lastHeard = now
	b.mark(esi)
	source := esi < b.k
	if b.count() >= b.k {
		r.closeBlock(b)
	} else {
		r.recency.touch(b)
	}
	if source {
		return Delivered
	}
	return Repair
}

// openBlock makes room for a block and reads back what was parked of it. It returns nil when there is no memory to be had.
func (r *Receiver) openBlock(o *object, number uint32) *block {
	k := o.part.K(number)
	n := k + int(o.geometry.R)
	buf := r.buffer(n * o.geometry.SymbolSize)
	if buf == nil {
		return nil
	}
	b := &block{object: o, number: number, k: k, n: n, buf: buf, have: newBitset(uint32(n))}
	if o.parked.has(number) {
		r.unpark(b)
	}
	o.open[number] = b
	r.recency.pushBack(b)
	return b
}

// closeBlock hands a block that can be rebuilt to the writers. It waits when they are behind: the socket's buffer then
// takes what comes, and what that loses the kernel counts.
func (r *Receiver) closeBlock(b *block) {
	r.recency.remove(b)
	delete(b.object.open, b.number)
	b.object.closed.set(b.number)
	r.handOver(b)
}

// buffer returns a block buffer; when the budget is spent it parks the blocks touched longest ago, and waits for the
// writers when all the memory is with them. It returns nil when nothing can be freed.
func (r *Receiver) buffer(size int) []byte {
	for {
		if buf := r.pool.get(size); buf != nil {
			return buf
		}
		r.drain()
		if len(r.unwritten) > 0 {
			r.giveUp(r.unwritten[0])
			continue
		}
		if b := r.recency.oldest(); b != nil {
			r.parkBlock(b)
			continue
		}
		if r.inFlight.Load() == 0 {
			return nil
		}
		<-r.freed
	}
}
