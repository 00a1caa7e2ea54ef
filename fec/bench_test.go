package fec

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkCode measures source octets a second on one core at MTU 1500: encoding, and
// rebuilding with 1 %, a quarter of R, and R source symbols lost.
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
		for _, lost := range []int{max(g.k/100, 1), max(g.r/4, 1), g.r} {
			b.Run(fmt.Sprintf("%v/%d+%d/rebuild%d", g.code, g.k, g.r, lost), func(b *testing.B) {
				b.SetBytes(int64(g.k * size))
				b.ReportAllocs()
				patterns := make([][]int, 16)
				for n := range patterns {
					patterns[n] = random.Perm(g.k)[:lost]
				}
				work, n := make([][]byte, len(symbols)), 0
				for b.Loop() {
					copy(work, symbols)
					for _, i := range patterns[n%len(patterns)] {
						work[i] = work[i][:0]
					}
					n++
					if err := codec.Rebuild(work); err != nil {
						b.Fatal(err)
					}
				}
			})
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
