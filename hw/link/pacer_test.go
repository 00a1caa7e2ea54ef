package link

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// handClock is a clock moved by hand: it sleeps as late as it is told.
type handClock struct {
	t      int64
	late   func() int64
	sleeps int
}

func (c *handClock) now() int64 { return c.t }
func (c *handClock) sleepUntil(t int64) {
	c.sleeps++
	c.t = max(c.t, t)
	if c.late != nil {
		c.t += c.late()
	}
}
func (c *handClock) lock()   {}
func (c *handClock) unlock() {}

// TestPacerExact: on an exact clock the n-th octet goes at its exact time, for rates that no
// whole number of ns divides, over more octets than a rounding error would survive.
func TestPacerExact(t *testing.T) {
	for _, rate := range []uint64{1000, 999_999_937, 100e6, 1e9, 2.5e9, 5e9, 123_456_789_123} {
		a := newAccount(rate, 0)
		var sent uint64
		now := int64(12345)
		for i := range 20000 {
			n := uint64(1 + i*7919%67672)
			now = max(now, a.grant(now, int(n)))
			exact, _ := spanRem(sent, rate, 0)
			if now-12345 != int64(exact) {
				t.Fatalf("at %d bit/s octet %d went at %d ns, want %d", rate, sent, now-12345, exact)
			}
			sent += n
		}
	}
}

// TestPacerBurst: whatever the sleeps' lateness, no span of time carries more than its share,
// the burst and one grant.
func TestPacerBurst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Uint64Range(1e5, 1e11).Draw(t, "rate")
		burst := rapid.IntRange(1, 1<<20).Draw(t, "burst")
		seed := rapid.Uint64().Draw(t, "seed")
		rnd := rand.New(rand.NewPCG(seed, 0))
		c := &handClock{late: func() int64 {
			if rnd.IntN(50) == 0 {
				return rnd.Int64N(5e6) // the scheduler was elsewhere
			}
			return rnd.Int64N(2e5)
		}}
		p := newPacer(rate, burst, c)
		type send struct{ at, n int64 }
		var sends []send
		const largest = 65536
		for range 200 {
			if rnd.IntN(20) == 0 {
				c.t += rnd.Int64N(1e7) // nothing to send
			}
			n := 1 + rnd.Int64N(largest)
			p.Wait(int(n))
			sends = append(sends, send{c.t, n})
		}
		for i := range sends {
			var sum int64
			for _, s := range sends[i:] {
				sum += s.n
				share := float64(s.at-sends[i].at)*float64(rate)/8e9 + float64(burst+largest) + 1
				if float64(sum) > share {
					t.Fatalf("%d octets in %d ns, %0.f fit", sum, s.at-sends[i].at, share)
				}
			}
		}
	})
}

// TestPacerStall: lateness within the credit is made up, the rest is forgiven and said.
func TestPacerStall(t *testing.T) {
	const rate, burst, n = 1e9, 25_000, 12_500 // 200 µs of credit, 100 µs a grant
	c := &handClock{}
	p := newPacer(rate, burst, c)
	p.Wait(n)
	c.t += int64(150 * time.Microsecond) // 50 µs late
	p.Wait(n)
	p.Wait(n)
	if c.t != int64(200*time.Microsecond) || p.Forgiven() != 0 {
		t.Fatalf("50 µs late were not made up: %d ns, %v forgiven", c.t, p.Forgiven())
	}
	c.t += int64(10 * time.Millisecond)
	start := c.t
	free := 0
	for p.Wait(n); c.t == start; p.Wait(n) {
		free++
	}
	if free != 3 { // two of credit and the one that is due
		t.Errorf("%d grants at once after a stall, want 3", free)
	}
	if want := 10*time.Millisecond - 300*time.Microsecond; p.Forgiven() != want {
		t.Errorf("forgiven %v, want %v", p.Forgiven(), want)
	}
}

// TestPacerStop: a long Wait sleeps in naps, Stop ends it, and 0 is no limit.
func TestPacerStop(t *testing.T) {
	c := &handClock{}
	p := newPacer(8, 0, c) // an octet a second
	p.Wait(3600)
	c.late = func() int64 {
		if c.sleeps == 3 {
			p.Stop()
		}
		return 0
	}
	p.Wait(1)
	if c.sleeps != 3 || c.t != 3*int64(nap) {
		t.Errorf("%d naps, %v", c.sleeps, time.Duration(c.t))
	}
	p.Wait(1)
	if c.sleeps != 3 {
		t.Error("a Wait after Stop slept")
	}
	none := newPacer(0, 0, nil) // would panic if it looked at the clock
	none.Wait(1 << 30)
}

// TestTimePacer: under synctest the pacer over package time is exact.
func TestTimePacer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewTimePacer(1e6, 0)
		p.Lock()
		defer p.Unlock()
		start := time.Now()
		for range 1001 {
			p.Wait(1250) // 10 ms
		}
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("10 s of octets took %v", d)
		}
	})
}

// TestSystemPacer: the real clock is never early. How late it is, the bench tells.
func TestSystemPacer(t *testing.T) {
	for _, spin := range []bool{false, true} {
		p := NewPacer(1e9, 0)
		p.Spin(spin)
		p.Lock()
		start := time.Now()
		for range 21 {
			p.Wait(12_500) // 100 µs
		}
		if d := time.Since(start); d < 2*time.Millisecond-DefaultCredit {
			t.Errorf("2 ms of octets took %v", d)
		}
		p.Unlock()
		if n := testing.AllocsPerRun(20, func() { p.Wait(1250) }); n != 0 {
			t.Errorf("%v allocations a Wait", n)
		}
	}
}
