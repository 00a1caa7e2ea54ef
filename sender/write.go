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

// patience is how long a link that may be lost is waited for before its share is given up:
// longer than a device takes that was only restarted by its driver.
const patience = time.Second

// write hands a batch to the link until it took all of it, and returns how many datagrams it
// did take. A link that refuses is waited for: packets that were never sent are not lost
// packets, and what is wrong (a device that is down, no route) is for people to mend while we
// hold. But where the plan bears the loss of this link, the others wait for it no longer
// than patience: see giveUp.
func (l *line) write(ctx context.Context, batch []byte) (sent int, err error) {
	retry, since := firstRetry, time.Time{}
	for len(batch) > 0 {
		if err := ctx.Err(); err != nil {
			return sent, err
		}
		begun := time.Now()
		n, err := l.link.Write(batch)
		batch = batch[n*l.datagram:]
		sent += n
		if n > 0 {
			retry, since = firstRetry, time.Time{}
			l.accepted()
		}
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err == nil || len(batch) == 0 {
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return sent, fmt.Errorf("write to link: %w", err)
		}
		l.counters.refused(err, l.log)
		if since.IsZero() {
			since = begun
		}
		if (l.down || time.Since(since) >= patience) && l.giveUp(len(batch)/l.datagram, time.Since(begun)) {
			return sent, nil
		}
		if err := pause(ctx, retry); err != nil {
			return sent, err
		}
		retry = min(2*retry, lastRetry)
	}
	return sent, nil
}

// giveUp lets go of what is left of a batch, if every group in it is whole without this
// link, and from then on of whatever may be, until the link takes announcements again.
// The next one is tried when ten times as long has passed as this try took, so that a link
// whose refusals are slow doesn't hold up the others with them.
func (l *line) giveUp(packets int, took time.Duration) bool {
	if !l.spare {
		return false
	}
	if l.current != nil && !l.current.surrender() {
		return false
	}
	for _, p := range l.sealed {
		if !p.surrender() {
			return false
		}
	}
	if !l.down {
		l.log.Error("link is given up until it takes packets again: the others go on, without its part of the blocks")
	}
	l.down, l.heard = true, 0
	l.counters.lost(l.current != nil || len(l.sealed) > 0, packets)
	l.announce = time.Now().Add(max(l.every, 10*took))
	return true
}

// accepted notes that the link took packets. One that was given up has as many announcements
// to take as at a start before symbols are trusted to it: the receiver may have heard none.
func (l *line) accepted() {
	if l.down {
		if l.heard++; l.heard < announcements {
			return
		}
		l.down = false
	}
	l.counters.recovered(l.log)
}

// comeBack waits until a link that was given up is back; while it is down, only announcements
// and beats are tried on it.
func (l *line) comeBack(ctx context.Context) error {
	for l.down {
		if err := pause(ctx, time.Until(l.announce)); err != nil {
			return err
		}
		if err := l.repeat(ctx, time.Now()); err != nil {
			return err
		}
		if err := l.flush(ctx); err != nil {
			return err
		}
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
