package sender

import (
	"context"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"pawl/hw/disk"
)

// lookEvery is how often an outbox is looked at that nobody speaks of: writes from another
// machine to a network file system make no news here.
const lookEvery = 30 * time.Second

// gatherMost bounds, in quiet times, how long a complete entry waits for others that come on
// and on (GroupQuiet).
const gatherMost = 10

// outbox takes entries out of the outbox of one channel when they are complete.
//
//	news ─ hear ──► file with its sign ──────────────┐
//	          └───► everything else: look soon       ├─► judge ─► take: claim
//	timer ─ look ─► each entry, 4096 names at a time ┘
//
// News is for speed, looking for truth: what news lost, or never told, a look finds. Both
// work at the same time, so that a file moved in does not wait for a look at a huge tree.
type outbox struct {
	channel *channel
	events  chan Event // nil, or closed: there is no news, so the folder is looked at again and again
	full    func(*channel) bool
	claim   func(ctx context.Context, ch *channel, d drop) error
	probe   func(*os.File) (bool, error) // disk.OpenForWriting
	log     *zap.Logger

	printer printer
	known   known
	soon    chan struct{} // capacity 1: look in half a quiet time
	now     chan struct{} // capacity 1: look now
	batch   batch         // of the looking goroutine
	rest    []sighting    // what the last look had listed and found no room for; also its

	mu    sync.Mutex
	state IntakeStatus
	left  left
}

// Event is news from an outbox: the name of an entry, "" when names were lost and the whole
// folder must be looked at, and what happened to it.
type Event struct {
	Name    string
	Moved   bool // into the outbox
	Closed  bool // after writing
	Created bool // in the outbox
}

// drop is what is claimed as one transfer.
type drop struct {
	paths []string // below the outbox; several only in a batch
	batch string   // name of the transfer that holds them all; "": the one path is all
}

// newOutbox prepares the outbox of a channel.
func newOutbox(ch *channel, events chan Event, full func(*channel) bool, claim func(context.Context, *channel, drop) error, log *zap.Logger) *outbox {
	o := &outbox{
		channel: ch, events: events, full: full, claim: claim, probe: disk.OpenForWriting, log: log,
		printer: printer{seed: maphash.MakeSeed()},
		known:   known{entries: make(map[string]*entry)},
		soon:    make(chan struct{}, 1), now: make(chan struct{}, 1),
	}
	o.state.Looking = events == nil
	if o.state.Looking {
		o.state.Why = "folder is not watched"
	}
	return o
}

// run watches until ctx ends.
func (o *outbox) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if o.events != nil {
		g.Go(func() error { return o.listen(ctx) })
	}
	g.Go(func() error { return o.watch(ctx) })
	return g.Wait()
}

// listen hears news until there is none any more.
func (o *outbox) listen(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-o.events:
			if !ok {
				o.deaf()
				return nil
			}
			if err := o.hear(ctx, e); err != nil {
				return err
			}
		}
	}
}

// deaf notes that from now on the outbox is only looked at.
func (o *outbox) deaf() {
	o.mu.Lock()
	o.state.Looking, o.state.Why = true, "watching the folder failed"
	o.mu.Unlock()
	signal(o.now)
}

// hear acts on one piece of news. The error is only of ctx.
func (o *outbox) hear(ctx context.Context, e Event) error {
	if e.Name == "" {
		o.mu.Lock()
		o.state.Rescans++
		o.mu.Unlock()
		signal(o.now)
		return nil
	}
	in := &o.channel.Intake
	if of, marker := in.marks(e.Name); marker {
		e = Event{Name: of}
	} else {
		o.known.heard(e)
	}
	path := filepath.Join(o.channel.folder("outbox"), e.Name)
	info, err := os.Lstat(path)
	switch {
	case err != nil: // gone, or to come
	case info.IsDir() && (e.Moved || !e.Created && !e.Closed):
		signal(o.now)
	case !info.Mode().IsRegular() || in.Group == GroupQuiet || o.filtered(e.Name, false) != "":
	case e.Created && !e.Moved && !e.Closed: // somebody is about to write it
	default:
		if ok, _ := o.judge(e.Name, info.Mode(), time.Now(), false); ok && !o.full(o.channel) {
			o.take(ctx, drop{paths: []string{e.Name}})
		}
	}
	signal(o.soon)
	return ctx.Err()
}

