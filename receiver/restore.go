package receiver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.uber.org/zap"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

// newSection reads a file from its beginning without moving its offset.
func newSection(f *os.File) io.Reader { return io.NewSectionReader(f, 0, 1<<62) }

// resume takes in what lay in incoming when the receiver stopped.
func (r *Receiver) resume(now time.Time) error {
	ids, err := r.cfg.Store.List(quarantine.Incoming)
	if err != nil {
		return err
	}
	for _, id := range ids {
		channel := r.channels[id.Channel]
		if channel == nil {
			r.log.Error("a transfer in incoming has a channel that is not configured: left alone", zap.Stringer("transfer", id))
			continue
		}
		t, err := r.openTransfer(channel, id, quarantine.Incoming, now)
		if err != nil {
			return fmt.Errorf("take up transfer %s again: %w", id, err)
		}
		r.log.Info("transfer taken up again", zap.Stringer("transfer", id), zap.String("channel", channel.Name))
		t.mu.Lock()
		if t.whole() { // the receiver was stopped between the last write and the move
			t.done = true
			r.finishing.Add(1)
			go r.finish(t)
		}
		t.mu.Unlock()
	}
	return nil
}

// restore reads a transfer's journal and parking records, so that only what is really on the disk counts. Blocks that no
// sync mark covers are hashed.
func (r *Receiver) restore(t *transfer) error {
	t.files = map[string]*os.File{}
	journal, geometries, blocks, err := quarantine.OpenJournal(t.dir)
	if err != nil {
		return err
	}
	t.journal = journal
	for _, g := range geometries {
		if g.Object < uint8(framing.ObjectPlan) || g.Object > uint8(framing.ObjectProof) || g.SymbolSize != r.cfg.DatagramSize-framing.Overhead {
			return fmt.Errorf("journal of %s: object %d with symbols of %d octets: is the link's mtu another now?", t.id, g.Object, g.SymbolSize)
		}
		o, err := newObject(t, g, r.blockLimit())
		if err != nil {
			return fmt.Errorf("journal of %s: %w", t.id, err)
		}
		if old := t.objects[g.Object]; old != nil {
			r.release(t, old)
		}
		if err := r.reserve(t, o); err != nil {
			r.log.Error("a transfer taken up again is over its channel's limits", zap.Stringer("transfer", t.id), zap.Error(err))
			t.reserved += g.Length
			r.arrivingBytes[t.channel.ID] += g.Length
			r.books += o.books()
		}
		t.objects[g.Object] = o
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	lost, err := t.trust(blocks)
	if err != nil {
		return err
	}
	if lost > 0 {
		r.log.Warn("blocks that did not reach the disk before the last stop are missing again", zap.Stringer("transfer", t.id), zap.Int("blocks", lost))
	}
	for _, o := range t.objects {
		if o != nil {
			if err := o.findParked(); err != nil {
				return err
			}
		}
	}
	return nil
}

// trust enters the blocks that a journal names, those without a sync mark only if their hash is right. It returns how many
// were not. t.mu must be held.
func (t *transfer) trust(blocks []quarantine.WrittenBlock) (lost int, err error) {
	var buf []byte
	for _, w := range blocks {
		if int(w.Object) >= len(t.objects) {
			continue // no Pawl writes it
		}
		o := t.objects[w.Object]
		if o == nil || w.Block >= o.part.Blocks() || o.closed.has(w.Block) {
			continue
		}
		if !w.Synced {
			if buf, err = o.read(w.Block, buf); err != nil {
				return lost, err
			}
			if xxhash.Sum64(buf) != w.Hash {
				lost++
				continue
			}
		}
		o.closed.set(w.Block)
		o.written++
	}
	return lost, nil
}

// read reads a block from the object's file; what the file does not have reads as zeros. transfer.mu must be held.
func (o *object) read(number uint32, buf []byte) ([]byte, error) {
	f, err := o.transfer.file(o.fileName())
	if err != nil {
		return buf, err
	}
	size := int(o.part.Size(number))
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	n, err := f.ReadAt(buf, int64(o.part.Offset(number)))
	if err == io.EOF {
		err = nil
	}
	clear(buf[n:])
	return buf, err
}

// findParked enters the short blocks that were parked before the receiver stopped. transfer.mu must be held.
func (o *object) findParked() error {
	info, err := os.Stat(filepath.Join(o.transfer.dir, parkedName(o)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f, err := o.transfer.file(parkedName(o))
	if err != nil {
		return err
	}
	size := parkedSize(o)
	record := make([]byte, size)
	for number := range uint32(min(int64(o.part.Blocks()), info.Size()/size)) {
		if _, err := f.ReadAt(record, int64(number)*size); err != nil {
			return err
		}
		for _, octet := range record {
			if octet != 0 && !o.closed.has(number) {
				o.parked.set(number)
				break
			}
		}
	}
	return nil
}
