package fec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// TestFactors holds the formula that the solver inverts to the library's encoder, for every
// factor that Leopard has (they depend on R through m only, and not on K), by encoding unit
// vectors: 64 or 32 of them stand side by side in a symbol of 64 octets.
func TestFactors(t *testing.T) {
	for m := 1; m <= 128; m *= 2 {
		for _, r := range []int{m/2 + 1, m} {
			testFactors(t, Leopard8, 256-m, r)
		}
	}
	for m := 1; m <= 4096; m *= 2 {
		testFactors(t, Leopard16, maxLeopard16-m, m)
	}
	testFactors(t, Leopard16, 32, 5000)
	testFactors(t, Leopard16, 4091, 4101)
}

func testFactors(t *testing.T, code Code, k, r int) {
	codec, err := testCodecs.Get(code, k, r)
	if err != nil {
		t.Fatal(err)
	}
	f, m := codec.(*leopardCodec).field, powerOfTwo(r)
	side := 64
	if code == Leopard16 {
		side = 32
	}
	slab := make([]byte, (k+r)*64)
	symbols := make([][]byte, k+r)
	for i := range symbols {
		symbols[i] = slab[i*64 : i*64+64]
	}
	for first := 0; first < k; first += side {
		units := min(side, k-first)
		for u := range units {
			symbols[first+u][u] = 1
		}
		if err := codec.Encode(symbols); err != nil {
			t.Fatal(err)
		}
		for u := range units {
			x := m + first + u
			symbols[first+u][u] = 0
			for j := range r {
				number := int(symbols[k+j][u])
				if code == Leopard16 {
					number |= int(symbols[k+j][u+32]) << 8
				}
				want := f.reduce(int(f.log[x/m]) - int(f.log[x^j]))
				if number == 0 || int(f.log[number]) != want {
					t.Fatalf("%v %d+%d: factor of source %d in repair %d is %#x, the formula has another", code, k, r, first+u, j, number)
				}
			}
		}
	}
}

// TestField holds the fields to their own definition and the maps between bases to each other.
func TestField(t *testing.T) {
	for _, f := range []*logField{field8, cantor8, field16()} {
		seen := make([]bool, f.order+1)
		for n := 1; n <= f.order; n++ {
			if e := f.log[n]; int(e) >= f.order || seen[e] {
				t.Fatalf("order %d: logarithm %d of %d", f.order, e, n)
			}
			seen[f.log[n]] = true
		}
	}
	for v := range 256 {
		if e := cantor8.in.of(byte(v)); cantor8.out.of(e) != byte(v) || uint32(e) != naive8.element(uint32(v)) {
			t.Fatalf("octet %d is element %d", v, e)
		}
	}
	a, b, sum := make([]byte, 256), bytes.Repeat([]byte{0x5A}, 256), make([]byte, 256)
	for v := range a {
		a[v] = byte(v)
	}
	cantor8.in.sum(sum, a, b)
	for v := range a {
		if sum[v] != cantor8.in.of(byte(v)^0x5A) {
			t.Fatalf("octet %d goes to %d among others", v, sum[v])
		}
	}
}

// way is one way of rebuilding, which Rebuild might not take.
type way struct {
	name    string
	rebuild func(symbols [][]byte) error
}

// ways are all there are for n lost symbols; the first is the naive twin of the others.
func ways(codec Codec, n int) []way {
	switch c := codec.(type) {
	case *leopardCodec:
		return []way{{"library", c.enc.ReconstructData}, {"syndromes", func(symbols [][]byte) error { return c.solve(symbols, n) }}, {"chosen", c.Rebuild}}
	case *classicCodec:
		with := func(do func(s *solver, symbols [][]byte, size int) error) func([][]byte) error {
			return func(symbols [][]byte) error {
				s := c.work.solver()
				defer c.work.solvers.Put(s)
				size := s.survey(symbols, c.k, n)
				for _, i := range s.lost {
					s.x = append(s.x, uint16(i))
				}
				for _, j := range s.repair {
					s.y = append(s.y, uint16(c.k+j))
				}
				return do(s, symbols, size)
			}
		}
		return []way{{"library", c.enc.ReconstructData}, {"chosen", c.Rebuild},
			{"syndromes", with(func(s *solver, symbols [][]byte, size int) error {
				return s.solve(field8, func(uint16) uint16 { return 1 }, c.enc, symbols, c.k, size)
			})},
			{"interpolate", with(func(s *solver, symbols [][]byte, size int) error {
				s.interpolate(symbols, c.k, size)
				return nil
			})},
			{"recode", with(func(s *solver, symbols [][]byte, size int) error { return s.recode(symbols, c.k, size) })},
		}
	}
	return nil
}

