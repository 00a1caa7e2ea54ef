package bench

import "math"

// alpha is the chance that a stated bound is too low, for each number by itself.
const alpha = 0.001

// lossBound is the upper confidence bound of a loss probability after lost of sent packets, exact after Clopper and
// Pearson (Biometrika 26, 1934): the probability at which so few losses would be seen with chance alpha only. 1 if
// nothing was sent or all was lost.
func lossBound(lost, sent uint64) float64 {
	if lost >= sent {
		return 1
	}
	return bisect(float64(lost)/float64(sent), 1, func(p float64) bool { return binomialCDF(lost, sent, p) > alpha })
}

// countBound is the upper confidence bound of a mean number of events after n were seen, exact after Garwood
// (Biometrika 28, 1936).
func countBound(n uint64) float64 {
	low := float64(n)
	return bisect(low, low+10*math.Sqrt(low)+20, func(mean float64) bool { return poissonCDF(n, mean) > alpha })
}

// bisect returns the least x between low and high, as far as float64 tells them apart, at which above has become false.
func bisect(low, high float64, above func(float64) bool) float64 {
	for {
		middle := low + (high-low)/2
		if middle <= low || middle >= high {
			return high
		}
		if above(middle) {
			low = middle
		} else {
			high = middle
		}
	}
}

// binomialCDF is the chance of at most k losses of n packets, for p at or above k/n: the terms then fall from the
// last to the first, and those below double precision are left out.
func binomialCDF(k, n uint64, p float64) float64 {
	if p >= 1 {
		return 0
	}
	fn, fk := float64(n), float64(k)
	term := math.Exp(lgamma(fn+1) - lgamma(fk+1) - lgamma(fn-fk+1) + fk*math.Log(p) + (fn-fk)*math.Log1p(-p))
	if k == 0 {
		return math.Exp(fn * math.Log1p(-p))
	}
	return sumDown(k, term, func(i float64) float64 { return i * (1 - p) / ((fn - i + 1) * p) })
}

// poissonCDF is the chance of at most k events, for a mean of at least k.
func poissonCDF(k uint64, mean float64) float64 {
	fk := float64(k)
	if k == 0 {
		return math.Exp(-mean)
	}
	return sumDown(k, math.Exp(fk*math.Log(mean)-mean-lgamma(fk+1)), func(i float64) float64 { return i / mean })
}

// sumDown adds term k, k-1 ... 0, of which each is the one before it times ratio(i).
func sumDown(k uint64, term float64, ratio func(i float64) float64) float64 {
	sum := term
	for i := float64(k); i >= 1 && term > sum*1e-17; i-- {
		term *= ratio(i)
		sum += term
	}
	return sum
}

func lgamma(x float64) float64 {
	value, _ := math.Lgamma(x)
	return value
}
