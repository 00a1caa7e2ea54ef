package linktest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

const size = 64

func mustNew(t testing.TB, cfg Config) *Link {
	t.Helper()
	cfg.DatagramSize = size
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// numbered returns n datagrams that carry their number in each eight octets.
func numbered(first, n int) []byte {
	b := make([]byte, n*size)
	for i := range n * size / 8 {
		binary.BigEndian.PutUint64(b[i*8:], uint64(first+i*8/size))
	}
	return b
}

// drain reads until the queue is empty and returns copies.
func drain(t testing.TB, l *Link, r *Reader) [][]byte {
	t.Helper()
	var all [][]byte
	for l.Counts().Queued > 0 {
		batch, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range batch {
			all = append(all, bytes.Clone(d))
		}
	}
	return all
}

func balance(c Counts) (in, out uint64) {
	return c.Written + c.Copies,
		c.Dropped + c.Outage + c.Lost + c.Burst + c.Unheard + c.Overflow + c.Unread + c.Held + c.Queued + c.Delivered
}

// TestClean: with all effects off each datagram arrives, unchanged and in order.
func TestClean(t *testing.T) {
	l := mustNew(t, Config{})
	r, w := l.Reader(), l.Writer()
	sent := numbered(0, 1000)
	if n, err := w.Write(sent); n != 1000 || err != nil {
		t.Fatalf("wrote %d: %v", n, err)
	}
	if got := bytes.Join(drain(t, l, r), nil); !bytes.Equal(got, sent) {
		t.Error("came changed")
	}
	if c := l.Counts(); c != (Counts{Written: 1000, Delivered: 1000}) {
		t.Errorf("%+v", c)
	}
}

// TestAccount: with every effect at once, no datagram is unaccounted for, and the same seed
// does the same.
func TestAccount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.Float64Range(0, 0.3)
		cfg := Config{
			DatagramSize: size, Seed: rapid.Uint64().Draw(t, "seed"),
			Loss: p.Draw(t, "loss"), Duplicate: p.Draw(t, "duplicate"), Flip: p.Draw(t, "flip"),
			Truncate: p.Draw(t, "truncate"), Reorder: p.Draw(t, "reorder"),
			Burst: Gilbert{ToBad: p.Draw(t, "to bad"), ToGood: 0.2},
			Queue: rapid.IntRange(1, 300).Draw(t, "queue"), Hold: time.Hour,
			Drop: func(i uint64, _ []byte) bool { return i%17 == 3 },
		}
		run := func() (Counts, string) {
			l, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			r, w := l.Reader(), l.Writer()
			var got string
			for i := range 10 {
				if _, err := w.Write(numbered(i*40, 40)); err != nil {
					t.Fatal(err)
				}
				for l.Counts().Queued > 100 {
					batch, err := r.Read()
					if err != nil {
						t.Fatal(err)
					}
					got += string(bytes.Join(batch, nil))
				}
				if in, out := balance(l.Counts()); in != out {
					t.Fatalf("%d in, %d out: %+v", in, out, l.Counts())
				}
			}
			if o := l.Counts().Overflow; o != r.KernelDrops() {
				t.Fatalf("overflow %d, kernel drops %d", o, r.KernelDrops())
			}
			r.Close()
			if in, out := balance(l.Counts()); in != out || l.Counts().Queued != 0 {
				t.Fatalf("%d in, %d out: %+v", in, out, l.Counts())
			}
			return l.Counts(), got
		}
		c1, got1 := run()
		c2, got2 := run()
		if c1 != c2 || got1 != got2 {
			t.Fatalf("one seed, two links: %+v and %+v", c1, c2)
		}
	})
}

// TestLossRates: the models lose what they say, within five standard deviations, and bursts
// are as long as they say.
func TestLossRates(t *testing.T) {
	const n = 200_000
	g := Gilbert{ToBad: 0.002, ToGood: 0.1}
	l := mustNew(t, Config{Seed: 7, Loss: 0.01, Burst: g, Queue: n})
	r, w := l.Reader(), l.Writer()
	if _, err := w.Write(numbered(0, n)); err != nil {
		t.Fatal(err)
	}
	c := l.Counts()
	if got, dev := float64(c.Lost)/n, math.Sqrt(0.01*0.99/n); math.Abs(got-0.01) > 5*dev {
		t.Errorf("seed 7: random loss %v, want 0.01", got)
	}
	// A chain's variance is larger by (1 + ρ)/(1 - ρ), ρ = 1 - ToBad - ToGood. What random
	// loss took of it is not counted again.
	mean := g.Mean() * 0.99
	rho := 1 - g.ToBad - g.ToGood
	dev := math.Sqrt(mean * (1 - mean) / n * (1 + rho) / (1 - rho))
	if got := float64(c.Burst) / n; math.Abs(got-mean) > 5*dev {
		t.Errorf("seed 7: burst loss %v, want %v", got, mean)
	}
	gaps, last := 0, -1
	for _, d := range drain(t, l, r) {
		i := int(binary.BigEndian.Uint64(d))
		if i > last+4 { // random loss alone makes few gaps so long
			gaps++
		}
		last = i
	}
	// A burst is longer than 3 with probability 0.9³.
	if want := n * g.ToBad * g.ToGood / (g.ToBad + g.ToGood) * 0.729; math.Abs(float64(gaps)-want) > 0.25*want {
		t.Errorf("seed 7: %d bursts of over 3, want about %.0f", gaps, want)
	}
}

