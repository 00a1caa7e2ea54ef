package bench

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// lossRun is packets lost one after another.
type lossRun struct {
	at      time.Duration // when the first would have been sent, since the step began
	length  time.Duration // for how long
	packets uint64
}

// seen is what arrived of a step, and what did not.
type seen struct {
	step       LinkStep
	sent       uint64 // packets that the sender's kernel took
	arrived    uint64 // each packet once
	duplicates uint64
	late       uint64 // packets that came after one that was sent later
	lateMost   uint64 // packets sent later that the latest of them let pass
	warmUp     uint64 // packets at the start of the run, lost before the first arrived: only its first step has them
	took       time.Duration
	runs       []lossRun     // in order, without the warm-up
	slots      [slots]uint64 // packets lost in each, the warm-up included
}

// slots a step is cut into, in equal numbers of packets, for its loss over time.
const slots = 20

// slotOf is the slot in which a packet lies.
func (s *seen) slotOf(number uint64) int { return int(number * slots / s.sent) }

// slotSize is how many packets a slot has.
func (s *seen) slotSize(slot int) uint64 {
	first := func(i int) uint64 { return (uint64(i)*s.sent + slots - 1) / slots }
	return first(slot+1) - first(slot)
}

func (s *seen) lost() uint64 { return s.sent - s.arrived }

// counted is the packets that the loss is taken of: those after the warm-up.
func (s *seen) counted() uint64 { return s.sent - s.warmUp }

// slotLoss is the share of each slot's packets that was lost, the warm-up included.
func (s *seen) slotLoss() (share [slots]float64) {
	for i := range share {
		share[i] = float64(s.slots[i]) / float64(max(s.slotSize(i), 1))
	}
	return share
}

// usualLoss is the median of the slots: outages that touch fewer than half of them don't move it, a rate that is too
// high for the link does.
func (s *seen) usualLoss() float64 {
	share := s.slotLoss()
	return median(share[:])
}

// unlikely is how many runs of a length chance may be expected to make before they are taken for chance's.
const unlikely = 0.001

// split divides the runs of a step into those that chance makes and outages. A run is an outage if independent losses
// would make fewer than 0.001 runs of that length or more in the whole step; that depends on the probability of a
// loss, and that on which runs are outages, so from all losses on until both agree.
func (s *seen) split() (byChance uint64, outages []lossRun) {
	least := uint64(math.MaxUint64)
	for {
		byChance, outages = 0, nil
		for _, r := range s.runs {
			if r.packets >= least {
				outages = append(outages, r)
			} else {
				byChance += r.packets
			}
		}
		shorter := s.shortestOutage(byChance)
		if shorter >= least {
			return byChance, outages
		}
		least = shorter
	}
}

// shortestOutage is the least number of packets in a row that chance does not explain, at least 2.
func (s *seen) shortestOutage(byChance uint64) uint64 {
	p := float64(byChance) / float64(max(s.counted(), 1))
	switch {
	case p == 0:
		return 2
	case p >= 1:
		return math.MaxUint64
	}
	return max(2, uint64(math.Ceil(math.Log(unlikely/float64(s.counted()))/math.Log(p))))
}

// runBins are the histogram of the runs' lengths in packets, each power of two cut in two.
func (s *seen) runBins() []Bin {
	counts := map[float64]uint64{}
	for _, r := range s.runs {
		counts[binTop(r.packets)]++
	}
	bins := make([]Bin, 0, len(counts))
	for at, n := range counts {
		bins = append(bins, Bin{At: at, Count: n})
	}
	slices.SortFunc(bins, func(a, b Bin) int { return cmp.Compare(a.At, b.At) })
	return bins
}

// binTop is the largest length that counts in the same bin: 1, 2, 3, 4, 6, 8, 12, 16, 24 ...
func binTop(packets uint64) float64 {
	for top := 1.0; ; top *= 2 {
		switch n := float64(packets); {
		case n <= top:
			return top
		case top >= 2 && n <= 1.5*top:
			return 1.5 * top
		}
	}
}
