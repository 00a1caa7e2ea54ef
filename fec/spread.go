package fec

import (
	"math/bits"
	"slices"
)

// MaxLinks is the most links that packets can be spread over: a receiver keeps two sessions
// of each open, 64 in all.
const MaxLinks = 32

// maxRate keeps products of a rate and a number of symbols within 64 bits.
const maxRate = 1 << 47

// Spread says which of several links each symbol takes. Of a block of n symbols link i gets
// at most ceil(n * its share of the rates), and so does every block that is n symbols long
// from ESI 0; a symbol that is sent again takes the same link again.
//
// On each link, two symbols of one block are as many packets apart as the group has blocks,
// which is what [Interleave] promises for one link: so a burst takes no more of a block.
//
// The zero Spread is one link.
type Spread struct {
	links int
	equal bool
	turns []uint8 // link of each ESI, where rates differ
}

// NewSpread makes the Spread for links of the given rates (bit/s, each 1 to 2^47), at most
// [MaxLinks]; none or one rate is the zero Spread. It panics where [Link.Plan] has an
// [ErrLink] for the same Rates.
func NewSpread(rates []uint64) Spread {
	if problem := checkRates(rates); problem != "" {
		panic("fec: " + problem)
	}
	if len(rates) < 2 {
		return Spread{}
	}
	s := Spread{links: len(rates), equal: slices.Min(rates) == slices.Max(rates)}
	if !s.equal {
		s.turns = chair(rates, MaxSymbols+1)
	}
	return s
}

// Link is the link that a symbol takes, counted from 0. Among links of one rate the blocks
// begin in turn, so that no link has more to carry than the others.
func (s Spread) Link(block uint32, esi int) int {
	switch {
	case s.links == 0:
		return 0
	case s.equal:
		return int((uint64(block) + uint64(esi)) % uint64(s.links))
	}
	return int(s.turns[esi])
}

// chair seats the links one after the other so that after n seats link i had less than one
// seat more, and less than one less, than n times its share (Tijdeman, "The chairman
// assignment problem", Discrete Mathematics 32, 1980). Of the links that may take the next
// seat without being a seat ahead, it goes to the one that would be a seat behind first.
//
// Shares are rates over their sum s, so that link i with c seats of n is ahead by (c*s - n*rate)/s;
// the theorem's bound on that is 1 - 1/(2*links-2).
func chair(rates []uint64, seats int) []uint8 {
	var sum uint64
	for _, r := range rates {
		sum += r
	}
	slack := 2*uint64(len(rates)) - 2 // the bound times slack is slack-1
	taken := make([]uint64, len(rates))
	out := make([]uint8, seats)
	for n := range out {
		best := -1
		for i, r := range rates {
			// May it be one ahead: (taken+1) - (n+1)*r/sum <= (slack-1)/slack?
			have := product{}.add(taken[i], sum*slack).add(sum, 1)
			if product.less(product{}.add(uint64(n+1)*r, slack), have) {
				continue
			}
			// Its deadline is (taken + bound)/share, so the least (taken*slack+slack-1)/r wins.
			if best < 0 || product.less(product{}.add(taken[i]*slack+slack-1, rates[best]), product{}.add(taken[best]*slack+slack-1, r)) {
				best = i
			}
		}
		taken[best]++
		out[n] = uint8(best)
	}
	return out
}

// product is a sum of products in 128 bits.
type product struct{ high, low uint64 }

func (p product) add(a, b uint64) product {
	high, low := bits.Mul64(a, b)
	low, carry := bits.Add64(p.low, low, 0)
	high, _ = bits.Add64(p.high, high, carry)
	return product{high, low}
}

func (p product) less(q product) bool {
	return p.high < q.high || p.high == q.high && p.low < q.low
}

// checkRates says what is wrong with the rates of several links, "" if nothing is.
func checkRates(rates []uint64) string {
	if len(rates) > MaxLinks {
		return "more links than packets can be spread over"
	}
	for _, r := range rates {
		if r < 1 || r > maxRate {
			return "the rate of a link is not in 1 to 2^47 bit/s"
		}
	}
	return ""
}

// Missing is the most symbols that a block of n loses with any l.Survive of the links.
func (l Link) Missing(n int) int {
	if l.Survive == 0 {
		return 0
	}
	// The links lost carry at most the largest shares, rounded up; those that stay carry at
	// least the smallest, rounded down.
	rates := slices.Sorted(slices.Values(l.Rates))
	stay := len(rates) - l.Survive
	lost, kept := uint64(0), uint64(0)
	for i, r := range rates {
		if i < stay {
			kept += uint64(n) * r / l.Rate
		} else {
			lost += ceilDiv(uint64(n)*r, l.Rate)
		}
	}
	return int(min(lost, uint64(n)-kept))
}
