package bench

import (
	"math"
	"testing"
)

// TestBounds: where a bound has a closed form it is that, elsewhere it keeps its own definition; those of Poisson are
// half of the chi-squared table's 99.9 % values for 2 and 4 degrees of freedom.
func TestBounds(t *testing.T) {
	for _, c := range []struct {
		lost, sent uint64
		want       float64
	}{
		{0, 1, 0.999}, {0, 1000, 1 - math.Pow(0.001, 1.0/1000)}, {0, 1e9, 6.9077552551e-9},
		{5, 5, 1}, {0, 0, 1}, {1, 2, math.Sqrt(0.999)},
	} {
		if got := lossBound(c.lost, c.sent); math.Abs(got-c.want) > 1e-7*c.want {
			t.Errorf("%d of %d: %.10g, want %.10g", c.lost, c.sent, got, c.want)
		}
	}
	// By its own definition: at the bound the chance is alpha.
	for _, c := range [][2]uint64{{1, 10}, {10, 1000}, {10_000, 1_000_000}, {3, 1e10}, {900_000, 1_000_000}, {5e8, 1e9}} {
		p := lossBound(c[0], c[1])
		if got := naiveBinomialCDF(c[0], c[1], p); math.Abs(got-alpha) > 1e-4*alpha {
			t.Errorf("%d of %d: bound %v has chance %v", c[0], c[1], p, got)
		}
	}
	for n, want := range map[uint64]float64{0: 6.907755, 1: 9.233413} {
		if got := countBound(n); math.Abs(got-want) > 1e-5 {
			t.Errorf("%d events: %v, want %v", n, got, want)
		}
	}
	if got := countBound(1_000_000); got < 1_003_000 || got > 1_003_200 {
		t.Errorf("a million events: %v", got)
	}
}

// naiveBinomialCDF adds every term that is not nothing, each from its logarithm.
func naiveBinomialCDF(k, n uint64, p float64) (sum float64) {
	for i := k; ; i-- {
		fi, fn := float64(i), float64(n)
		term := math.Exp(lgamma(fn+1) - lgamma(fi+1) - lgamma(fn-fi+1) + fi*math.Log(p) + (fn-fi)*math.Log1p(-p))
		if sum += term; i == 0 || term < 1e-20 {
			return sum
		}
	}
}
