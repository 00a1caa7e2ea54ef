package fec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// geometries are the blocks every codec is tried with: the ends and the odd ones.
var geometries = map[Code][][2]int{
	None:      {{1, 0}, {2, 0}, {200, 0}, {1000, 0}},
	Leopard8:  {{1, 1}, {1, 6}, {1, 128}, {2, 1}, {3, 3}, {7, 33}, {31, 2}, {128, 128}, {127, 65}, {192, 33}, {200, 20}, {199, 20}, {223, 32}, {240, 16}, {255, 1}, {254, 2}},
	Leopard16: {{1, 1}, {1, 9}, {2, 1}, {9, 700}, {257, 3}, {1000, 50}},
	Classic:   {{1, 1}, {1, 6}, {1, 255}, {2, 1}, {5, 3}, {32, 4}, {100, 156}, {200, 20}, {255, 1}},
}

var testCodecs Codecs

// block makes the K+R symbols of an encoded block of random bytes.
func block(tb rapid.TB, code Code, k, r, size int, random *rand.Rand) [][]byte {
	tb.Helper()
	codec, err := testCodecs.Get(code, k, r)
	if err != nil {
		tb.Fatal(err)
	}
	symbols := make([][]byte, k+r)
	for i := range symbols {
		symbols[i] = make([]byte, size)
		for n := 0; n < size; n += 8 { // repair too: Encode must overwrite it
			binary.NativeEndian.PutUint64(symbols[i][n:], random.Uint64())
		}
	}
	source := clone(symbols[:k])
	if err := codec.Encode(symbols); err != nil {
		tb.Fatal(err)
	}
	for i := range source {
		if !bytes.Equal(source[i], symbols[i]) {
			tb.Fatalf("Encode wrote source symbol %d", i)
		}
	}
	return symbols
}

func clone(symbols [][]byte) [][]byte {
	c := make([][]byte, len(symbols))
	for i := range symbols {
		c[i] = bytes.Clone(symbols[i])
	}
	return c
}

// TestConformance is what every codec must do, whatever is lost.
func TestConformance(t *testing.T) {
	for code := None; code <= Classic; code++ {
		for _, g := range geometries[code] {
			t.Run(fmt.Sprintf("%v/%d+%d", code, g[0], g[1]), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) { conform(t, code, g[0], g[1]) })
			})
		}
	}
}

// TestAnyGeometry draws the geometry as well.
func TestAnyGeometry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom([]Code{Leopard8, Leopard16, Classic}).Draw(t, "code")
		k := rapid.IntRange(1, 240).Draw(t, "K")
		r := rapid.IntRange(1, 16).Draw(t, "R")
		if rapid.Bool().Draw(t, "more repair") {
			k, r = 1+k/2, r*8
		}
		conform(t, code, k, r)
	})
}

func conform(t *rapid.T, code Code, k, r int) {
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	sizes := []int{1, 2, 3, 22}
	if k+r > 256 {
		sizes = sizes[:2]
	}
	size := 64 * rapid.SampledFrom(sizes).Draw(t, "T/64")
	want := block(t, code, k, r, size, random)
	codec, err := testCodecs.Get(code, k, r)
	if err != nil {
		t.Fatal(err)
	}
	lost := random.Perm(k + r)[:rapid.IntRange(0, r).Draw(t, "lost")]
	if rapid.Bool().Draw(t, "source first") { // as many source symbols as the code can bear
		lost = random.Perm(k)[:min(k, len(lost))]
	}
	// Some are rebuilt in place, in memory with a fence behind it, others in memory of the codec's.
	got, memory := clone(want), make([][]byte, k+r)
	for n, i := range lost {
		got[i] = nil
		if n%3 != 2 {
			memory[i] = bytes.Repeat([]byte{0xA5}, size+1)
			got[i] = memory[i][:0:size]
		}
	}
	if err := codec.Rebuild(got); err != nil {
		t.Fatalf("rebuild with %d of R=%d lost: %v", len(lost), r, err)
	}
	for _, i := range lost {
		switch {
		case i >= k && len(got[i]) != 0:
			t.Fatalf("repair symbol %d was rebuilt", i)
		case i >= k:
			got[i] = want[i]
		case memory[i] != nil && &got[i][0] != &memory[i][0]:
			t.Fatalf("symbol %d was not rebuilt in place", i)
		case memory[i] != nil && memory[i][size] != 0xA5:
			t.Fatalf("symbol %d was written beyond its end", i)
		}
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("symbol %d is wrong after rebuilding %v", i, lost)
		}
	}

	// One too few: refused, and nothing touched.
	few := random.Perm(k + r)[:r+1]
	for _, i := range few {
		got[i] = make([]byte, 0, size)
	}
	if !errors.Is(codec.Rebuild(got), ErrTooFew) {
		t.Fatalf("rebuilt with %d of R=%d lost", r+1, r)
	}
	for _, i := range few {
		if len(got[i]) != 0 {
			t.Fatalf("refused, but symbol %d was made", i)
		}
	}
}

