package fec

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// ethernet is a link of MTU 1500 over IPv4.
func ethernet(loss float64, burst, every time.Duration, rate uint64) Link {
	return Link{Loss: loss, Burst: burst, BurstEvery: every, Rate: rate, SymbolSize: 1408, WireSize: 1538, Failure: 1e-12}
}

const (
	mib = 1 << 20
	gib = 1 << 30
	ms  = time.Millisecond
)

func TestPlanNamed(t *testing.T) {
	for _, c := range []struct {
		name        string
		link        Link
		length      uint64
		code        Code
		maxOverhead float64
	}{
		{"nothing stated still gets repair symbols", ethernet(0, 0, 0, 1e9), gib, Leopard8, 0.05},
		{"1 %", ethernet(0.01, 0, 0, 1e9), gib, Leopard8, 0.13},
		{"1 % and outages of 5 ms", ethernet(0.01, 5*ms, 0, 1e9), gib, Leopard8, 0.15},
		{"5 %", ethernet(0.05, 0, 0, 1e9), gib, Leopard16, 0.12},
		{"20 %", ethernet(0.2, 0, 0, 1e9), gib, Leopard16, 0.35},
		{"20 % too fast for Leopard16", ethernet(0.2, 0, 0, 5e9), gib, Leopard8, 0.85},
		{"40 %", ethernet(0.4, 0, 0, 1e9), gib, Leopard16, 0.9},
		{"0.1 % and 5 ms every 100 ms", ethernet(0.001, 5*ms, 100*ms, 2.5e9), gib, Leopard8, 0.15},
		{"0.5 % and outages of 20 ms", ethernet(0.005, 20*ms, 0, 2e9), gib, Leopard16, 0.15},
		{"one octet at 1 %", ethernet(0.01, 0, 0, 1e9), 1, Leopard8, 13},
		{"one octet, outages of 20 ms", ethernet(0.01, 20*ms, 0, 2e9), 1, Leopard8, 13},
		{"10 KiB, outages of 20 ms", ethernet(0.01, 20*ms, 0, 2e9), 10 << 10, Leopard8, 4},
		{"the largest object", ethernet(0.01, 5*ms, 0, 1e9), 1<<48 - 1, Leopard8, 0.15},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := c.link.Plan(c.length)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v", p)
			if p.Code != c.code || p.Overhead > c.maxOverhead {
				t.Errorf("%v with overhead %.3f: want %v with at most %.3f", p.Code, p.Overhead, c.code, c.maxOverhead)
			}
			if p.R < 2 {
				t.Error("stands on a single repair symbol")
			}
		})
	}
}

// TestPlanSmall pins the smallest object by hand: 7 symbols lost at 1 % is 1e-14, within a
// third of 1e-12; 6 are not.
func TestPlanSmall(t *testing.T) {
	p, err := ethernet(0.01, 5*ms, 0, 1e9).Plan(100)
	if err != nil {
		t.Fatal(err)
	}
	if p.K != 1 || p.R != 6 || p.Depth != 1 || p.Copies != 2 || p.Spacing <= 5*ms || math.Abs(p.Residual-1e-14) > 1e-16 {
		t.Errorf("%+v", p)
	}
}

// TestPlanPeriodic does the sums of "5 ms every 100 ms at 2.5 Gbit/s" by hand: 203185.9
// packets a second, so 1017 packets in each outage and, a quarter early, 15238 from one to the next.
func TestPlanPeriodic(t *testing.T) {
	l := ethernet(0.001, 5*ms, 100*ms, 2.5e9)
	p, err := l.Plan(gib)
	if err != nil {
		t.Fatal(err)
	}
	part, err := NewPartition(gib, l.SymbolSize, p.K)
	if err != nil {
		t.Fatal(err)
	}
	g := NewGroups(part.Blocks(), p.Depth)
	span := g.Largest() * (p.K + p.R)
	outages := 1
	for (outages-1)*15238-1017+1 < span-1 { // the earliest that each further outage can start, the first ending on the first packet
		outages++
	}
	outages-- // the one that starts behind the span
	hits := outages * ((1017 + g.Smallest() - 1) / g.Smallest())
	if hits >= p.R {
		t.Errorf("%d outages of 1017 packets take up to %d symbols of a block with R=%d", outages, hits, p.R)
	}
	if tail := float64(part.Blocks()) * binomialTail(p.K+p.R-hits, p.R-hits, 0.001); math.Abs(tail-p.Residual) > 1e-9*tail {
		t.Errorf("residual %g, by hand %g", p.Residual, tail)
	}
}

