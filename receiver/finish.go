package receiver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

// Note is what pawl-receive tells of a transfer's arrival (transfer.json): evidence for people, used by nothing else.
type Note struct {
	ID        string    `json:"id"`
	Channel   string    `json:"channel"`
	Begun     time.Time `json:"begun"`    // high side's clock
	Finished  time.Time `json:"finished"` // high side's clock
	Aborted   bool      `json:"aborted"`  // the sender gave it up; the proof says why
	PlanBytes uint64    `json:"plan_bytes"`
	Content   uint64    `json:"content_bytes"`
}

// finish makes a whole transfer last and moves it from incoming to complete. t.done is set, so nobody writes to it.
func (r *Receiver) finish(t *transfer) {
	defer r.finishing.Done()
	r.finishers <- struct{}{}
	err := r.settle(t)
	<-r.finishers
	r.report(result{finished: t, err: err})
}

// settle syncs the objects, clears away what only receiving needs, writes the note and moves the folder. It does not hold
// t.mu while the disk works: the ingest goroutine must not wait for that.
func (r *Receiver) settle(t *transfer) error {
	if err := t.syncObjects(); err != nil {
		return err
	}
	if err := t.clearAway(); err != nil {
		return err
	}
	note := Note{
		ID: t.id.String(), Channel: t.channel.Name, Begun: t.begun, Finished: time.Now(), Aborted: t.aborted, Content: t.contentLength(),
	}
	if o := t.objects[framing.ObjectPlan]; o != nil {
		note.PlanBytes = o.geometry.Length
	}
	data, err := json.MarshalIndent(note, "", "  ")
	if err != nil {
		return err
	}
	if err := quarantine.WriteFile(t.dir, quarantine.NoteFile, append(data, '\n')); err != nil { // syncs the folder too
		return err
	}
	return r.move(t.id, quarantine.Incoming, quarantine.Complete, "")
}

// syncObjects cuts the whole objects to their length and brings them to stable storage.
func (t *transfer) syncObjects() error {
	for _, kind := range objectKinds {
		t.mu.Lock()
		o := t.objects[kind]
		if o == nil || !o.whole() {
			t.mu.Unlock()
			continue
		}
		f, err := t.file(o.fileName())
		t.mu.Unlock()
		if err == nil {
			err = errors.Join(f.Truncate(int64(o.geometry.Length)), f.Sync())
		}
		if err != nil {
			return fmt.Errorf("sync %s: %w", o.fileName(), err)
		}
	}
	return nil
}

// clearAway closes the files and removes what only receiving needs, and objects that are not whole: there are some only
// where the sender gave the transfer up.
func (t *transfer) clearAway() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := []string{quarantine.MissingFile}
	for _, o := range t.objects {
		if o == nil {
			continue
		}
		names = append(names, parkedName(o), repairName(o))
		if !o.whole() {
			names = append(names, o.fileName())
		}
	}
	for _, name := range names {
		if err := t.discard(name); err != nil {
			return err
		}
	}
	return t.closeFiles()
}

// move changes a transfer's state, with a line in its history first.
func (r *Receiver) move(id quarantine.ID, from, to quarantine.State, reason string) error {
	if err := r.cfg.Store.Record(id, from, quarantine.Event{Who: "pawl-receive", From: from, To: to, Reason: reason}); err != nil {
		return err
	}
	return r.cfg.Store.Move(id, from, to)
}

// discard removes a file of the transfer's folder if it is there. t.mu must be held.
func (t *transfer) discard(name string) error {
	var err error
	if f := t.files[name]; f != nil {
		err = f.Close()
		delete(t.files, name)
	}
	if err2 := os.Remove(filepath.Join(t.dir, name)); !errors.Is(err2, fs.ErrNotExist) {
		err = errors.Join(err, err2)
	}
	return err
}

// retire takes a transfer that left incoming out of memory. One that could not leave is tried again with the next tick.
func (r *Receiver) retire(t *transfer, err error) {
	if err != nil {
		r.log.Error("transfer can't leave incoming: trying again", zap.Stringer("transfer", t.id), zap.Error(err))
		r.unsettled = append(r.unsettled, t)
		return
	}
	r.forget(t)
	r.finished.add(t.id)
	r.completed++
	if !t.aborted {
		r.low.arrived(t.channel.Name, time.Now())
	}
	r.log.Info("transfer complete", zap.Stringer("transfer", t.id), zap.String("channel", t.channel.Name),
		zap.Uint64("content", t.contentLength()), zap.Bool("aborted", t.aborted), zap.Duration("took", time.Since(t.begun)))
}

// retryUnsettled tries again what could not leave incoming.
func (r *Receiver) retryUnsettled() {
	transfers := r.unsettled
	r.unsettled = nil
	for _, t := range transfers {
		r.finishing.Add(1)
		go r.finish(t)
	}
}

// forget drops a transfer and all its open blocks from memory.
func (r *Receiver) forget(t *transfer) {
	for _, o := range t.objects {
		if o == nil {
			continue
		}
		for _, b := range o.open {
			r.recency.remove(b)
			r.pool.put(b.buf)
		}
		clear(o.open)
		r.release(t, o)
	}
	delete(r.transfers, t.id)
	if r.last == t {
		r.last = nil
	}
}