// TestEveryPattern loses every set of symbols there is. It guards against the library's
// inversion cache, see newLeopard.
func TestEveryPattern(t *testing.T) {
	const seed = 3
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	tried := 0
	for _, code := range []Code{Leopard8, Classic} {
		for k := 1; k <= 7; k++ {
			for r := 1; k+r <= 11; r++ {
				want := block(t, code, k, r, 64, random)
				codec, err := testCodecs.Get(code, k, r)
				if err != nil {
					t.Fatal(err)
				}
				for set := range uint(1) << (k + r) {
					if bits.OnesCount(set) < k {
						continue
					}
					got := make([][]byte, k+r)
					for i := range got {
						if set>>i&1 == 1 {
							got[i] = want[i]
						}
					}
					if err := codec.Rebuild(got); err != nil {
						t.Fatal(err)
					}
					for i := range k {
						if !bytes.Equal(got[i], want[i]) {
							t.Fatalf("%v K=%d R=%d: symbol %d is wrong, present were %0*b", code, k, r, i, k+r, set)
						}
					}
					tried++
				}
			}
		}
	}
	if tried < 20000 {
		t.Errorf("only %d patterns tried", tried)
	}
}

// TestLargeSymbols goes beyond the chunks in which Leopard works.
func TestLargeSymbols(t *testing.T) {
	const seed = 4
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, code := range []Code{Leopard8, Leopard16, Classic} {
		want := block(t, code, 20, 5, 65408, random)
		got := clone(want)
		for _, i := range []int{0, 7, 19, 21} {
			got[i] = got[i][:0]
		}
		codec, err := testCodecs.Get(code, 20, 5)
		if err != nil {
			t.Fatal(err)
		}
		if err := codec.Rebuild(got); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("%v: symbol %d is wrong", code, i)
			}
		}
	}
}

// TestMalformed hands codecs what no caller should: an error, never a panic.
func TestMalformed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom([]Code{None, Leopard8, Leopard16, Classic}).Draw(t, "code")
		k, r := 5, 3
		if code == None {
			r = 0
		}
		codec, err := testCodecs.Get(code, k, r)
		if err != nil {
			t.Fatal(err)
		}
		lengths := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 63, 64, 65, 128}), 0, 10).Draw(t, "lengths")
		symbols, legal := make([][]byte, len(lengths)), len(lengths) == k+r
		for i, n := range lengths {
			symbols[i] = make([]byte, n)
			legal = legal && (n == 0 || n%64 == 0)
		}
		if err := codec.Encode(symbols); err != nil && !errors.Is(err, ErrSymbols) && !errors.Is(err, ErrTooFew) {
			t.Fatalf("encode: %v", err)
		}
		err = codec.Rebuild(symbols)
		if err == nil && !legal {
			t.Fatalf("rebuilt from lengths %v", lengths)
		}
		if err != nil && !errors.Is(err, ErrSymbols) && !errors.Is(err, ErrTooFew) {
			t.Fatalf("rebuild: %v", err)
		}
	})
}

// TestNaiveTwin holds each codec to its definition.
func TestNaiveTwin(t *testing.T) {
	const seed = 5
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for code, all := range map[Code][][2]int{
		Leopard8:  {{1, 1}, {1, 6}, {2, 1}, {5, 3}, {8, 8}, {3, 20}, {50, 13}, {200, 20}, {223, 32}},
		Leopard16: {{1, 1}, {2, 1}, {5, 3}, {3, 7}, {20, 20}, {300, 3}},
		Classic:   {{1, 1}, {1, 6}, {5, 3}, {32, 4}, {200, 56}},
	} {
		for _, g := range all {
			k, r := g[0], g[1]
			got := block(t, code, k, r, 128, random)
			want := clone(got)
			naiveEncode(code, want, k)
			for i := range got {
				if !bytes.Equal(got[i], want[i]) {
					t.Errorf("%v %d+%d: symbol %d is not what the definition says", code, k, r, i)
					break
				}
			}
		}
	}
}

// TestPolynomial holds the two definitions of Leopard to each other: interpolation on one
// group of m, and one polynomial of degree below n-m through everything.
func TestPolynomial(t *testing.T) {
	for _, g := range [][3]uint32{{1, 3, 1}, {4, 5, 3}, {8, 20, 8}, {16, 60, 13}, {64, 3, 40}} {
		m, k, r := g[0], g[1], g[2]
		tried := false
		for n := m; n <= 256; n *= 2 {
			if n < m+k {
				continue
			}
			for i := range k {
				for j := range r {
					if naive8.leopardCoefficient(m, i, j) != naive8.polynomialCoefficient(m, n, i, j) {
						t.Fatalf("m=%d n=%d: coefficient of source %d in repair %d", m, n, i, j)
					}
				}
			}
			tried = true
		}
		if !tried {
			t.Fatalf("no n holds m=%d and K=%d", m, k)
		}
	}
}

// TestWireExamples holds the two examples of docs/wire.md, "Codes".
func TestWireExamples(t *testing.T) {
	for _, c := range []struct {
		code   Code
		source [2]byte
		repair []byte
	}{
		{Leopard8, [2]byte{0x01, 0x02}, []byte{0x00, 0x03}},
		{Classic, [2]byte{0x01, 0x02}, []byte{0x7B}},
	} {
		codec, err := testCodecs.Get(c.code, 2, len(c.repair))
		if err != nil {
			t.Fatal(err)
		}
		symbols := [][]byte{bytes.Repeat(c.source[:1], 64), bytes.Repeat(c.source[1:], 64)}
		for range c.repair {
			symbols = append(symbols, make([]byte, 64))
		}
		if err := codec.Encode(symbols); err != nil {
			t.Fatal(err)
		}
		for j, want := range c.repair {
			if symbols[2+j][0] != want || symbols[2+j][63] != want {
				t.Errorf("%v: repair symbol %d is %#x, the page says %#x", c.code, j, symbols[2+j][0], want)
			}
		}
	}
}
