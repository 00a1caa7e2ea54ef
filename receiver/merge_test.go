package receiver

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pawl/hw/link/linktest"
)

const mergeDatagram = 64

// mergeLinks are n links whose writers wait for room.
func mergeLinks(t *testing.T, n int) (links []*linktest.Link, m *Merged) {
	t.Helper()
	var sockets []Socket
	for range n {
		l, err := linktest.New(linktest.Config{Seed: 1, DatagramSize: mergeDatagram, Queue: 100, Wait: true})
		if err != nil {
			t.Fatal(err)
		}
		links, sockets = append(links, l), append(sockets, l.Reader())
	}
	return links, Merge(sockets...)
}

// TestMergeTakesAll reads what several links bring at once: everything, in the order of each
// link, and a batch stays as it is until the next Read.
func TestMergeTakesAll(t *testing.T) {
	const links, each = 4, 20_000
	all, m := mergeLinks(t, links)
	var writers sync.WaitGroup
	for i, l := range all {
		w := l.Writer()
		writers.Go(func() {
			batch := make([]byte, 10*mergeDatagram)
			for n := 0; n < each; n += 10 {
				for j := range 10 {
					binary.BigEndian.PutUint64(batch[j*mergeDatagram:], uint64(i))
					binary.BigEndian.PutUint64(batch[j*mergeDatagram+8:], uint64(n+j))
				}
				if _, err := w.Write(batch); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var next [links]uint64
	for got := 0; got < links*each; {
		batch, err := m.Read()
		if err != nil {
			t.Fatal(err)
		}
		before := bytes.Join(batch, nil)
		for _, d := range batch {
			i := binary.BigEndian.Uint64(d)
			if n := binary.BigEndian.Uint64(d[8:]); n != next[i] {
				t.Fatalf("link %d: datagram %d where %d belongs", i, n, next[i])
			}
			next[i]++
		}
		if got += len(batch); !bytes.Equal(before, bytes.Join(batch, nil)) {
			t.Fatal("a batch changed before the next Read")
		}
	}
	writers.Wait()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if d := m.SocketDrops(); len(d) != links || m.KernelDrops() != 0 {
		t.Errorf("drops %v", d)
	}
}

// TestMergeDeadline holds Merged to the deadlines of a Source, with one link silent.
func TestMergeDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		links, m := mergeLinks(t, 2)
		defer m.Close()
		if err := m.SetDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for range 2 { // and each Read after
			if _, err := m.Read(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Second {
				t.Fatalf("%v after %v", err, time.Since(begin))
			}
		}
		if err := m.SetDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := links[1].Writer().Write(make([]byte, 3*mergeDatagram)); err != nil {
			t.Fatal(err)
		}
		if batch, err := m.Read(); err != nil || len(batch) != 3 {
			t.Fatalf("%d datagrams, %v", len(batch), err)
		}
		if _, err := m.Read(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != 2*time.Second {
			t.Fatalf("%v after %v", err, time.Since(begin))
		}
	})
}

// TestMergeError: a socket that ends ends the Source, and Close leaves no goroutine behind
// (synctest would say so).
func TestMergeError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		links, m := mergeLinks(t, 3)
		first := links[2].Reader() // as when another program binds the port: the one before is closed
		if _, err := m.Read(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read: %v", err)
		}
		for i := range 2 {
			if _, err := links[i].Writer().Write(make([]byte, mergeDatagram)); err != nil {
				t.Error(err)
			}
		}
		if err := errors.Join(m.Close(), m.Close(), first.Close()); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkMerge is what merging costs a datagram of 1408 + 64 octets beside the memory link's own.
func BenchmarkMerge(b *testing.B) {
	for _, links := range []int{1, 2, 4} {
		b.Run(fmt.Sprint(links), func(b *testing.B) {
			sockets := make([]Socket, links)
			for i := range sockets {
				sockets[i] = &endless{batch: make([][]byte, 44), closed: make(chan struct{})}
			}
			m := Merge(sockets...)
			defer m.Close()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// endless always has a batch.
type endless struct {
	batch  [][]byte
	closed chan struct{}
}

func (e *endless) Read() ([][]byte, error)     { return e.batch, nil }
func (e *endless) SetDeadline(time.Time) error { return nil }
func (e *endless) Close() error                { close(e.closed); return nil }
