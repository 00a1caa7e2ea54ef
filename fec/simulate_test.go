package fec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// weather loses packets as a Link says: each by chance, and all in outages. period 0 is one
// outage somewhere in the span, or touching an end of it.
type weather struct {
	loss          float64
	burst, period int
	random        *rand.Rand
}

// group sends one group of blocks and counts those that can't be rebuilt.
func (w *weather) group(ks []int, r int) (failed int) {
	span := 0
	for _, k := range ks {
		span += k + r
	}
	phase := 0
	switch {
	case w.period > 0:
		phase = w.random.IntN(w.period)
	case w.burst > 0:
		phase = w.random.IntN(span+w.burst-1) - w.burst + 1
	}
	out := func(at int) bool {
		if w.period > 0 {
			return (at+phase)%w.period < w.burst
		}
		return at >= phase && at < phase+w.burst
	}
	lost, at := make([]int, len(ks)), 0
	Interleave(ks, r, func(block, _ int) {
		if out(at) || w.random.Float64() < w.loss {
			lost[block]++
		}
		at++
	})
	for _, n := range lost {
		if n > r {
			failed++
		}
	}
	return failed
}

// TestResidualSimulated measures what the planner calculates, with losses large enough to
// be measured. Without outages the sum is exact; with them it is a bound (every group in
// the worst phase), and must not be a careless one.
func TestResidualSimulated(t *testing.T) {
	const seed, rounds = 20261123, 3000
	t.Logf("seed %d", seed)
	for _, c := range []struct {
		name          string
		loss          float64
		burst, period int // packets
		k, r, blocks  int
		depth         int
	}{
		{"chance", 0.05, 0, 0, 20, 3, 12, 4},
		{"chance, long blocks", 0.2, 0, 0, 100, 36, 9, 3},
		{"one outage", 0.02, 17, 0, 40, 6, 12, 4},
		{"one outage, odd groups", 0.05, 23, 0, 31, 9, 14, 5},
		{"outages again and again", 0.02, 15, 150, 40, 9, 10, 5},
		{"outages in a short group", 0.02, 40, 300, 40, 15, 6, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			// An object whose last block has a symbol less than the others.
			symbols := uint64(c.blocks*c.k - 1)
			d := demand{loss: c.loss, burst: c.burst, period: c.period, symbols: symbols, link: Link{SymbolSize: 64}}
			groups := NewGroups(uint32(c.blocks), c.depth)
			part, err := NewPartition(symbols*64, 64, c.k)
			if err != nil {
				t.Fatal(err)
			}
			hits := d.hits(groups.Smallest(), uint64(groups.Largest()*(c.k+c.r)))
			stated := float64(c.blocks) * binomialTail(c.k+c.r-hits, c.r-hits, c.loss)

			w := weather{c.loss, c.burst, c.period, rand.New(rand.NewPCG(seed, 0))}
			failed := 0
			for range rounds {
				for g := range groups.Count() {
					first, n := groups.Range(g)
					ks := make([]int, n)
					for b := range ks {
						ks[b] = part.K(first + uint32(b))
					}
					failed += w.group(ks, c.r)
				}
			}
			measured := float64(failed) / rounds
			noise := 5 * math.Sqrt(stated/rounds) // five deviations of a count
			t.Logf("%d symbols taken by outages; blocks lost an object: stated %.4f, measured %.4f ± %.4f", hits, stated, measured, noise)
			if failed < 50 {
				t.Fatalf("only %d failures: too few to measure", failed)
			}
			if measured > stated+noise {
				t.Errorf("more is lost than stated")
			}
			loose := 1.05 // the short block
			if c.burst > 0 {
				loose = 6
			}
			if measured*loose+noise < stated {
				t.Errorf("the bound is careless")
			}
		})
	}
}

// TestHitsExact holds the number of symbols that outages take to every phase there is.
func TestHitsExact(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 0))
	t.Log("seed 7")
	for range 300 {
		depth, turns := 1+random.IntN(9), 1+random.IntN(30)
		burst := 2 + random.IntN(40)
		period := burst + 1 + random.IntN(80)
		span, worst, most := depth*turns, 0, 0
		for phase := range period {
			taken, outages := make([]int, depth), 0
			for at := range span {
				if in := (at + phase) % period; in < burst {
					if in == 0 || at == 0 {
						outages++
					}
					taken[at%depth]++
					worst = max(worst, taken[at%depth])
				}
			}
			most = max(most, outages)
		}
		// The outages are counted exactly; that each takes its most of one and the same block
		// is what unpunctual ones may do at the worst.
		d := demand{burst: burst, period: period}
		got := d.hits(depth, uint64(span))
		if want := most * ((burst + depth - 1) / depth); got != want || got < worst {
			t.Errorf("depth %d, span %d, %d of %d: %d outages take up to %d symbols, calculated %d", depth, span, burst, period, most, worst, got)
		}
	}
}
