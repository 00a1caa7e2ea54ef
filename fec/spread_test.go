package fec

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// several is a link of n equal ones.
func several(one Link, n, survive int) Link {
	one.Rates = slices.Repeat([]uint64{one.Rate}, n)
	one.Rate *= uint64(n)
	one.Survive = survive
	return one
}

// TestSpreadShares holds every block length to the shares: no link carries more of a block
// than its share rounded up, nor less than it rounded down; and what Missing says is what
// the worst links carry, exactly so when their rates are equal.
func TestSpreadShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		links := rapid.IntRange(2, 8).Draw(t, "links")
		rates := make([]uint64, links)
		equal := rapid.Bool().Draw(t, "equal")
		for i := range rates {
			rates[i] = rapid.SampledFrom([]uint64{1, 7, 1e8, 2.5e8, 1e9, 1e10, maxRate}).Draw(t, "rate")
			if equal {
				rates[i] = rates[0]
			}
		}
		l := Link{Rates: rates}
		for _, r := range rates {
			l.Rate += r
		}
		l.Survive = rapid.IntRange(0, links-1).Draw(t, "survive")
		s := NewSpread(rates)
		block := rapid.Uint32().Draw(t, "block")
		counts := make([]uint64, links)
		for n := 1; n <= 3000; n++ {
			counts[s.Link(block, n-1)]++
			for i, c := range counts {
				if c > ceilDiv(uint64(n)*rates[i], l.Rate) || c < uint64(n)*rates[i]/l.Rate {
					t.Fatalf("%d of %d symbols on link %d of %v", c, n, i, rates)
				}
			}
			var lost uint64
			for _, c := range slices.Sorted(slices.Values(counts))[links-l.Survive:] {
				lost += c
			}
			if m := uint64(l.Missing(n)); m < lost || slices.Min(rates) == slices.Max(rates) && m != lost {
				t.Fatalf("%d links of %v carry %d of %d symbols, Missing says %d", l.Survive, rates, lost, n, m)
			}
		}
	})
}

// TestSpreadKeepsDistance holds what a burst may take on one of several links: two symbols
// of a block are as many packets of that link apart as there are blocks.
func TestSpreadKeepsDistance(t *testing.T) {
	for _, rates := range [][]uint64{{1, 1}, {1, 1, 1}, {3, 1}, {5, 2, 2, 1}} {
		s := NewSpread(rates)
		for _, blocks := range []int{1, 2, 3, 4, 7, 12} {
			at := make([]int, len(rates)) // packets of each link
			last := map[[2]int]int{}      // of a block on a link
			ks := slices.Repeat([]int{40}, blocks)
			Interleave(ks, 13, func(block, esi int) {
				link := s.Link(uint32(block)+1000, esi)
				key := [2]int{link, block}
				if before, ok := last[key]; ok && at[link]-before != blocks {
					t.Fatalf("rates %v, %d blocks: %d packets apart on link %d", rates, blocks, at[link]-before, link)
				}
				last[key] = at[link]
				at[link]++
			})
		}
	}
}

func TestSpreadOfOne(t *testing.T) {
	for _, rates := range [][]uint64{nil, {5}} {
		for esi := range 100 {
			if NewSpread(rates).Link(uint32(esi), esi) != 0 {
				t.Fatal("a single link carries everything")
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a link without a rate was taken")
		}
	}()
	NewSpread([]uint64{1, 0})
}

// TestPlanSurvives draws links of several ways: what is planned has room for the loss of any
// of them and for chance besides, and never asks less than the same ways all alive.
func TestPlanSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := ethernet(rapid.SampledFrom([]float64{0, 0.001, 0.02}).Draw(t, "loss"), time.Duration(rapid.IntRange(0, 5).Draw(t, "burst"))*ms, 0, 1e9)
		links := rapid.IntRange(2, 5).Draw(t, "links")
		l := several(one, links, rapid.IntRange(1, links-1).Draw(t, "survive"))
		if rapid.Bool().Draw(t, "unequal") {
			l.Rates[0] *= 2
			l.Rate += 1e9
		}
		length := uint64(math.Exp2(rapid.Float64Range(0, 34).Draw(t, "log2 length")))
		p, err := l.Plan(length)
		if err != nil {
			if !errors.Is(err, ErrNoPlan) {
				t.Fatal(err)
			}
			return
		}
		if spare := p.R - l.Missing(p.K+p.R); spare < 2 || p.Residual > 1e-12/3 {
			t.Fatalf("%d symbols to spare beside %d of %d links: %+v", spare, l.Survive, links, p)
		}
		if judged, err := l.Judge(p, length); err != nil || judged != p {
			t.Fatalf("planned %+v, judged %+v, %v", p, judged, err)
		}
		alive := l
		alive.Survive = 0
		if judged, err := alive.Judge(p, length); err != nil || judged.Residual > p.Residual {
			t.Fatalf("all links alive: %+v, %v", judged, err)
		}
	})
}

