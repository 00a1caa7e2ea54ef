package fec

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkCode measures source octets a second on one core at MTU 1500: encoding, and
// rebuilding with 1 %, half of R, and R source symbols lost, by each way there is; "chosen" is
// what Rebuild does, "library" what the library would, and what Rebuild did for Leopard before it
// solved by syndromes (classic: "recode").
func BenchmarkCode(b *testing.B) {
	const size = 1408
	for _, g := range []struct {
		code Code
		k, r int
	}{
		{Leopard8, 200, 20}, {Leopard8, 224, 32}, {Leopard8, 128, 64},
		{Classic, 32, 4}, {Classic, 200, 20},
		{Leopard16, 1000, 50}, {Leopard16, 4000, 360},
	} {
		random := rand.New(rand.NewPCG(8, 0))
		symbols := block(b, g.code, g.k, g.r, size, random)
		codec, err := testCodecs.Get(g.code, g.k, g.r)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%v/%d+%d/encode", g.code, g.k, g.r), func(b *testing.B) {
			b.SetBytes(int64(g.k * size))
			b.ReportAllocs()
			for b.Loop() {
				if err := codec.Encode(symbols); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, lost := range []int{max(g.k/100, 1), g.r / 2, g.r} {
			for _, w := range ways(codec, lost) {
				b.Run(fmt.Sprintf("%v/%d+%d/rebuild%d/%s", g.code, g.k, g.r, lost, w.name), func(b *testing.B) {
					benchmarkRebuild(b, w.rebuild, symbols, g.k, lost, random)
				})
			}
		}
	}
}

func benchmarkRebuild(b *testing.B, rebuild func([][]byte) error, symbols [][]byte, k, lost int, random *rand.Rand) {
	size := len(symbols[0])
	b.SetBytes(int64(k * size))
	b.ReportAllocs()
	patterns := make([][]int, 16)
	for n := range patterns {
		patterns[n] = random.Perm(k)[:lost]
	}
	spare := make([]byte, lost*size)
	work, n := make([][]byte, len(symbols)), 0
	for b.Loop() {
		copy(work, symbols)
		for m, i := range patterns[n%len(patterns)] {
			work[i] = spare[m*size : m*size : (m+1)*size]
		}
		n++
		if err := rebuild(work); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlan measures what planning an object costs its sender.
func BenchmarkPlan(b *testing.B) {
	for _, length := range []uint64{10 << 10, 100 * mib, gib} {
		b.Run(fmt.Sprintf("%dKiB", length>>10), func(b *testing.B) {
			l := ethernet(0.001, 5*ms, 100*ms, 2.5e9)
			for b.Loop() {
				if _, err := l.Plan(length); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
