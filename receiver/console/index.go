package console

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"pawl/hw/watch"
	"pawl/hw/web"
	"pawl/receiver/quarantine"
)

// Bounds of the index.
const (
	maxRows   = 1_000_000              // transfers in memory, some 250 octets each
	maxKept   = 255                    // characters of a name
	settle    = 200 * time.Millisecond // changes that come together become one list
	publishes = 2 * time.Second        // how often a list that is still being filled is shown
	hints     = 4096                   // events not yet looked at; more are found by the next listing
)

// row is a transfer in the index. It is replaced, never changed.
type row struct {
	id      quarantine.ID
	state   quarantine.State
	changed time.Time
	name    web.Words // none while unknown
	find    string    // what a search looks in: id and name in lower case
	bytes   uint64
	files   uint64
	known   bool // plan and proof were looked at
}

// list is the index at one moment, the last changed first. It is not changed.
type list struct {
	rows   []*row
	left   int  // transfers there was no room for
	ready  bool // all folders were listed once
	unread int  // transfers whose plan was not looked at yet
}

// index is all transfers by state, rebuilt from the folders at the start and kept up by what the system tells of them. The folders are the truth:
// every rescan lists them, and what a page shows of one transfer is read anew.
type index struct {
	store   *quarantine.Store
	label   func(uint16) string
	changed func()
	now     atomic.Pointer[list]

	hint chan quarantine.ID
	full chan struct{}

	mu   sync.Mutex // of what run's goroutine and tests use
	rows map[quarantine.ID]*row
	left int
}

func newIndex(store *quarantine.Store, label func(uint16) string, changed func()) *index {
	x := &index{store: store, label: label, changed: changed, hint: make(chan quarantine.ID, hints), full: make(chan struct{}, 1), rows: map[quarantine.ID]*row{}}
	x.now.Store(&list{})
	return x
}

// run keeps the index until ctx ends.
func (x *index) run(ctx context.Context, rescan time.Duration) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, st := range quarantine.States() {
		// Watched first and listed after, so that nothing falls in between.
		folder, err := watch.Open(x.store.Folder(st))
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { folder.Close() })
		group.Go(func() error { return x.follow(folder) })
	}
	group.Go(func() error { return x.keep(ctx, rescan) })
	return group.Wait()
}

// follow turns what happens in a folder into hints.
func (x *index) follow(folder *watch.Folder) error {
	for {
		e, err := folder.Next()
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		id, err := quarantine.ParseID(e.Name)
		if err == nil {
			select {
			case x.hint <- id:
				continue
			default: // too many: list all
			}
		}
		if err == nil || e.Kind == watch.Rescan {
			select {
			case x.full <- struct{}{}:
			default:
			}
		}
	}
}

// keep lists, looks and publishes.
func (x *index) keep(ctx context.Context, rescan time.Duration) error {
	tick := time.NewTicker(rescan)
	defer tick.Stop()
	x.list(ctx)
	for {
		x.fill(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			x.list(ctx)
		case <-x.full:
			x.list(ctx)
		case id := <-x.hint:
			x.gather(ctx, id)
		}
	}
}

// gather looks at a transfer and at all that change within a moment.
func (x *index) gather(ctx context.Context, id quarantine.ID) {
	changed := x.look(id)
	moment := time.NewTimer(settle)
	defer moment.Stop()
	for {
		select {
		case id := <-x.hint:
			changed = x.look(id) || changed
			continue
		case <-moment.C:
		case <-ctx.Done():
		}
		break
	}
	if changed {
		x.publish()
	}
}

// list reads all folders. What has moved since is found again; what is gone goes.
func (x *index) list(ctx context.Context) {
	x.mu.Lock()
	there := make(map[quarantine.ID]bool, len(x.rows))
	x.left = 0
	whole := true
	for _, st := range quarantine.States() {
		ids, err := x.store.List(st)
		if err != nil || ctx.Err() != nil {
			whole = false // nothing is forgotten for a folder that can't be read
			continue
		}
		for _, id := range ids {
			there[id] = true
			if old := x.rows[id]; old == nil || old.state != st || old.comes() && old.name.None() {
				x.put(id, st, old) // and it is read anew: a plan may have come since
			}
		}
	}
	for id := range x.rows {
		if whole && !there[id] {
			x.look1(id)
		}
	}
	x.mu.Unlock()
	x.publish()
}

// comes says that what is known of a transfer can still change without a change of state: its plan and proof are on their way.
func (r *row) comes() bool { return r.state == quarantine.Incoming || r.state == quarantine.Incomplete }

// look finds where a transfer is now, and says whether a list would show it otherwise than before.
func (x *index) look(id quarantine.ID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.look1(id)
}

func (x *index) look1(id quarantine.ID) bool {
	old := x.rows[id]
	st, err := x.store.Find(id)
	if err != nil {
		delete(x.rows, id)
		return old != nil
	}
	x.put(id, st, old)
	x.read(x.rows[id])
	now := x.rows[id]
	return old == nil || now == nil || *now != *old
}

// put enters a transfer as far as its folder's name tells.
func (x *index) put(id quarantine.ID, st quarantine.State, old *row) {
	if old == nil && len(x.rows) >= maxRows {
		x.left++
		return
	}
	next := &row{id: id, state: st, find: id.String(), changed: changedAt(x.store.Dir(st, id))}
	if old != nil {
		next.name, next.find, next.bytes, next.files = old.name, old.find, old.bytes, old.files
		next.known = old.known && !old.comes()
	}
	x.rows[id] = next
}

// changedAt is when the last line of the history was written, which is right before every move.
func changedAt(dir string) time.Time {
	info, err := os.Lstat(filepath.Join(dir, quarantine.HistoryFile))
	if err != nil {
		info, err = os.Lstat(dir)
	}
	if err != nil {
		return time.Time{}
	}
	return info.ModTime().UTC()
}

// publish makes a new list.
func (x *index) publish() {
	x.mu.Lock()
	next := &list{rows: make([]*row, 0, len(x.rows)), left: x.left, ready: true}
	for _, r := range x.rows {
		next.rows = append(next.rows, r)
		if !r.known {
			next.unread++
		}
	}
	x.mu.Unlock()
	slices.SortFunc(next.rows, func(a, b *row) int {
		return cmp.Or(b.changed.Compare(a.changed), cmp.Compare(a.id.Channel, b.id.Channel), cmp.Compare(b.id.Transfer, a.id.Transfer))
	})
	x.now.Store(next)
	x.changed()
}