// TestPlanSurvivesByHand does the sums of four links of 1 Gbit/s, one of them lost, 1 % on
// the others, by hand.
func TestPlanSurvivesByHand(t *testing.T) {
	l := several(ethernet(0.01, 0, 0, 1e9), 4, 1)
	p, err := l.Plan(gib)
	if err != nil {
		t.Fatal(err)
	}
	part, err := NewPartition(gib, l.SymbolSize, p.K)
	if err != nil {
		t.Fatal(err)
	}
	gone := (p.K + p.R + 3) / 4 // of one link
	depth := NewGroups(part.Blocks(), p.Depth).Smallest()
	gone += 3 * ((42 + depth - 1) / depth) // a batch on each of the others
	want := float64(part.Blocks()) * binomialTail(p.K+p.R-gone, p.R-gone, 0.01)
	if math.Abs(want-p.Residual) > 1e-9*want {
		t.Errorf("residual %g, by hand %g: %+v", p.Residual, want, p)
	}
	// A quarter of the packets lost asks for a third more: the rest is chance's.
	if p.Overhead < 1./3 || p.Overhead > 0.75 {
		t.Errorf("overhead %.3f", p.Overhead)
	}
}

func TestBadLinksOfSeveral(t *testing.T) {
	good := several(ethernet(0.01, 5*ms, 0, 1e9), 3, 1)
	if _, err := good.Plan(gib); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Link){
		"another sum":        func(l *Link) { l.Rate++ },
		"no rate":            func(l *Link) { l.Rates = []uint64{1e9, 0} },
		"all may be lost":    func(l *Link) { l.Survive = 3 },
		"less than none":     func(l *Link) { l.Survive = -1 },
		"one that may go":    func(l *Link) { l.Rates = nil },
		"more than there is": func(l *Link) { *l = several(ethernet(0, 0, 0, 1e9), MaxLinks+1, 0) },
	} {
		l := good
		change(&l)
		if _, err := l.Plan(gib); !errors.Is(err, ErrLink) {
			t.Errorf("%s: %v", name, err)
		}
	}
	greedy := several(ethernet(0.6, 0, 0, 1e9), 32, 31)
	if _, err := greedy.Plan(gib); !errors.Is(err, ErrNoPlan) || !strings.Contains(err.Error(), "31 of 32 links lost") {
		t.Errorf("31 of 32 at 60 %%: %v", err)
	}
}

// TestSurvivalSimulated sends groups over several links, cuts the worst ones, and counts the
// blocks that are lost: never more than the planner states, and without outages just that.
func TestSurvivalSimulated(t *testing.T) {
	const seed, rounds = 20261124, 4000
	t.Logf("seed %d", seed)
	for _, c := range []struct {
		name             string
		rates            []uint64
		survive          int
		loss             float64
		burst            int // packets of a link of rate 1
		k, r, blocks     int
		exact            bool
		leastMeasurement int
	}{
		{"two, one cut", []uint64{1, 1}, 1, 0.05, 0, 20, 26, 4, true, 50},
		{"four, one cut", []uint64{1, 1, 1, 1}, 1, 0.1, 0, 30, 20, 4, true, 50},
		{"four, two cut, outages", []uint64{1, 1, 1, 1}, 2, 0.05, 9, 20, 36, 4, false, 10},
		{"unequal, the fast one cut", []uint64{3, 1, 1}, 1, 0.1, 0, 20, 43, 4, true, 50},
		{"unequal, outages", []uint64{2, 1, 1}, 0, 0.1, 5, 30, 9, 5, false, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := Link{Rates: c.rates, Survive: c.survive, SymbolSize: 64}
			d := demand{loss: c.loss}
			for _, r := range c.rates {
				l.Rate += r
				d.paths = append(d.paths, path{rate: r, burst: uint64(c.burst) * r})
			}
			d.link = l
			n := c.k + c.r
			hits := d.hits(c.blocks, uint64(c.blocks*n))
			stated := d.residual(c.k, c.r, c.blocks, hits)
			random, spread := rand.New(rand.NewPCG(seed, 1)), NewSpread(c.rates)
			failed := 0
			for range rounds {
				failed += cutGroup(random, &d, spread, slices.Repeat([]int{c.k}, c.blocks), c.r)
			}
			measured := float64(failed) / rounds
			noise := 5 * math.Sqrt(stated*float64(c.blocks)/rounds)
			t.Logf("%d symbols taken by outages; blocks lost a group: stated %.4f, measured %.4f ± %.4f", hits, stated, measured, noise)
			if failed < c.leastMeasurement {
				t.Fatalf("only %d failures: too few to measure", failed)
			}
			if measured > stated+noise || c.exact && measured*1.3+noise < stated {
				t.Error("what is lost is not what was stated")
			}
		})
	}
}

// cutGroup sends one group over the paths of d, the fastest of which are cut, and counts the
// blocks that can't be rebuilt.
func cutGroup(random *rand.Rand, d *demand, spread Spread, ks []int, r int) (failed int) {
	order := make([]int, len(d.paths))
	for i := range order {
		order[i] = i
	}
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	slices.SortStableFunc(order, func(a, b int) int { return int(d.paths[b].rate) - int(d.paths[a].rate) })
	cut := order[:d.link.Survive]
	span := len(ks) * (ks[0] + r)
	starts := make([]int, len(d.paths))
	for i, p := range d.paths {
		share := span * int(p.rate) / int(d.link.Rate)
		starts[i] = random.IntN(share+int(p.burst)) - int(p.burst)
	}
	at, lost := make([]int, len(d.paths)), make([]int, len(ks))
	Interleave(ks, r, func(block, esi int) {
		i := spread.Link(uint32(block), esi)
		out := at[i] >= starts[i] && at[i] < starts[i]+int(d.paths[i].burst)
		if slices.Contains(cut, i) || out || random.Float64() < d.loss {
			lost[block]++
		}
		at[i]++
	})
	for _, n := range lost {
		if n > r {
			failed++
		}
	}
	return failed
}
