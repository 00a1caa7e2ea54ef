package receiver

import (
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"go.uber.org/zap"

	"pawl/fec"
	"pawl/framing"
)

// syncEvery is how many octets of a transfer are written before the disk is asked to make them last: what a power cut may
// take of a transfer, and what is hashed again after a restart.
const syncEvery = 64 << 20

// errDone says that a block comes too late: the sender gave its transfer up, or its object was replaced.
var errDone = errors.New("no longer wanted")

// result is what the writers tell the ingest goroutine.
type result struct {
	failed   *block    // could not be written: it is still in memory
	broken   *block    // could not be rebuilt: its memory was given back
	finished *transfer // left incoming, or could not
	err      error
}

// write rebuilds and writes blocks until there are no more. Several of these run side by side: blocks don't overlap, so
// no order is needed.
func (r *Receiver) write() {
	var symbols [][]byte
	for b := range r.blocks {
		o := b.object
		symbols = r.writeOne(b, symbols)
		o.pending.Add(-1)
		o.transfer.pending.Add(-1)
		r.inFlight.Add(-1)
		select {
		case r.freed <- struct{}{}:
		default:
		}
	}
}

// writeOne takes one block all the way to its file and the journal.
func (r *Receiver) writeOne(b *block, symbols [][]byte) [][]byte {
	symbols, err := r.rebuild(b, symbols)
	if err != nil {
		r.pool.put(b.buf)
		r.report(result{broken: b, err: err})
		return symbols
	}
	bytes, err := b.store()
	if errors.Is(err, errDone) {
		r.pool.put(b.buf)
		return symbols
	}
	if err != nil {
		r.report(result{failed: b, err: err})
		return symbols
	}
	r.pool.put(b.buf)
	r.written.Add(uint64(bytes))
	r.noteWritten(b.object.transfer, b.object, bytes)
	return symbols
}

// rebuild computes the source symbols that are missing.
func (r *Receiver) rebuild(b *block, symbols [][]byte) ([][]byte, error) {
	if b.source == b.k {
		return symbols, nil
	}
	g := b.object.geometry
	codec, err := r.codecs.Get(fec.Code(g.Code), b.k, int(g.R))
	if err != nil {
		return symbols, fmt.Errorf("rebuild block %d: %w", b.number, err)
	}
	symbols = symbols[:0]
	for esi := range b.n {
		slot := b.slot(esi)
		if !b.have.has(uint32(esi)) {
			slot = slot[:0]
		}
		symbols = append(symbols, slot)
	}
	if err := codec.Rebuild(symbols); err != nil {
		return symbols, fmt.Errorf("rebuild block %d: %w", b.number, err)
	}
	r.rebuilt.Add(1)
	r.margin.note(b.k-b.source, b.n-b.k)
	return symbols, nil
}

// store writes a rebuilt block and its journal record, and returns how many octets it has.
func (b *block) store() (int, error) {
	o := b.object
	t := o.transfer
	t.mu.Lock()
	if t.done || t.objects[o.kind] != o {
		t.mu.Unlock()
		return 0, errDone
	}
	f, err := t.file(o.fileName())
	journal, err2 := t.log()
	t.mu.Unlock()
	if err == nil {
		err = err2
	}
	if err != nil {
		return 0, fmt.Errorf("write block %d of %s: %w", b.number, o.kind, err)
	}
	offset, data := b.place(0, b.k)
	digest := xxhash.Sum64(data)
	if err := o.writeAt(f, data, offset); err != nil {
		return 0, fmt.Errorf("write block %d of %s: %w", b.number, o.kind, err)
	}
	return len(data), journal.Block(uint8(o.kind), b.number, digest)
}

// noteWritten counts a written block, asks for a sync now and then, and sends a whole transfer on its way.
func (r *Receiver) noteWritten(t *transfer, o *object, bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o.written++
	if t.unsynced += int64(bytes); t.unsynced >= syncEvery {
		select {
		case r.syncs <- t:
			t.unsynced = 0
		default: // the disk is busy with an earlier sync: the next block asks again
		}
	}
	if t.objects[o.kind] == o && !t.done && o.whole() && t.whole() {
		t.done = true
		r.finishing.Add(1)
		go r.finish(t)
	}
}

// syncer brings what was written to the disk in the background.
func (r *Receiver) syncer() {
	for t := range r.syncs {
		if err := t.sync(); err != nil {
			r.log.Error("sync", zap.Stringer("transfer", t.id), zap.Error(err))
		}
	}
}

// report queues a result for the ingest goroutine. The queue is bounded by the blocks and transfers there are.
func (r *Receiver) report(res result) {
	r.resultsMu.Lock()
	defer r.resultsMu.Unlock()
	r.results = append(r.results, res)
	r.haveResults.Store(true)
}

// drain takes in what the writers have reported.
func (r *Receiver) drain() {
	if !r.haveResults.Load() {
		return
	}
	r.resultsMu.Lock()
	results := r.results
	r.results = nil
	r.haveResults.Store(false)
	r.resultsMu.Unlock()
	for _, res := range results {
		switch {
		case res.finished != nil:
			r.retire(res.finished, res.err)
		case res.failed != nil:
			r.unwritten = append(r.unwritten, res.failed)
			r.diskTrouble(res.failed.object.transfer, res.err)
		case res.broken != nil:
			b := res.broken
			b.object.closed.clear(b.number)
			r.forgotten += uint64(b.count())
			r.log.Error("block dropped", zap.Stringer("transfer", b.object.transfer.id), zap.Stringer("object", b.object.kind), zap.Error(res.err))
		}
	}
}

// retryUnwritten gives blocks that the disk refused to the writers again.
func (r *Receiver) retryUnwritten() {
	blocks := r.unwritten
	r.unwritten = nil
	for _, b := range blocks {
		r.handOver(b)
	}
}

// handOver gives a block to the writers.
func (r *Receiver) handOver(b *block) {
	b.object.pending.Add(1)
	b.object.transfer.pending.Add(1)
	r.inFlight.Add(1)
	r.blocks <- b
}

// giveUp forgets a block that the disk refuses and whose memory is needed: it is missing again.
func (r *Receiver) giveUp(b *block) {
	r.unwritten = r.unwritten[1:]
	b.object.closed.clear(b.number)
	r.forgotten += uint64(b.count())
	r.pool.put(b.buf)
}

// diskTrouble says once that the disk refuses what arrives; the retries say when it is over.
func (r *Receiver) diskTrouble(t *transfer, err error) {
	if r.trouble {
		return
	}
	r.trouble = true
	r.log.Error("the quarantine's disk refuses what arrives: keeping it in memory while there is room, and trying again",
		zap.Stringer("transfer", t.id), zap.Error(err))
}

// contentLength is the length of the transfer's content, octets; 0 where there is none or nothing of it was heard.
func (t *transfer) contentLength() uint64 {
	if o := t.objects[framing.ObjectContent]; o != nil {
		return o.geometry.Length
	}
	return 0
}
