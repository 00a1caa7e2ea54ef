package linktest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestReaders: what no reader hears is lost, and a new reader takes the place of the old.
func TestReaders(t *testing.T) {
	l := mustNew(t, Config{})
	w := l.Writer()
	write := func(n int) {
		t.Helper()
		if _, err := w.Write(numbered(0, n)); err != nil {
			t.Fatal(err)
		}
	}
	write(3)
	first := l.Reader()
	write(4)
	second := l.Reader()
	write(5)
	if _, err := first.Read(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the first reader: %v", err)
	}
	if got := len(drain(t, l, second)); got != 5 {
		t.Errorf("the second reader has %d", got)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	write(6)
	if c := l.Counts(); c.Unheard != 3 || c.Unread != 4 || c.Queued != 6 {
		t.Errorf("%+v", c)
	}
	w.Close()
	if _, err := w.Write(numbered(0, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed writer: %v", err)
	}
}

// TestWaiting: Read wakes for a datagram, a deadline and Close; a Write that waits for room
// loses nothing; the clock is synctest's.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := mustNew(t, Config{Queue: 8, Wait: true})
		r, w := l.Reader(), l.Writer()
		go func() {
			if n, err := w.Write(numbered(0, 500)); n != 500 || err != nil {
				t.Errorf("wrote %d: %v", n, err)
			}
		}()
		for next := 0; next < 500; {
			batch, err := r.Read()
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range batch {
				if n := int(binary.BigEndian.Uint64(d)); n != next {
					t.Fatalf("datagram %d came for %d", n, next)
				}
				next++
			}
		}
		start := time.Now()
		if err := r.SetDeadline(start.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if err := r.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(time.Second)
			r.Close()
		}()
		if _, err := r.Read(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// TestLent: a slice kept past the next Read holds poison.
func TestLent(t *testing.T) {
	l := mustNew(t, Config{})
	r, w := l.Reader(), l.Writer()
	if _, err := w.Write(numbered(0, readMost+1)); err != nil {
		t.Fatal(err)
	}
	kept, err := r.Read()
	if err != nil || len(kept) != readMost {
		t.Fatalf("%d: %v", len(kept), err)
	}
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept[0], bytes.Repeat([]byte{poison}, size)) {
		t.Error("a kept slice still holds its datagram")
	}
}
