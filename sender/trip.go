package sender

import (
	"context"
	"errors"
	"sync/atomic"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/framing/seal"
)

// errStopped ends a trip whose sender ends: it is no end of the pass.
var errStopped = errors.New("the sender stops")

// reader is the first stage: it makes the trips.
type reader struct {
	key     *seal.SenderKey
	pending *atomic.Int64 // octets on the wire that were handed to a pipeline and have not left
	log     *zap.Logger
}

// trip is one pass of one transfer, which goes on by a group at each step, so that the
// passes of several transfers can be on the link at a time. Between two steps it holds its
// open files and no group.
//
//	plan · content (the plan now and then) · plan · proof      then the copies of small objects
//
// All steps are of one goroutine at a time; it runs in a goroutine that
// waits while nobody steps.
type trip struct {
	*reader
	flight   *flight
	pipe     *pipeline // of the lane it is on
	lane     int
	digester *digester
	from     progress // where an earlier run had come to
	trace    *trace
	shown    atomic.Pointer[trace] // the same, for the journal
	phase    int                   // object of which the progress is kept
	seq      uint32                // of the last group of it

	yield func(lot) bool
	next  func() (lot, bool)
	stop  func()
	err   error // of ctx, or errStopped
}

// begin readies a pass of a transfer; nothing is done before the first step.
func (r *reader) begin(ctx context.Context, f *flight) *trip {
	t := &trip{reader: r, flight: f}
	resume, said, ended := make(chan bool), make(chan lot), false
	t.yield = func(l lot) bool {
		said <- l
		return <-resume
	}
	t.next = func() (l lot, more bool) {
		resume <- true
		l, more = <-said
		ended = !more
		return l, more
	}
	t.stop = func() {
		if !ended {
			resume <- false
			<-said // closed
		}
	}
	go func() {
		defer close(said)
		if t.err = errStopped; <-resume {
			t.err = t.pass(ctx)
		}
	}()
	return t
}

// step sends what the step before announced, over a pipeline, and announces what the next
// one will send. more is false when the pass has ended.
func (t *trip) step(ctx context.Context, lane int, p *pipeline) (announced lot, more bool, err error) {
	if t.pipe != nil && t.pipe != p && t.digester != nil {
		// Its digester belongs to one hash stage at a time.
		if err := t.pipe.idle(ctx, t.digester); err != nil {
			return lot{}, false, err
		}
	}
	if t.trace == nil {
		t.from = loadProgress(t.flight.rec, t.flight.dir)
		t.trace = newTrace(len(p.toLinks), t.from)
		t.shown.Store(t.trace)
	}
	t.pipe, t.lane = p, lane
	announced, more = t.next()
	if !more && t.err != nil {
		return lot{}, false, t.err
	}
	return announced, more, nil
}

// turn waits for the transfer's turn to send a group; the error says that it will not come.
func (t *trip) turn(c *cut, i uint32, copies int) error {
	if !t.yield(t.lot(c, i, copies)) {
		return errStopped
	}
	if why := t.flight.cancelled.Load(); why != nil && t.flight.failure == nil {
		return why
	}
	return nil
}

// lot is what a group comes to.
func (t *trip) lot(c *cut, i uint32, copies int) lot {
	first, n := c.groups.Range(i)
	_, all := c.room(first, n)
	l := lot{wire: uint64(all/c.symbolSize) * uint64(t.pipe.link.WireSize) * uint64(copies)}
	if c.head.Object == framing.ObjectContent && !t.flight.round {
		l.content = c.part.Offset(first+uint32(n)) - c.part.Offset(first)
	}
	return l
}

// acquire waits for the turn of a group and finds memory for it.
func (t *trip) acquire(ctx context.Context, c *cut, i uint32, copies int) (*group, error) {
	if err := t.turn(c, i, copies); err != nil {
		return nil, err
	}
	g, err := t.pipe.acquire(ctx, c, i, copies)
	if err != nil {
		return nil, err
	}
	g.pending, g.wire = t.pending, int64(t.lot(c, i, 1).wire)
	return g, nil
}

// track keeps the progress over a group: when it has left, and nothing of it comes again,
// the pass can go on behind it. tree is where the content is read, nil for other objects.
func (t *trip) track(g *group, i uint32, copies int, tree *treeReader) {
	if copies > 1 {
		return
	}
	t.seq++
	if t.trace.last.Load().Phase != t.phase {
		begin := &mark{trace: t.trace, seq: t.seq}
		begin.progress = progress{Transfer: t.from.Transfer, Pass: t.from.Pass, Phase: t.phase, Group: i}
		if i == 0 {
			t.trace.first.Store(begin)
		}
	}
	m := &mark{trace: t.trace, seq: t.seq + 1}
	m.progress = progress{Transfer: t.from.Transfer, Pass: t.from.Pass, Phase: t.phase, Group: i + 1}
	m.needs.Store(1)
	if tree != nil {
		tree.place(&m.progress)
		m.needs.Store(2)
	}
	g.trace, g.seq, g.mark = t.trace, t.seq, m
	if t.phase == t.from.Phase && i == t.from.Group {
		g.skip = t.from.Skip
	}
}

// send hands a filled group on; digester is nil for what is not hashed.
func (t *trip) send(ctx context.Context, g *group, copies int, d *digester) error {
	t.pending.Add(g.wire)
	return t.pipe.send(ctx, g, t.flight, copies, d)
}

// hashed waits until everything that was handed to the hash stage is hashed.
func (t *trip) hashed(ctx context.Context) error { return t.pipe.hashed(ctx, t.digester) }
