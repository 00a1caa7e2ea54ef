package sender

import (
	"context"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/text/cases"
)

// maxBatch bounds the entries of one batch; what is over comes with the next.
const maxBatch = 1 << 16

// batch is what is gathered for one transfer (GroupQuiet).
type batch struct {
	since time.Time       // the first of it was complete
	paths []string        // of this look
	folds map[string]bool // of their names
	more  bool            // something was left for the next batch
}

// reset begins to gather anew; since when the first waits, stays.
func (b *batch) reset() {
	b.paths, b.folds, b.more = b.paths[:0], make(map[string]bool), false
}

// gathers puts a complete entry into the batch. What will be refused goes alone, so that it
// takes nothing else with it; false then.
func (l *look) gathers(at string, kind fs.FileMode) bool {
	in, b := &l.channel.Intake, &l.batch
	if !kind.IsRegular() && !kind.IsDir() || in.CheckEntry(at) != nil && !kind.IsDir() {
		return false
	}
	fold := at
	if in.FoldCase {
		fold = cases.Fold().String(at)
	}
	if len(b.paths) >= maxBatch || in.FoldCase && b.folds[fold] {
		l.hold(at, wait{why: "comes with the next batch"})
		b.more = true
		return true
	}
	if in.FoldCase {
		b.folds[fold] = true
	}
	b.paths = append(b.paths, at)
	return true
}

// gather takes the batch when nothing else is about to come, or when it waited long enough.
func (l *look) gather(ctx context.Context) {
	b := &l.batch
	if len(b.paths) == 0 {
		b.since = time.Time{}
		return
	}
	if b.since.IsZero() {
		b.since = l.now
	}
	quiet := l.channel.Quiet
	still := !l.polls && l.known.idle(l.now) >= quiet
	if len(b.paths) < maxBatch && !still && l.now.Sub(b.since) < gatherMost*quiet {
		for _, at := range b.paths {
			l.hold(at, wait{why: "waits for what comes with it", poll: true})
		}
		return
	}
	b.since = time.Time{}
	name := l.now.UTC().Format("20060102T150405.000Z")
	taken := l.timed(ctx, drop{paths: slices.Clone(b.paths), batch: name})
	l.polls = l.polls || b.more || !taken
}