// TestPlanSound draws links and objects: a plan keeps what was asked, or says what would do.
func TestPlanSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Link{
			Loss:       rapid.SampledFrom([]float64{0, 1e-5, 0.001, 0.01, 0.07, 0.3, 0.6}).Draw(t, "loss"),
			Burst:      time.Duration(rapid.IntRange(0, 30).Draw(t, "burst")) * ms,
			Rate:       uint64(rapid.SampledFrom([]float64{1e6, 1e8, 1e9, 5e9, 1e10}).Draw(t, "rate")),
			Failure:    rapid.SampledFrom([]float64{0, 1e-15, 1e-6, 0.1}).Draw(t, "failure"),
			Memory:     uint64(rapid.SampledFrom([]int{0, 4, 200}).Draw(t, "memory")) * mib,
			SymbolSize: 1408, WireSize: 1538,
		}
		if rapid.Bool().Draw(t, "periodic") {
			l.BurstEvery = l.Burst * time.Duration(rapid.IntRange(2, 40).Draw(t, "every"))
		}
		length := uint64(math.Exp2(rapid.Float64Range(0, 47.9).Draw(t, "log2 length")))
		p, err := l.Plan(length)
		if err != nil {
			if !errors.Is(err, ErrLink) && (!errors.Is(err, ErrNoPlan) || !strings.Contains(err.Error(), "what would do: ")) {
				t.Fatal(err)
			}
			return
		}
		failure, memory := l.Failure, l.Memory
		if failure == 0 {
			failure = DefaultFailure
		}
		if memory == 0 {
			memory = DefaultMemory
		}
		if p.Residual > failure/3 || p.Memory > memory || p.Residual < 0 {
			t.Fatalf("asked for %g in %d octets: %+v", failure/3, memory, p)
		}
		part, err := NewPartition(length, l.SymbolSize, p.K)
		if err != nil || part.MaxK() != p.K {
			t.Fatalf("%+v for a partition of %v, %v", p, part, err)
		}
		for _, sbn := range []uint32{0, part.Blocks() - 1} {
			if err := Check(p.Code, part.K(sbn), p.R); err != nil {
				t.Fatalf("block %d: %v", sbn, err)
			}
		}
		if p.Copies < 1 || p.Copies > 1 && p.Spacing <= l.Burst {
			t.Fatalf("copies closer than a burst: %+v", p)
		}
		if judged, err := l.Judge(p, length); err != nil || judged != p {
			t.Fatalf("planned %+v, judged %+v, %v", p, judged, err)
		}
	})
}

func TestNoPlan(t *testing.T) {
	_, err := ethernet(0.005, 500*ms, 0, 2e9).Plan(gib)
	if !errors.Is(err, ErrNoPlan) {
		t.Fatal(err)
	}
	for _, way := range []string{"128 MiB of memory", "a rate of 1000 Mbit/s", "bursts of at most 250ms"} {
		if !strings.Contains(err.Error(), way) {
			t.Errorf("%q does not offer %q", err, way)
		}
	}
	// What is offered must be true.
	eased := ethernet(0.005, 500*ms, 0, 2e9)
	eased.Memory = 128 * mib
	if _, err := eased.Plan(gib); err != nil {
		t.Error(err)
	}
	narrow := ethernet(0.9, 0, 0, 1e9)
	narrow.Memory = 4 * mib
	if _, err := narrow.Plan(gib); !errors.Is(err, ErrNoPlan) || !strings.Contains(err.Error(), "a loss of at most") {
		t.Errorf("90 %% loss in 4 MiB: %v", err)
	}
}

func TestBadLinks(t *testing.T) {
	good := ethernet(0.01, 5*ms, 100*ms, 1e9)
	for name, change := range map[string]func(*Link){
		"loss of 100 %":       func(l *Link) { l.Loss = 1 },
		"negative loss":       func(l *Link) { l.Loss = -0.1 },
		"loss that is none":   func(l *Link) { l.Loss = math.NaN() },
		"failure of 1":        func(l *Link) { l.Failure = 1 },
		"no rate for a burst": func(l *Link) { l.Rate = 0 },
		"burst without end":   func(l *Link) { l.BurstEvery = l.Burst },
		"negative burst":      func(l *Link) { l.Burst = -1 },
		"odd symbols":         func(l *Link) { l.SymbolSize = 1400 },
		"no symbols":          func(l *Link) { l.SymbolSize = 0 },
		"packet below symbol": func(l *Link) { l.WireSize = 1000 },
		"endless burst":       func(l *Link) { l.Burst, l.BurstEvery, l.Rate = math.MaxInt64, 0, math.MaxUint64 },
	} {
		l := good
		change(&l)
		if _, err := l.Plan(gib); !errors.Is(err, ErrLink) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, length := range []uint64{0, 1 << 48} {
		if _, err := good.Plan(length); !errors.Is(err, ErrLink) {
			t.Errorf("%d octets: %v", length, err)
		}
	}
}

func TestJudge(t *testing.T) {
	l := ethernet(0.01, 5*ms, 0, 1e9)
	p, err := l.Judge(Plan{Code: Leopard8, K: 200, R: 20, Depth: 44}, gib)
	if err != nil {
		t.Fatal(err)
	}
	// 408 packets of burst take ceil(408/44) = 10 of a block; 10 more by chance of 208 are 1e-5.
	part, _ := NewPartition(gib, 1408, 200)
	want := float64(part.Blocks()) * binomialTail(p.K+20-10, 10, 0.01)
	if p.Copies != 1 || p.K != part.MaxK() || math.Abs(p.Residual-min(want, 1)) > 1e-12 || math.Abs(p.Overhead-0.1) > 0.002 {
		t.Errorf("%+v, want a residual of %g", p, want)
	}
	if p.Memory != uint64(NewGroups(part.Blocks(), 44).Largest()*(p.K+20)*1408) {
		t.Errorf("memory %d", p.Memory)
	}
	// A hand-set plan on an object it is too large for.
	small, err := l.Judge(Plan{Code: Leopard8, K: 200, R: 20, Depth: 44, Copies: 2}, 3000)
	if err != nil || small.K != 3 || small.Depth != 1 || small.Spacing <= 5*ms || small.Residual > 1e-30 {
		t.Errorf("%+v, %v", small, err)
	}
	if alone, err := l.Judge(Plan{Code: Leopard8, K: 200, R: 20, Depth: 44}, 3000); err != nil || alone.Residual != 1 {
		t.Errorf("one copy within one burst: %+v, %v", alone, err)
	}
	if _, err := l.Judge(Plan{Code: Leopard8, K: 200, R: 60}, gib); !errors.Is(err, ErrGeometry) {
		t.Error(err)
	}
	if none, err := l.Judge(Plan{Code: None, K: 200}, gib); err != nil || none.Residual != 1 || none.Overhead != 0 {
		t.Errorf("no code: %+v, %v", none, err)
	}
}
