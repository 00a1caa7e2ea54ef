package linktest

import (
	"fmt"
	"net"
	"os"
	"time"
)

// readMost is how many datagrams a Read returns at most, as recvmmsg does.
const readMost = 64

// Writer is the low end of a link. It cannot read. Write is for one goroutine.
type Writer struct {
	link   *Link
	closed bool
}

// Writer returns a writing end. A link should have one open at a time; a later one stands
// for a sender that was restarted.
func (l *Link) Writer() *Writer { return &Writer{link: l} }

// Write sends a batch: datagrams of Config.DatagramSize, one after another without gaps. It
// returns how many there were and keeps nothing. Errors: net.ErrClosed, or [ErrConfig] if the
// batch is uneven.
func (w *Writer) Write(batch []byte) (int, error) {
	l := w.link
	size := l.cfg.DatagramSize
	if len(batch)%size != 0 {
		return 0, fmt.Errorf("%w: batch of %d octets is not made of %d", ErrConfig, len(batch), size)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := 0
	for ; len(batch) > 0; batch = batch[size:] {
		for l.cfg.Wait && !w.closed && l.reader != nil && len(l.queue) >= l.cfg.Queue {
			l.change.Wait()
		}
		if w.closed {
			return sent, fmt.Errorf("send: %w", net.ErrClosed)
		}
		l.carry(batch[:size])
		sent++
	}
	if w.closed {
		return sent, fmt.Errorf("send: %w", net.ErrClosed)
	}
	return sent, nil
}

// Close ends the Writer. The reader is not told: nothing on a one-way link would tell it.
func (w *Writer) Close() error {
	w.link.mu.Lock()
	defer w.link.mu.Unlock()
	w.closed = true
	w.link.change.Broadcast()
	return nil
}

// Method names the method, as hw/link does.
func (w *Writer) Method() string { return "memory" }

// Reader is the high end of a link. It cannot write. Read is for one goroutine.
type Reader struct {
	link     *Link
	closed   bool
	lent     [][]byte // what the last Read returned
	drops    uint64
	deadline time.Time
	alarm    *time.Timer
}

// Reader opens a reading end. While none is open all datagrams are lost. One that is open is
// closed first, and what it had not read is lost, as when a process is killed and its
// successor binds the port.
func (l *Link) Reader() *Reader {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reader != nil {
		l.reader.shut()
	}
	l.reader = &Reader{link: l}
	return l.reader
}

// Read waits for datagrams and returns those that are there, 1 to 64. The slices are valid
// until the next Read and overwritten by it. Errors: os.ErrDeadlineExceeded, net.ErrClosed.
func (r *Reader) Read() ([][]byte, error) {
	l := r.link
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range r.lent {
		l.recycle(d)
	}
	r.lent = r.lent[:0]
	for {
		switch {
		case r.closed:
			return nil, fmt.Errorf("receive: %w", net.ErrClosed)
		case !r.deadline.IsZero() && !time.Now().Before(r.deadline):
			return nil, fmt.Errorf("receive: %w", os.ErrDeadlineExceeded)
		case len(l.queue) > 0:
			n := min(readMost, len(l.queue))
			r.lent = append(r.lent, l.queue[:n]...)
			l.queue = l.queue[n:]
			l.counts.Delivered += uint64(n)
			l.change.Broadcast()
			return append([][]byte(nil), r.lent...), nil
		}
		l.change.Wait()
	}
}

// SetDeadline makes a Read that waits, and each one after, fail with os.ErrDeadlineExceeded
// once t has come; the zero time takes the deadline away.
func (r *Reader) SetDeadline(t time.Time) error {
	l := r.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.closed {
		return fmt.Errorf("set deadline: %w", net.ErrClosed)
	}
	if r.alarm != nil {
		r.alarm.Stop()
		r.alarm = nil
	}
	if r.deadline = t; !t.IsZero() {
		r.alarm = time.AfterFunc(time.Until(t), func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.change.Broadcast()
		})
	}
	l.change.Broadcast()
	return nil
}

// Close ends the Reader; a Read that waits returns net.ErrClosed. What was not read is lost.
func (r *Reader) Close() error {
	r.link.mu.Lock()
	defer r.link.mu.Unlock()
	r.shut()
	return nil
}

// shut is Close with the lock held.
func (r *Reader) shut() {
	l := r.link
	if r.closed {
		return
	}
	r.closed = true
	if r.alarm != nil {
		r.alarm.Stop()
	}
	l.counts.Unread += uint64(len(l.queue))
	l.queue = l.queue[:0]
	l.reader = nil
	l.change.Broadcast()
}

// KernelDrops counts what this Reader's queue had no room for.
func (r *Reader) KernelDrops() uint64 {
	r.link.mu.Lock()
	defer r.link.mu.Unlock()
	return r.drops
}

// Method names the method, as hw/link does.
func (r *Reader) Method() string { return "memory" }