// TestStreams: switching other effects on leaves the random losses where they were.
func TestStreams(t *testing.T) {
	arrived := func(cfg Config) map[uint64]bool {
		l := mustNew(t, cfg)
		r, w := l.Reader(), l.Writer()
		if _, err := w.Write(numbered(0, 1000)); err != nil {
			t.Fatal(err)
		}
		m := map[uint64]bool{}
		for _, d := range drain(t, l, r) {
			m[binary.BigEndian.Uint64(d)] = true
		}
		return m
	}
	a := arrived(Config{Seed: 3, Loss: 0.2})
	b := arrived(Config{Seed: 3, Loss: 0.2, Duplicate: 0.5})
	if fmt.Sprint(a) != fmt.Sprint(b) || len(a) == 1000 {
		t.Errorf("%d arrived alone, %d with duplicates", len(a), len(b))
	}
}

// TestDamage: each damaged datagram differs by one to eight bits, each cut one is shorter.
func TestDamage(t *testing.T) {
	l := mustNew(t, Config{Seed: 1, Flip: 1})
	r, w := l.Reader(), l.Writer()
	sent := numbered(0, 500)
	if _, err := w.Write(sent); err != nil {
		t.Fatal(err)
	}
	for i, d := range drain(t, l, r) {
		diff := 0
		for j := range d {
			diff += bits.OnesCount8(d[j] ^ sent[i*size+j])
		}
		if diff < 1 || diff > 8 {
			t.Fatalf("datagram %d differs by %d bits", i, diff)
		}
	}
	l = mustNew(t, Config{Seed: 1, Truncate: 1})
	r, w = l.Reader(), l.Writer()
	if _, err := w.Write(sent); err != nil {
		t.Fatal(err)
	}
	for i, d := range drain(t, l, r) {
		if len(d) >= size || !bytes.HasPrefix(sent[i*size:], d) {
			t.Fatalf("datagram %d has %d octets", i, len(d))
		}
	}
	if c := l.Counts(); c.Truncated != 500 || c.Delivered != 500 {
		t.Errorf("%+v", c)
	}
}

// TestReorder: what is held back is passed by at most Span others, and by none for longer
// than Hold.
func TestReorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := mustNew(t, Config{Seed: 5, Reorder: 0.2, Span: 10, Hold: 3 * time.Millisecond})
		r, w := l.Reader(), l.Writer()
		if _, err := w.Write(numbered(0, 1000)); err != nil {
			t.Fatal(err)
		}
		if c := l.Counts(); c.Held == 0 || c.Reordered < 100 {
			t.Fatalf("nothing held: %+v", c)
		}
		time.Sleep(3 * time.Millisecond)
		synctest.Wait()
		if c := l.Counts(); c.Held != 0 || c.Queued != 1000 {
			t.Fatalf("after Hold: %+v", c)
		}
		late := 0
		for i, d := range drain(t, l, r) {
			n := int(binary.BigEndian.Uint64(d))
			if n < i {
				late++
			}
			if i-n > 10+10 { // others held back before it may come with it
				t.Errorf("datagram %d came as number %d", n, i)
			}
		}
		if late < 50 {
			t.Errorf("%d came late", late)
		}
	})
}

// TestOutage: with datagrams paced under synctest an outage takes exactly its share.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := mustNew(t, Config{Outage: Outage{Every: 100 * time.Millisecond, Length: 5 * time.Millisecond, Offset: 20 * time.Millisecond}})
		r, w := l.Reader(), l.Writer()
		defer r.Close()
		for i := range 1000 { // one a ms, 0 ms to 999 ms: ten outages of five
			if _, err := w.Write(numbered(i, 1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if c := l.Counts(); c.Outage != 50 {
			t.Errorf("%d lost, want 50", c.Outage)
		}
		for _, d := range drain(t, l, r) {
			if n := binary.BigEndian.Uint64(d); n%100 >= 20 && n%100 < 25 {
				t.Errorf("datagram %d crossed a link that was down", n)
			}
		}
	})
}

func TestBadConfig(t *testing.T) {
	for _, c := range []Config{
		{}, {DatagramSize: size, Loss: 1.1}, {DatagramSize: size, Flip: -1}, {DatagramSize: size, Burst: Gilbert{ToBad: math.NaN()}},
		{DatagramSize: size, Queue: -1}, {DatagramSize: size, Outage: Outage{Length: 2, Every: 1}},
	} {
		if _, err := New(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := mustNew(t, Config{}).Writer().Write(make([]byte, size+1)); !errors.Is(err, ErrConfig) {
		t.Errorf("an uneven batch: %v", err)
	}
}
