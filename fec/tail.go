package fec

import "math"

// binomialTail is the probability of more than r losses among n symbols that are lost
// independently with probability p: the sum of C(n,i) p^i (1-p)^(n-i) over i > r. It is
// exact to about 1e-11 of its value, however small (the first term is taken in logarithms,
// the others follow from it by their ratios, and nothing is subtracted), down to the
// smallest float64.
func binomialTail(n, r int, p float64) float64 {
	switch {
	case r < 0:
		return 1
	case r >= n || p <= 0:
		return 0
	case p >= 1:
		return 1
	}
	if mean := float64(n) * p; float64(r) < mean-1 {
		// The tail is most of the distribution: the rest is the small sum. By symmetry it is
		// the tail of the symbols that arrive: at most r lost is more than n-r-1 present.
		return 1 - upperTail(n, n-r-1, 1-p)
	}
	return upperTail(n, r, p)
}

// upperTail sums from r+1, which is above the mean, so that the terms only get smaller.
func upperTail(n, r int, p float64) float64 {
	i := float64(r + 1)
	term := math.Exp(logChoose(n, r+1) + i*math.Log(p) + (float64(n)-i)*math.Log1p(-p))
	odds := p / (1 - p)
	sum := term
	for ; i < float64(n); i++ {
		term *= (float64(n) - i) / (i + 1) * odds
		if term < sum*1e-17 {
			break
		}
		sum += term
	}
	return min(sum, 1)
}

// logChoose is the natural logarithm of n over k.
func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
