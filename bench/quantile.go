package bench

import (
	"math"
	"slices"
)

// quantile is the least sample that a share of all samples does not exceed (nearest rank: no sample is made up); samples has at least one.
func quantile(samples []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	rank := int(math.Ceil(share*float64(len(sorted)) - 1e-9))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
