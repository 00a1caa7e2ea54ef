package receiver

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Socket is a Source that is its own to close.
type Socket interface {
	Source
	Close() error
}

// Merged is one Source of several sockets, one for each link: packets of sessions and links add up, so that nobody need know
// which socket a datagram came by.
//
//	socket 0 ─ Read ─┐ a batch is handed over where it lies, and its
//	socket 1 ─ Read ─┼─► Merged.Read      socket reads on when the ingest goroutine
//	socket 2 ─ Read ─┘                    asks for the next one
//
// The memory is that of the sockets, nothing is copied, and each socket's system calls run beside the ingest goroutine.
type Merged struct {
	sockets  []Socket
	full     chan lent
	done     chan struct{}
	stop     sync.Once
	readers  sync.WaitGroup
	holding  chan struct{} // of the socket whose batch was returned last
	deadline time.Time
	timer    *time.Timer
	batches  atomic.Uint64 // that sockets gave
	handed   uint64        // that Read gave
}

// lent is a socket's batch, or its error, and where to say that it was taken.
type lent struct {
	batch [][]byte
	err   error
	taken chan struct{}
}

// Merge makes one Source of sockets. The sockets must have no deadline; Close closes them.
func Merge(sockets ...Socket) *Merged {
	m := &Merged{sockets: sockets, full: make(chan lent), done: make(chan struct{}), timer: time.NewTimer(time.Hour)}
	m.timer.Stop()
	for _, s := range sockets {
		m.readers.Go(func() { m.read(s) })
	}
	return m
}

// read hands on what a socket has, until it is closed. After an error it waits and tries again.
func (m *Merged) read(s Socket) {
	taken := make(chan struct{}, 1)
	var retry backoff
	for {
		batch, err := s.Read()
		if err == nil {
			m.batches.Add(1)
		}
		closed := errors.Is(err, net.ErrClosed)
		if err != nil && !closed {
			err = socketError{err}
		}
		select {
		case m.full <- lent{batch, err, taken}:
		case <-m.done:
			return
		}
		if closed {
			return
		}
		select {
		case <-taken:
		case <-m.done:
			return
		}
		if err == nil {
			retry = backoff{}
		} else if !pause(retry.wait(), m.done) {
			return
		}
	}
}

// Read returns the next batch of any socket; it is valid until the next Read. An error of one socket is told, and the others are
// read meanwhile; that one is closed is the end of all.
func (m *Merged) Read() ([][]byte, error) {
	if m.holding != nil {
		m.holding <- struct{}{} // has room: the socket has one batch out
		m.holding = nil
	}
	if !m.deadline.IsZero() && !time.Now().Before(m.deadline) {
		return nil, os.ErrDeadlineExceeded
	}
	select {
	case l := <-m.full:
		if l.err == nil {
			m.holding = l.taken
			m.handed++
		} else {
			l.taken <- struct{}{} // has room, as above: nothing is held of an error
		}
		return l.batch, l.err
	case <-m.timer.C:
		return nil, os.ErrDeadlineExceeded
	}
}

// SetDeadline is for the goroutine that reads.
func (m *Merged) SetDeadline(t time.Time) error {
	m.deadline = t
	m.timer.Stop()
	if !t.IsZero() {
		m.timer.Reset(time.Until(t))
	}
	return nil
}

// KernelDrops is the sum over the sockets.
func (m *Merged) KernelDrops() (sum uint64) {
	for _, n := range m.SocketDrops() {
		sum += n
	}
	return sum
}

// Waiting says whether datagrams lie between the interfaces and who calls Read.
func (m *Merged) Waiting() bool {
	for _, s := range m.sockets {
		c, ok := s.(interface{ Waiting() bool })
		if !ok || c.Waiting() {
			return true
		}
	}
	return m.batches.Load() != m.handed
}

// DropsExact says whether each drop is one datagram on all sockets.
func (m *Merged) DropsExact() bool {
	for _, s := range m.sockets {
		if c, ok := s.(interface{ DropsExact() bool }); !ok || !c.DropsExact() {
			return false
		}
	}
	return true
}

// SocketDrops is KernelDrops of each socket, in the order of Merge.
func (m *Merged) SocketDrops() []uint64 {
	all := make([]uint64, len(m.sockets))
	for i, s := range m.sockets {
		if c, ok := s.(dropCounter); ok {
			all[i] = c.KernelDrops()
		}
	}
	return all
}

// dropCounter is a Source that knows what the kernel dropped for want of room.
type dropCounter interface{ KernelDrops() uint64 }

// Close closes the sockets and returns when nobody reads them any more. Read must not be waiting.
func (m *Merged) Close() error {
	var errs []error
	m.stop.Do(func() {
		close(m.done)
		m.timer.Stop()
		for i, s := range m.sockets {
			if err := s.Close(); err != nil {
				errs = append(errs, fmt.Errorf("close socket %d: %w", i, err))
			}
		}
		m.readers.Wait()
	})
	return errors.Join(errs...)
}
