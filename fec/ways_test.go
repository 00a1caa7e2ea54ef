package fec

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

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