// watch looks at the outbox until ctx ends: at the start, when news asks for it, when there
// is room again, and now and then.
func (o *outbox) watch(ctx context.Context) error {
	quiet := o.channel.Quiet
	timer := time.NewTimer(0) // what is there at the start
	defer timer.Stop()
	due := time.Now()
	var rest time.Time // no look before, but for good reason: a long one leaves the disk alone for a while
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.soon:
			if soon := later(time.Now().Add(quiet/2), rest); soon.Before(due) {
				due = soon
			}
		case <-o.now:
			due = time.Now()
		case <-o.channel.room:
			due = time.Now()
		case <-timer.C:
			l, err := o.look(ctx, time.Now())
			if err != nil {
				return err
			}
			soon := lookEvery
			if l.polls || o.status().Looking {
				soon = min(quiet/2, lookEvery)
			}
			now := time.Now()
			rest = now.Add(min(10*(now.Sub(l.now)-l.claims), lookEvery))
			due = later(now.Add(soon), rest)
		}
		timer.Reset(time.Until(due))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// filtered says why a path is left in the outbox by the name filters, "" if it is not.
func (o *outbox) filtered(path string, folder bool) string {
	if o.channel.Intake.RefuseFiltered {
		return "" // the walk refuses it
	}
	return o.channel.Intake.Filtered(path, folder)
}

// judge says whether what lies at path below the outbox is complete, and if not why, and
// whether only looking will tell when it is.
func (o *outbox) judge(path string, kind fs.FileMode, now time.Time, moved bool) (ok bool, w wait) {
	in := &o.channel.Intake
	var e entry
	if !o.known.note(path, func(at *entry) { at.moved = at.moved || moved; e = *at }) {
		return false, wait{why: "more entries at once than are watched", poll: true}
	}
	if e.taking || now.Before(e.retry) {
		return false, wait{why: "could not be claimed and is tried again", poll: true}
	}
	whole := filepath.Join(o.channel.folder("outbox"), path)
	plain := kind.IsRegular() || kind.IsDir()
	signed := in.Complete.has(CompleteRename) && e.moved || in.Complete.has(CompleteClose) && e.closed && kind.IsRegular() ||
		o.marked(path)
	switch {
	case signed:
	case plain && in.Complete == CompleteReady:
		return false, wait{why: "waits for its marker, the same name with " + readySuffix}
	case plain && e.created && in.Complete&(CompleteClose|CompleteQuiet) == 0:
		return false, wait{why: "was written in place: move it in under its name"}
	case kind.IsRegular() && in.Complete.has(CompleteClose) && writersOf(whole, o.probe) == writersNone:
		return true, wait{}
	case !o.settled(path, whole, now):
		return false, wait{why: "changed within the quiet time", poll: true}
	}
	if !plain {
		return true, wait{} // the walk will refuse it
	}
	switch writersOf(whole, o.probe) {
	case writersSome:
		return false, wait{why: "is open for writing", poll: true}
	case writersUnknown:
		o.mu.Lock()
		o.state.Blind = true
		o.mu.Unlock()
	}
	return true, wait{}
}

// marked says whether the marker of an entry lies beside it.
func (o *outbox) marked(path string) bool {
	if !o.channel.Intake.Complete.has(CompleteReady) {
		return false
	}
	info, err := os.Lstat(filepath.Join(o.channel.folder("outbox"), path+readySuffix))
	return err == nil && info.Mode().IsRegular()
}

// settled says whether nothing in an entry changed for the quiet time.
func (o *outbox) settled(path, whole string, now time.Time) bool {
	print, err := o.printer.print(whole)
	if err != nil {
		// Written, moved or deleted while it was looked at; or unreadable, which the walk
		// will say. Both look the same until nothing changes any more.
		print = 0
	}
	return o.known.observe(path, now, print, o.channel.Quiet)
}