// agree loses n source symbols and keeps n repair symbols, and holds all ways to the library and to what
// was encoded.
func agree(t rapid.TB, code Code, k, r, size int, lost, repair []int, random *rand.Rand) {
	t.Helper()
	want := block(t, code, k, r, size, random)
	codec, err := testCodecs.Get(code, k, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range ways(codec, len(lost)) {
		got := make([][]byte, k+r)
		copy(got, want[:k])
		for n, i := range lost {
			got[i] = nil
			if n%2 == 0 {
				got[i] = bytes.Repeat([]byte{0xA5}, size)[:0] // old octets must not count
			}
		}
		for _, j := range repair {
			got[k+j] = want[k+j]
		}
		kept := clone(got)
		if err := w.rebuild(got); err != nil {
			t.Fatalf("%v %d+%d, T=%d, %d lost, by %s: %v", code, k, r, size, len(lost), w.name, err)
		}
		for i := range got {
			switch {
			case i < k && !bytes.Equal(got[i], want[i]):
				t.Fatalf("%v %d+%d, T=%d, by %s: symbol %d is wrong; lost %v, used %v", code, k, r, size, w.name, i, lost, repair)
			case i >= k && !bytes.Equal(got[i], kept[i]):
				t.Fatalf("%v %d+%d, T=%d, by %s: repair symbol %d was changed", code, k, r, size, w.name, i-k)
			}
		}
	}
}

// TestWaysAgree draws geometry, size, losses and the repair symbols that came.
func TestWaysAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom([]Code{Leopard8, Leopard16, Classic}).Draw(t, "code")
		r := 1 << rapid.IntRange(0, 6).Draw(t, "log R")
		r += rapid.IntRange(0, r-1).Draw(t, "more R")
		k := rapid.IntRange(1, 230).Draw(t, "K")
		if code == Leopard16 {
			k *= rapid.SampledFrom([]int{1, 1, 7}).Draw(t, "times K")
		}
		for Check(code, k, r) != nil {
			k = (k + 1) / 2
		}
		size := 64 * rapid.SampledFrom([]int{1, 2, 3, 22, 139}).Draw(t, "T/64")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		n := rapid.IntRange(1, min(k, r)).Draw(t, "lost")
		more := rapid.IntRange(0, r-n).Draw(t, "more repair symbols")
		agree(t, code, k, r, size, random.Perm(k)[:n], random.Perm(r)[:n+more], random)
	})
}

// TestEveryLoss goes through all numbers of losses of the geometries in use, in the patterns that
// someone would choose: at the ends, in one group of m, in one column of the groups.
func TestEveryLoss(t *testing.T) {
	const seed = 9
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, g := range []geometry{
		{Leopard8, 200, 20}, {Leopard8, 240, 16}, {Leopard8, 128, 64}, {Leopard8, 20, 5}, {Leopard8, 3, 33},
		{Leopard16, 300, 40}, {Leopard16, 20, 70}, {Classic, 200, 20}, {Classic, 64, 8}, {Classic, 9, 30},
	} {
		m := powerOfTwo(g.r)
		for n := 1; n <= min(g.k, g.r); n++ {
			column := make([]int, 0, n) // 0, m, 2m, …, then 1, m+1, …
			for c := 0; c < m && len(column) < n; c++ {
				for i := c; i < g.k && len(column) < n; i += m {
					column = append(column, i)
				}
			}
			first, last := make([]int, n), make([]int, n)
			for i := range n {
				first[i], last[i] = i, g.k-n+i
			}
			repair := random.Perm(g.r)[:n]
			late := make([]int, n)
			for i := range late {
				late[i] = g.r - n + i
			}
			for _, lost := range [][]int{first, last, column, random.Perm(g.k)[:n]} {
				agree(t, g.code, g.k, g.r, 64, lost, repair, random)
			}
			agree(t, g.code, g.k, g.r, 64, last, late, random)
		}
	}
}

