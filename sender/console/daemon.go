package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"pawl/sender"
)

// Bounds of what is asked of the daemon.
const (
	askTime   = 5 * time.Second // for an answer
	keptAtAll = 16              // answers that are kept
)

// readOnly are the operations that a console asks for. Each of them changes nothing, in memory or on disk.
var readOnly = []string{sender.OpStatus, sender.OpQueue, sender.OpShow, sender.OpOutbox}

// How long an answer is good for, so that many open pages ask as often as one.
const (
	queueFresh = time.Second
	queueStale = 5 * time.Second // where only the expected ends are looked at
)

// daemon asks pawl-send over its socket, one question at a time beside the status: however many people look, the daemon has one of them to answer.
type daemon struct {
	socket string
	now    func() time.Time
	turn   chan struct{} // capacity 1

	mu   sync.Mutex
	kept map[string]answer
}

// answer is what was said, and when. It is not changed.
type answer struct {
	at    time.Time
	value any
}

func newDaemon(socket string, now func() time.Time) *daemon {
	return &daemon{socket: socket, now: now, turn: make(chan struct{}, 1), kept: map[string]answer{}}
}

// status is what the daemon says of itself. It has no turn: it is asked once a second only, and must not wait for a long queue.
func (d *daemon) status(ctx context.Context) (*sender.Status, error) {
	ctx, end := context.WithTimeout(ctx, askTime)
	defer end()
	st, err := sender.AskStatus(ctx, d.socket)
	if err != nil {
		return nil, err
	}
	return &st, nil
}

// queue is what waits and is under way, not older than fresh.
func (d *daemon) queue(ctx context.Context, fresh time.Duration) (*sender.Queue, error) {
	return ask[sender.Queue](ctx, d, sender.Request{Op: sender.OpQueue}, fresh)
}

// outboxes are those of one channel, or of all.
func (d *daemon) outboxes(ctx context.Context, channel string) (*sender.Outboxes, error) {
	return ask[sender.Outboxes](ctx, d, sender.Request{Op: sender.OpOutbox, Channel: channel}, queueFresh)
}

// show is one transfer. The error wraps sender.ErrDaemon where the daemon has none of that id.
func (d *daemon) show(ctx context.Context, id string) (*sender.Details, error) {
	return ask[sender.Details](ctx, d, sender.Request{Op: sender.OpShow, ID: id}, queueFresh)
}

// ask asks, or gives what was said a moment ago to the same question.
func ask[V any](ctx context.Context, d *daemon, req sender.Request, fresh time.Duration) (*V, error) {
	if !slices.Contains(readOnly, req.Op) {
		panic(fmt.Sprintf("console: %q is asked for, which is not read-only", req.Op)) // only our own fault
	}
	ctx, end := context.WithTimeout(ctx, askTime)
	defer end()
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("ask the sender: others are asking: %w", ctx.Err())
	}
	key := req.Op + " " + req.Channel + req.ID
	if said := d.recall(key, fresh); said != nil {
		return said.(*V), nil
	}
	into := new(V)
	if err := sender.Ask(ctx, d.socket, req, into); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("pawl-send does not answer in %v; at its start it does so once it has taken up what it had: %w", askTime, err)
		}
		return nil, err
	}
	d.keep(key, into)
	return into, nil
}

// recall gives an answer that is not older than fresh, nil if there is none.
func (d *daemon) recall(key string, fresh time.Duration) any {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a, there := d.kept[key]; there && d.now().Sub(a.at).Abs() < fresh {
		return a.value
	}
	return nil
}

// keep keeps an answer; the oldest makes room.
func (d *daemon) keep(key string, value any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept[key] = answer{d.now(), value}
	for len(d.kept) > keptAtAll {
		oldest := key
		for k, a := range d.kept {
			if a.at.Before(d.kept[oldest].at) {
				oldest = k
			}
		}
		delete(d.kept, oldest)
	}
}
