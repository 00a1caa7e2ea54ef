package release

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

// worker serves one channel.
type worker struct {
	gate    *Gate
	pulse   *pulse
	channel Channel
	rescan  time.Duration
	now     func() time.Time
	failing map[quarantine.ID]*Failing

	retained time.Time // when it last looked for what need not be kept
}

// retryMost is the longest time between two tries of a transfer that fails.
const retryMost = 15 * time.Minute

func (w *worker) run(ctx context.Context, kick <-chan struct{}) error {
	if err := w.gate.Sweep(w.channel); err != nil {
		w.gate.log.Error("what earlier runs left can't be cleared", zap.String("channel", w.channel.Name), zap.Error(err))
	}
	for {
		w.round(ctx)
		w.retain(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-kick:
		}
	}
}

// round tries every transfer of the channel once, but those whose last try failed a moment ago.
func (w *worker) round(ctx context.Context) {
	failing := map[quarantine.ID]*Failing{}
	for _, st := range []quarantine.State{quarantine.Checking, quarantine.Complete, quarantine.Held} {
		ids, err := w.gate.store.List(st)
		if err != nil {
			w.gate.log.Error("quarantine can't be read", zap.Error(err))
			return
		}
		for _, id := range ids {
			if ctx.Err() != nil {
				return
			}
			if id.Channel != w.channel.ID || st == quarantine.Held && !w.gate.ready(id) {
				continue
			}
			was := w.failing[id]
			if was != nil && w.now().Before(was.Next) && !w.gate.refused(id, st) {
				failing[id] = was
				continue
			}
			if err := w.try(ctx, id, st); err != nil {
				failing[id] = w.failed(id, was, err)
				w.failing[id] = failing[id]
				w.pulse.fails(w.channel.ID, maps.Clone(w.failing)) // the round may take hours
			}
		}
	}
	w.failing = failing
	w.pulse.fails(w.channel.ID, maps.Clone(failing))
}

// failed notes a try in vain, and says a new reason once.
func (w *worker) failed(id quarantine.ID, was *Failing, err error) *Failing {
	now := w.now()
	f := &Failing{Transfer: id.String(), Channel: w.channel.Name, Since: now.UTC(), Tries: 1, Reason: framing.Printable(err.Error(), shownReason)}
	if was != nil {
		f.Since, f.Tries = was.Since, was.Tries+1
	}
	f.Next = now.Add(backOff(f.Tries, w.rescan, max(w.rescan, retryMost))).UTC()
	if was == nil || was.Reason != f.Reason {
		w.gate.log.Error("transfer can't be released: trying again", zap.Stringer("transfer", id), zap.String("channel", w.channel.Name), zap.String("err", f.Reason))
	}
	return f
}

// try runs one transfer. What somebody else has or had is not a failure.
func (w *worker) try(ctx context.Context, id quarantine.ID, st quarantine.State) error {
	reached, err := w.pulse.run(ctx, w.gate, id, st)
	switch {
	case err == nil, ctx.Err() != nil, errors.Is(err, quarantine.ErrLocked):
		return nil
	case errors.Is(err, fs.ErrNotExist) && reached == st:
		if now, found := w.gate.store.Find(id); found == nil && now != st {
			return nil
		}
	}
	return err
}
