package sender

import (
	"context"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"
)

// maxSettling bounds the entries of one outbox that are watched at a time, and the names
// remembered because they were moved in. The others wait in the outbox for their turn.
const maxSettling = 4096

// lookEvery is how often an outbox is looked at that nobody speaks of: writes from another
// machine to a network file system make no news here.
const lookEvery = 30 * time.Second

// claimRetry is how long an entry is left alone that could not be claimed.
const claimRetry = 10 * time.Second

// outbox takes entries out of the outbox of one channel when they are complete: what was
// moved in, at once; anything else, when nothing in it changed for the quiet time.
type outbox struct {
	channel *channel
	events  <-chan Event // nil, or closed: there is no news, so the folder is looked at again and again
	full    func(*channel) bool
	claim   func(ctx context.Context, ch *channel, name string) error
	log     *zap.Logger

	printer  printer
	settling map[string]*settling
	failed   map[string]time.Time // when to try again
	moved    map[string]struct{}
}

// Event is news from an outbox: the name of an entry, "" when names were lost and the whole
// folder must be looked at. Moved says that it was moved in and so is complete.
type Event struct {
	Name  string
	Moved bool
}

// run watches until ctx ends.
func (o *outbox) run(ctx context.Context) error {
	o.printer.seed = maphash.MakeSeed()
	o.settling = make(map[string]*settling)
	o.failed = make(map[string]time.Time)
	o.moved = make(map[string]struct{})
	quiet := o.channel.Quiet
	timer := time.NewTimer(0) // what is there at the start
	defer timer.Stop()
	due := time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-o.events:
			if !ok {
				o.events = nil // from now on by looking
			}
			if e.Moved && e.Name != "" && o.complete(ctx, e.Name) {
				continue
			}
			if soon := time.Now().Add(quiet / 2); soon.Before(due) {
				due = soon
			}
		case <-o.channel.room:
			due = time.Now()
		case <-timer.C:
			begin := time.Now()
			waiting, err := o.look(ctx, begin)
			if err != nil {
				return err
			}
			soon := lookEvery
			if waiting || o.events == nil {
				soon = min(quiet/2, lookEvery)
			}
			// Ten times what a look takes, so that looking at a huge tree leaves the disk alone.
			due = time.Now().Add(max(soon, 10*time.Since(begin)))
		}
		timer.Reset(time.Until(due))
	}
}

// complete takes an entry that was moved in, or remembers it until there is room; false if
// it was neither taken nor will room tell.
func (o *outbox) complete(ctx context.Context, name string) bool {
	if !o.full(o.channel) {
		return o.take(ctx, name)
	}
	if len(o.moved) < maxSettling {
		o.moved[name] = struct{}{}
	}
	return true
}

// look goes through the whole outbox once; waiting says that some entries are not taken yet
// and nobody will tell when they are ready.
func (o *outbox) look(ctx context.Context, now time.Time) (waiting bool, err error) {
	folder := o.channel.folder("outbox")
	d, err := os.Open(folder)
	if err != nil {
		return false, fmt.Errorf("look into outbox: %w", err)
	}
	names, err := d.Readdirnames(-1)
	d.Close()
	if err != nil {
		return false, fmt.Errorf("look into outbox: %w", err)
	}
	slices.Sort(names)
	o.forget(names)
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if o.full(o.channel) {
			return waiting, nil // room tells
		}
		if !o.ready(filepath.Join(folder, name), name, now) {
			waiting = true
			continue
		}
		if !o.take(ctx, name) {
			waiting = true
		}
	}
	return waiting, nil
}

// ready says whether an entry is complete.
func (o *outbox) ready(path, name string, now time.Time) bool {
	if now.Before(o.failed[name]) {
		return false
	}
	if _, ok := o.moved[name]; ok {
		return true
	}
	s := o.settling[name]
	if s == nil {
		if len(o.settling) >= maxSettling {
			return false
		}
		s = new(settling)
		o.settling[name] = s
	}
	print, err := o.printer.print(path)
	if err != nil {
		// Written, moved or deleted while it was looked at; or unreadable, which the walk
		// will say. Both look the same until nothing changes any more.
		print = 0
	}
	return s.observe(now, print, o.channel.Quiet)
}

// take claims an entry; false if it has to be tried again.
func (o *outbox) take(ctx context.Context, name string) bool {
	delete(o.moved, name)
	delete(o.settling, name)
	delete(o.failed, name)
	err := o.claim(ctx, o.channel, name)
	if err == nil || ctx.Err() != nil {
		return true
	}
	if _, gone := os.Lstat(filepath.Join(o.channel.folder("outbox"), name)); os.IsNotExist(gone) {
		// Taken out again, or claimed and then stopped by our own machinery: said once.
		o.log.Error("entry not sent", zap.String("channel", o.channel.Name), zap.String("name", name), zap.Error(err))
		return true
	}
	o.log.Error("entry cannot be claimed", zap.String("channel", o.channel.Name), zap.String("name", name), zap.Error(err))
	o.failed[name] = time.Now().Add(claimRetry)
	return false
}

// forget drops what is known of entries that are no longer there; names is sorted.
func (o *outbox) forget(names []string) {
	gone := func(name string) bool {
		_, there := slices.BinarySearch(names, name)
		return !there
	}
	for name := range o.settling {
		if gone(name) {
			delete(o.settling, name)
		}
	}
	for name := range o.moved {
		if gone(name) {
			delete(o.moved, name)
		}
	}
	for name := range o.failed {
		if gone(name) {
			delete(o.failed, name)
		}
	}
}
