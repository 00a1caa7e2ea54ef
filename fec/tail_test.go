package fec

import (
	"math"
	"math/big"
	"testing"
)

// exactTail is the binomial tail summed with 400 bits: term by term, nothing clever.
func exactTail(n, r int, p float64) float64 {
	real := func() *big.Float { return new(big.Float).SetPrec(400) }
	lost := real().SetFloat64(p)
	kept := real().Sub(big.NewFloat(1), lost)
	sum := real()
	for i := r + 1; i <= n; i++ {
		term := real().SetInt(new(big.Int).Binomial(int64(n), int64(i)))
		for j := range n {
			if j < i {
				term.Mul(term, lost)
			} else {
				term.Mul(term, kept)
			}
		}
		sum.Add(sum, term)
	}
	f, _ := sum.Float64()
	return f
}

func TestTailExact(t *testing.T) {
	tried := 0
	for _, p := range []float64{1e-4, 0.001, 0.01, 0.05, 0.2, 0.5, 0.9} {
		for _, n := range []int{1, 2, 7, 36, 120, 240} {
			for _, r := range []int{0, 1, 2, 5, n / 8, n / 4, n / 2, n - 1} {
				if r >= n {
					continue
				}
				want := exactTail(n, r, p)
				if got := binomialTail(n, r, p); math.Abs(got-want) > 1e-11*want {
					t.Errorf("more than %d of %d at %v: %v, exactly %v", r, n, p, got, want)
				}
				tried++
			}
		}
	}
	if tried < 200 {
		t.Errorf("only %d tails", tried)
	}
	if got := binomialTail(7, 6, 0.01); math.Abs(got-1e-14) > 1e-25 {
		t.Errorf("all of 7 at 1 %%: %v", got)
	}
	for _, c := range []struct {
		n, r int
		p    float64
		want float64
	}{{10, 10, .5, 0}, {10, -1, .5, 1}, {10, 3, 0, 0}, {10, 3, 1, 1}, {0, 0, .5, 0}} {
		if got := binomialTail(c.n, c.r, c.p); got != c.want {
			t.Errorf("more than %d of %d at %v: %v, want %v", c.r, c.n, c.p, got, c.want)
		}
	}
}

// TestTailMonotone is what the search for the least R stands on.
func TestTailMonotone(t *testing.T) {
	for _, p := range []float64{1e-4, 0.01, 0.2, 0.6} {
		for _, k := range []int{1, 8, 200, 1000, 4000} {
			before := 1.0
			for r := range 300 {
				tail := binomialTail(k+r, r, p)
				if tail > before*(1+1e-11) {
					t.Fatalf("K=%d: R=%d is worse than one less at %v: %v, %v", k, r, p, tail, before)
				}
				before = tail
			}
		}
	}
}
