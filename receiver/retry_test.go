package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"pawl/fec"
	"pawl/framing/seal"
	"pawl/hw/link/linktest"
	"pawl/receiver/quarantine"
)

// sick is a socket whose reads fail with err for as long as there are fails left.
type sick struct {
	Source
	err   error
	fails atomic.Int64
	tries atomic.Int64
}

func (s *sick) Read() ([][]byte, error) {
	s.tries.Add(1)
	if s.fails.Add(-1) >= 0 {
		return nil, fmt.Errorf("receive: %w", s.err)
	}
	return s.Source.Read()
}

func (s *sick) Close() error {
	if c, ok := s.Source.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// TestFaultsAreSaidOnce: errors in a row are counted one by one, said once, waited for longer and longer, and their end is said
// once they have stayed away.
func TestFaultsAreSaidOnce(t *testing.T) {
	core, seen := observer.New(zap.InfoLevel)
	log, now := zap.New(core), time.Now()
	var f faults
	for i, want := range []time.Duration{10, 20, 40, 80, 160, 320, 640, 1000, 1000} {
		if wait, ok := f.failed(syscall.ENETDOWN, now, log); !ok || wait != want*time.Millisecond {
			t.Errorf("error %d: wait %v, %v; want %d ms", i, wait, ok, want)
		}
	}
	f.settle(now.Add(faultQuiet), log)
	if f.last == "" || f.count != 9 || seen.Len() != 1 {
		t.Errorf("%+v, %d lines", f, seen.Len())
	}
	f.settle(now.Add(faultQuiet+1), log)
	f.settle(now.Add(2*faultQuiet), log)
	if f.last != "" || seen.Len() != 2 {
		t.Errorf("%+v, %d lines", f, seen.Len())
	}
	if wait, ok := f.failed(socketError{syscall.ENOMEM}, now, log); !ok || wait != 0 {
		t.Errorf("one of several sockets makes all wait: %v %v", wait, ok)
	}
	if _, ok := f.failed(fmt.Errorf("receive: %w", net.ErrClosed), now, log); ok {
		t.Error("a closed link is tried on")
	}
}

// TestMergeSickSocket: while a socket can't be read the others are, its errors are told, and it comes back by itself.
func TestMergeSickSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := memoryLink(t), memoryLink(t)
		bad := &sick{Source: one.Reader(), err: syscall.ENETDOWN}
		bad.fails.Store(5)
		m := Merge(bad, two.Reader())
		defer m.Close()
		if _, err := two.Writer().Write(make([]byte, mergeDatagram)); err != nil {
			t.Fatal(err)
		}
		if _, err := one.Writer().Write(make([]byte, 2*mergeDatagram)); err != nil {
			t.Fatal(err)
		}
		begin, failed, got := time.Now(), 0, 0
		for got < 3 {
			batch, err := m.Read()
			switch {
			case err == nil:
				got += len(batch)
			case errors.Is(err, syscall.ENETDOWN) && errors.As(err, new(socketError)):
				failed++
			default:
				t.Fatal(err)
			}
		}
		// 10 + 20 + 40 + 80 + 160 ms
		if failed != 5 || time.Since(begin) != 310*time.Millisecond {
			t.Errorf("%d errors, all after %v", failed, time.Since(begin))
		}
	})
}

func memoryLink(t *testing.T) *linktest.Link {
	t.Helper()
	l, err := linktest.New(linktest.Config{Seed: 1, DatagramSize: mergeDatagram, Queue: 100, Wait: true})
	must(t, err)
	return l
}

// TestReceiverOutlivesReadErrors runs a receiver over a link that can't be read for a while: it counts, goes on, and takes what
// comes then.
func TestReceiverOutlivesReadErrors(t *testing.T) {
	content, _ := random(t, 100<<10)
	l := newLow(t, seal.ModeAESGCM)
	h := newHigh(t, l, nil)
	h.stop()
	r, err := New(h.cfg)
	must(t, err)
	bad := &sick{Source: newWire(), err: syscall.ENOMEM}
	bad.fails.Store(6)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, bad) }()
	h.wire, h.r = bad.Source.(*wire), r
	id := quarantine.ID{Channel: 1, Transfer: 9}
	h.wire.send(l.announce())
	h.wire.send(l.seal(l.transfer(id, content, fec.Leopard8, 128, 64))...)
	h.wantContent(h.waitState(id, quarantine.Complete), content)
	cancel()
	must(t, <-ended)
	if s := r.Status(); s.ReadErrors != 6 || bad.tries.Load() < 7 || s.PacketsLost != 0 {
		t.Errorf("%d errors counted, %d tries, %d packets lost", s.ReadErrors, bad.tries.Load(), s.PacketsLost)
	}
}
