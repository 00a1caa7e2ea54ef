package fec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
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
	if most != maxSolved {
		t.Errorf("up to %d lost are few, of %d", most, maxSolved)
	}
	for g, want := range map[geometry]int{{Leopard8, 200, 20}: 20, {Leopard8, 128, 64}: 21, {Leopard16, 1000, 50}: 50, {Leopard16, 1000, 200}: 118, {Leopard16, 4000, 360}: 256} {
		if n := fewLost(g.code, g.k, g.r); n != want {
			t.Errorf("%v: %d lost are few, the comment says %d", g, n, want)
		}
	}
}

// TestNoAllocationPerSymbol holds Rebuild to a number of allocations that doesn't grow with what is lost.
func TestNoAllocationPerSymbol(t *testing.T) {
	var pool sync.Pool
	for range 100 {
		if pool.Put(t); pool.Get() == nil {
			t.Skip("pools forget at random, which the race detector has them do: every block would allocate its work area")
		}
	}
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
			if t.Logf("%v allocations for %d symbols", allocations, g.lost); allocations > 5 { // 3 by the library
				t.Errorf("%v allocations for %d symbols", allocations, g.lost)
			}
		})
	}
}
