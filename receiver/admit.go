package receiver

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/hw/disk"
	"pawl/receiver/quarantine"
)

const (
	// diskReserve is the room on the quarantine's disk that receiving never takes, octets: for plans, proofs, journals
	// and notes of what has been accepted.
	diskReserve = 256 << 20
	// refusalQuiet is how long the same refusal of a channel is not logged again.
	refusalQuiet = 10 * time.Second
	// finishedKept is how many finished transfers are remembered, so that late packets of theirs cost no look at the disk.
	finishedKept = 1 << 16
)

// errQuota says that a channel's limits leave no room for a transfer.
var errQuota = errors.New("no room")

func idOf(h *framing.Header) quarantine.ID {
	return quarantine.ID{Channel: h.Channel, Transfer: h.Transfer}
}

// admitTransfer returns the transfer an authentic packet belongs to, opening it where the channel has room. Without one it
// returns the column in which the packet stands.
func (r *Receiver) admitTransfer(h *framing.Header, now time.Time) (*transfer, Column) {
	if t := r.transferFor(h); t != nil {
		return t, 0
	}
	channel := r.channels[h.Channel]
	if channel == nil {
		return nil, RejectedChannel
	}
	id := idOf(h)
	if r.finished.has(id) {
		return nil, Duplicate
	}
	if _, denied := r.denied[id]; denied {
		return nil, RejectedQuota
	}
	state, err := r.cfg.Store.Find(id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if r.arriving(h.Channel) >= channel.MaxTransfers {
			r.refuse(channel, id, fmt.Errorf("%w: %d transfers of the channel are arriving, which is its max_transfers", errQuota, channel.MaxTransfers), now)
			return nil, RejectedQuota
		}
	case err != nil:
		r.refuse(channel, id, err, now)
		return nil, RejectedQuota
	case state != quarantine.Incoming && state != quarantine.Incomplete:
		r.finished.add(id)
		return nil, Duplicate
	}
	t, err := r.openTransfer(channel, id, state, now)
	if err != nil {
		r.refuse(channel, id, err, now)
		return nil, RejectedQuota
	}
	return t, 0
}

// openTransfer takes a transfer into memory: a new one (state ""), or one that waits in incoming or incomplete.
func (r *Receiver) openTransfer(channel *Channel, id quarantine.ID, state quarantine.State, now time.Time) (*transfer, error) {
	t := &transfer{id: id, channel: channel, begun: now, lastHeard: now, dir: r.cfg.Store.Dir(quarantine.Incoming, id)}
	var err error
	switch state {
	case "":
		_, err = r.cfg.Store.Create(id)
	case quarantine.Incomplete:
		err = r.move(id, quarantine.Incomplete, quarantine.Incoming, "more of it arrives")
	}
	if err == nil {
		err = r.restore(t)
	}
	if err != nil {
		return nil, err
	}
	r.transfers[id] = t
	r.last = t
	if state != quarantine.Incoming {
		r.log.Info("transfer arriving", zap.Stringer("transfer", id), zap.String("channel", channel.Name), zap.Bool("resumed", state != ""))
	}
	return t, nil
}

// admitObject returns the object an authentic packet belongs to, opening it where its geometry is possible and the channel
// has room for its length.
func (r *Receiver) admitObject(t *transfer, h *framing.Header) (*object, Column) {
	g := geometryOf(h, r.cfg.DatagramSize-framing.Overhead)
	if o := t.objects[h.Object]; o != nil {
		if o.geometry == g {
			return o, 0
		}
		// A sender that gives a transfer up sends a proof that says so; an earlier pass may have sent another.
		if h.Object != framing.ObjectProof || !r.forgetProof(t) {
			return nil, RejectedGeometry
		}
	}
	o, err := newObject(t, g, r.blockLimit())
	if err != nil {
		r.refuse(t.channel, t.id, err, t.lastHeard)
		return nil, RejectedGeometry
	}
	if err := r.reserve(t, o); err != nil {
		r.refuse(t.channel, t.id, err, t.lastHeard)
		return nil, RejectedQuota
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		r.release(t, o)
		return nil, Duplicate
	}
	journal, err := t.log()
	if err == nil {
		err = journal.Geometry(g)
	}
	if err != nil {
		r.release(t, o)
		r.refuse(t.channel, t.id, err, t.lastHeard)
		return nil, RejectedQuota
	}
	t.objects[h.Object] = o
	return o, 0
}

