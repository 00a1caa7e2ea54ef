package sender

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Link takes batches of datagrams that all have the size of the link, one after the other.
// hw/link.Writer is one. Write returns how many datagrams it took; it does not keep batch.
type Link interface {
	Write(batch []byte) (datagrams int, err error)
}

// Pacer returns from Wait when that many octets on the wire may follow those before.
// hw/link.Pacer is one. If it is a sync.Locker too, the goroutine that waits holds the lock.
type Pacer interface {
	Wait(wireBytes int)
}

// Waits after a link that refuses packets, before the same packets are tried again.
const (
	firstRetry = 10 * time.Millisecond
	lastRetry  = time.Second
)

// write hands a batch to the link until it took all of it. A link that refuses is waited
// for: packets that were never sent are not lost packets, and what is wrong (a device that
// is down, no route) is for people to mend while we hold.
func (l *line) write(ctx context.Context, batch []byte) error {
	retry := firstRetry
	for len(batch) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := l.link.Write(batch)
		batch = batch[n*l.datagram:]
		if n > 0 {
			retry = firstRetry
			l.counters.recovered(l.log)
		}
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err == nil || len(batch) == 0 {
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("write to link: %w", err)
		}
		l.counters.refused(err, l.log)
		if err := pause(ctx, retry); err != nil {
			return err
		}
		retry = min(2*retry, lastRetry)
	}
	return nil
}

// pause waits, or returns why ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
