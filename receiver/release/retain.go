package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

// retainEvery is how often a worker looks for what need not be kept any longer.
const retainEvery = time.Hour

// dropContent frees the room of a released transfer.
func (j *job) dropContent() error {
	if j.channel.Keep {
		return nil
	}
	return j.removeContent("it is in the inbox")
}

// removeContent enters that the content is about to be removed, and removes it. Plan, proof, verdicts and history stay.
func (j *job) removeContent(reason string) error {
	info, err := os.Lstat(filepath.Join(j.dir(), quarantine.ContentFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = j.enterRemoval(info.Size(), reason)
	}
	if err != nil {
		return err
	}
	event := quarantine.Event{Who: j.who, From: j.state, To: j.state, Reason: "content removed: " + reason}
	if err := j.store.Record(j.id, j.state, event); err != nil {
		return err
	}
	return quarantine.RemoveFile(j.dir(), quarantine.ContentFile)
}

// Remove removes the content of a transfer that is rejected or released, because somebody says so. It is entered in the audit log before.
func (g *Gate) Remove(id quarantine.ID, reason string) error {
	st, err := g.store.Find(id)
	if err != nil {
		return err
	}
	if !st.Final() {
		return fmt.Errorf("transfer %s is %s, and only the content of what is rejected or released can be removed: %w", id, st, ErrState)
	}
	j, lock, err := g.take(id, st)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if _, err := os.Lstat(filepath.Join(j.dir(), quarantine.ContentFile)); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("transfer %s: its content is not here any more: %w", id, ErrState)
	}
	return j.removeContent(reason)
}

// retain removes the content of the channel's rejected transfers that were kept for as long as it says.
func (w *worker) retain(ctx context.Context) {
	if w.channel.Refused <= 0 || w.now().Sub(w.retained) < retainEvery {
		return
	}
	w.retained = w.now()
	ids, err := w.gate.store.List(quarantine.Rejected)
	for _, id := range ids {
		if ctx.Err() != nil || err != nil {
			break
		}
		if id.Channel == w.channel.ID {
			if err := w.gate.expire(id, w.channel.Refused); err != nil {
				w.gate.log.Error("content of a rejected transfer can't be removed: trying again", zap.Stringer("transfer", id), zap.String("err", framing.Printable(err.Error(), shownReason)))
			}
		}
	}
	if err != nil {
		w.gate.log.Error("quarantine can't be read", zap.Error(err))
	}
}

// expire removes the content of a rejected transfer if it was rejected so long ago.
func (g *Gate) expire(id quarantine.ID, kept time.Duration) error {
	dir := g.store.Dir(quarantine.Rejected, id)
	if _, err := os.Lstat(filepath.Join(dir, quarantine.ContentFile)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	since, err := g.rejectedAt(id)
	if err != nil || g.now().Sub(since) < kept {
		return err
	}
	j, lock, err := g.take(id, quarantine.Rejected)
	if errors.Is(err, quarantine.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := j.removeContent(fmt.Sprintf("rejected, and kept for %v", kept)); err != nil {
		return err
	}
	g.log.Info("content of a rejected transfer removed", zap.Stringer("transfer", id), zap.String("channel", j.channel.Name))
	return nil
}

// rejectedAt is when a transfer was rejected, by its history.
func (g *Gate) rejectedAt(id quarantine.ID) (time.Time, error) {
	events, err := g.store.History(id, quarantine.Rejected)
	if err != nil {
		return time.Time{}, err
	}
	for i := len(events) - 1; i >= 0; i-- {
		if e := events[i]; e.To == quarantine.Rejected && e.From != e.To {
			return e.When, nil
		}
	}
	return time.Time{}, fmt.Errorf("transfer %s: its history does not say when it was rejected", id)
}
