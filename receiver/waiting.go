package receiver

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"pawl/receiver/quarantine"
)

// recountEvery is how often what waits behind incoming is counted again: other programs move it on.
const recountEvery = 5 * time.Second

// waiting counts the octets of transfers that wait for more symbols, a check or a person: they hold a part of their
// channel's quota until they are released. The content of rejected ones holds its part until it is removed, or a low side could fill the disk
// with what is refused.
type waiting struct {
	store   *quarantine.Store
	mu      sync.Mutex
	perChan map[uint16]uint64
	busy    bool
	counted time.Time
}

// bytes is what a channel's waiting transfers take, as of the last count.
func (w *waiting) bytes(channel uint16) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.perChan[channel]
}

// recount starts a new count in the background when the last one is old enough.
func (r *Receiver) recount() {
	w := &r.waiting
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy || time.Since(w.counted) < recountEvery {
		return
	}
	w.busy = true
	r.finishing.Add(1)
	go func() {
		defer r.finishing.Done()
		w.count()
	}()
}

// count reads the sizes from the folders. A transfer that moves on while it is looked at counts in one place or none.
func (w *waiting) count() {
	sums := map[uint16]uint64{}
	for _, state := range []quarantine.State{quarantine.Incomplete, quarantine.Complete, quarantine.Checking, quarantine.Held, quarantine.Rejected} {
		names := []string{quarantine.PlanFile, quarantine.ContentFile, quarantine.ProofFile}
		if state == quarantine.Rejected {
			names = []string{quarantine.ContentFile} // plan and proof are kept for good, as those of released ones are
		}
		ids, err := w.store.List(state)
		if err != nil {
			continue // the folder can't be read: the writers will meet the same disk and say so
		}
		for _, id := range ids {
			for _, name := range names {
				if info, err := os.Lstat(filepath.Join(w.store.Dir(state, id), name)); err == nil {
					sums[id.Channel] += uint64(info.Size())
				}
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.perChan, w.busy, w.counted = sums, false, time.Now()
}