// forgetProof drops a proof, so that another can take its place; false when the transfer is finished.
func (r *Receiver) forgetProof(t *transfer) bool {
	o := t.objects[framing.ObjectProof]
	for o.pending.Load() != 0 {
		<-r.freed // both have one file: the old one must not be written over the new
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		return false
	}
	t.proved = false
	for _, b := range o.open {
		r.recency.remove(b)
		r.pool.put(b.buf)
	}
	t.objects[framing.ObjectProof] = nil
	r.release(t, o)
	return true
}

// reserve counts an object's octets against the channel's limits, the disk's room and the memory for its books.
func (r *Receiver) reserve(t *transfer, o *object) error {
	length, channel := o.geometry.Length, t.channel
	limit := channel.MaxTransfer
	if o.kind != framing.ObjectContent {
		limit = min(limit, maxSideObject)
	}
	if length > limit {
		return fmt.Errorf("%w: its %s has %d octets, the limit is %d", errQuota, o.kind, length, limit)
	}
	if used := r.used(channel.ID); length > channel.Quota || used > channel.Quota-length {
		return fmt.Errorf("%w: its %s has %d octets, %d of the channel's quota of %d are used", errQuota, o.kind, length, used, channel.Quota)
	}
	if books := o.books(); r.books+books > r.cfg.Memory/4 {
		return fmt.Errorf("%w: the memory setting leaves %d octets to keep account of arriving transfers, %d more are needed", errQuota, r.cfg.Memory/4-r.books, books)
	}
	free, err := disk.Free(t.dir)
	if err != nil {
		return err
	}
	if free < diskReserve || free-diskReserve < length {
		return fmt.Errorf("%w: %d octets are free on the quarantine's disk and %d must stay free; its %s has %d", errQuota, free, diskReserve, o.kind, length)
	}
	t.reserved += length
	r.arrivingBytes[channel.ID] += length
	r.books += o.books()
	return nil
}

// blockLimit is the most that one block may take in memory, octets: two must fit, so that one can be written while the
// other arrives. With the default memory it is what the sender's planner allows a whole group by default.
func (r *Receiver) blockLimit() int { return r.cfg.Memory / 2 }

// release undoes reserve.
func (r *Receiver) release(t *transfer, o *object) {
	t.reserved -= o.geometry.Length
	r.arrivingBytes[t.channel.ID] -= o.geometry.Length
	r.books -= o.books()
}

// used is what counts against a channel's quota: what arrives, and what waits behind for a check or a person.
func (r *Receiver) used(channel uint16) uint64 {
	return r.arrivingBytes[channel] + r.waiting.bytes(channel)
}

// arriving is how many transfers of a channel are in memory.
func (r *Receiver) arriving(channel uint16) int {
	n := 0
	for id := range r.transfers {
		if id.Channel == channel {
			n++
		}
	}
	return n
}

// refuse logs why a transfer is not taken, once in a while for each channel: its packets are counted, not logged.
func (r *Receiver) refuse(channel *Channel, id quarantine.ID, err error, now time.Time) {
	if t := r.transfers[id]; t == nil && len(r.denied) < finishedKept {
		r.denied[id] = struct{}{} // not looked at again before the next second
	}
	if now.Sub(r.refused[channel.ID]) < refusalQuiet {
		return
	}
	r.refused[channel.ID] = now
	r.log.Error("transfer refused", zap.Stringer("transfer", id), zap.String("channel", channel.Name), zap.Error(err))
}

// finished remembers the transfers that left incoming, the youngest finishedKept of them.
type finished struct {
	ids  map[quarantine.ID]struct{}
	ring []quarantine.ID
	next int
}

func newFinished() *finished { return &finished{ids: map[quarantine.ID]struct{}{}} }

func (f *finished) has(id quarantine.ID) bool {
	_, ok := f.ids[id]
	return ok
}

func (f *finished) add(id quarantine.ID) {
	if f.has(id) {
		return
	}
	f.ids[id] = struct{}{}
	if len(f.ring) < finishedKept {
		f.ring = append(f.ring, id)
		return
	}
	delete(f.ids, f.ring[f.next])
	f.ring[f.next] = id
	f.next = (f.next + 1) % finishedKept
}