// TestPieces rebuilds symbols so long, or repair symbols so many, that they don't fit the work area at once.
func TestPieces(t *testing.T) {
	const seed = 10
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, g := range []geometry{{Leopard16, 40, 200}, {Leopard16, 9, 4100}, {Leopard8, 100, 100}} {
		size := 65472
		if g.r > 1000 {
			size = 1408
		}
		agree(t, g.code, g.k, g.r, size, random.Perm(g.k)[:5], random.Perm(g.r)[:6], random)
		codec, _ := testCodecs.Get(g.code, g.k, g.r)
		s := new(solver)
		symbols := block(t, g.code, g.k, g.r, size, random)
		symbols[3] = nil
		s.survey(symbols, g.k, 1)
		s.x, s.y = []uint16{uint16(powerOfTwo(g.r) + 3)}, []uint16{0}
		c := codec.(*leopardCodec)
		if err := s.solve(c.field, func(x uint16) uint16 { return 1 }, c.enc, symbols, g.k, size); err != nil {
			t.Fatal(err)
		}
		if len(s.area) > syndromeArea || g.r*size <= syndromeArea {
			t.Errorf("%v %d+%d: a work area of %d octets, all repair symbols have %d", g.code, g.k, g.r, len(s.area), g.r*size)
		}
	}
}

// TestFewLostBounded goes through all geometries that a packet may name: n equations never cost more
// than the rebuilding they stand in for, and their factors never more memory than stated.
func TestFewLostBounded(t *testing.T) {
	most := 0
	for r := 1; r < maxLeopard16; r = r*9/8 + 1 {
		for k := 1; k+r <= maxLeopard16; k = k*9/8 + 1 {
			n := fewLost(Leopard16, k, r)
			all := powerOfTwo(powerOfTwo(r) + k)
			if n > min(k, r) || n*n > 14*all {
				t.Fatalf("%d+%d: %d lost are few", k, r, n)
			}
			most = max(most, n)
		}
	}
	if most = max(most, fewLost(Leopard16, maxLeopard16-4096, 4096), fewLost(Leopard16, 7680, 512)); most > 478 || most < 200 {
		t.Errorf("up to %d lost are few", most)
	}
	for g, want := range map[geometry]int{{Leopard8, 200, 20}: 20, {Leopard8, 128, 64}: 23, {Leopard16, 1000, 50}: 50, {Leopard16, 1000, 200}: 132, {Leopard16, 4000, 360}: 293} {
		if n := fewLost(g.code, g.k, g.r); n != want {
			t.Errorf("%v: %d lost are few, the comment says %d", g, n, want)
		}
	}
}

// TestNoAllocationPerSymbol holds Rebuild to a number of allocations that doesn't grow with what is lost.
func TestNoAllocationPerSymbol(t *testing.T) {
	const seed, size = 11, 1408
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, g := range []struct {
		geometry
		lost int
	}{{geometry{Leopard8, 200, 20}, 20}, {geometry{Leopard16, 1000, 50}, 50}, {geometry{Classic, 200, 20}, 11}} {
		t.Run(fmt.Sprintf("%v %d+%d", g.code, g.k, g.r), func(t *testing.T) {
			symbols := block(t, g.code, g.k, g.r, size, random)
			codec, err := testCodecs.Get(g.code, g.k, g.r)
			if err != nil {
				t.Fatal(err)
			}
			spare := make([]byte, g.lost*size)
			work := make([][]byte, len(symbols))
			allocations := testing.AllocsPerRun(100, func() {
				copy(work, symbols)
				for n := range g.lost {
					i := n * g.k / g.lost
					work[i] = spare[n*size : n*size : (n+1)*size]
				}
				if err := codec.Rebuild(work); err != nil {
					t.Fatal(err)
				}
			})
			// 3 by the library; the race detector has pools forget.
			if t.Logf("%v allocations for %d symbols", allocations, g.lost); allocations > 10 {
				t.Errorf("%v allocations for %d symbols", allocations, g.lost)
			}
		})
	}
}
