package fec

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"
)

// Defaults of a Link, and the floors under what people state.
const (
	// DefaultFailure is the failure probability of a transfer that people are taken to
	// accept when they name none.
	DefaultFailure = 1e-12

	// DefaultMemory bounds one group of interleaved blocks at either end: half of the
	// memory pawl-receive has by default.
	DefaultMemory = 64 << 20

	// lossFloor is planned for where less is stated. No link loses nothing: cables are
	// specified to a bit error rate of 1e-12 (1e-8 of the packets of MTU 1500), and receivers
	// drop a packet now and then when their CPU is busy elsewhere. 1e-4 costs 4 % of a
	// large object and is what a link must be measured at to be called clean in a minute.
	lossFloor = 1e-4

	// batchOctets is the burst that is planned for where none is stated: machines pass
	// packets on in batches of up to 64 KiB (GSO, GRO), and a full queue drops a whole one.
	batchOctets = 1 << 16

	// punctual is the part of BurstEvery after which the next outage may already begin:
	// outages made by timers, switches and people keep no better time than that. Without it
	// the search would make groups that just fit between two outages.
	punctual = 0.75

	// objects is the number of objects of a transfer (plan, content, proof) that share its
	// failure probability equally.
	objects = 3
)

// ErrLink says that a Link contradicts itself or lacks what planning needs.
var ErrLink = errors.New("not a link one can plan for")

// Link is what a one-way link does and what people can bear: the planner's input.
type Link struct {
	Loss       float64       // probability that a packet is lost, one by one, 0..0.9; below 1e-4 it counts as 1e-4
	Burst      time.Duration // the longest outage, in which every packet is lost; 0 for none
	BurstEvery time.Duration // from the start of an outage to the start of the next; 0 when they are rare: at most one while a group passes
	Rate       uint64        // bit/s on the wire; needed when Burst is set
	SymbolSize int           // T in octets, a multiple of 64
	WireSize   int           // octets of one packet on the wire, all headers and the gap included
	Failure    float64       // acceptable probability that a transfer does not arrive whole; 0 is DefaultFailure
	Memory     uint64        // octets that one group of interleaved blocks may take; 0 is DefaultMemory

	// Rates are those of several links that share the packets as [Spread] says, in bit/s; Rate
	// is their sum, and outages come to each link by itself. nil: one link.
	Rates []uint64
	// Survive is how many links, whichever, may carry nothing at all while the others do what
	// is stated above. Less than there are links.
	Survive int
}

// demand is a Link and a length in the planner's units: packets and symbols.
type demand struct {
	loss    float64 // with the floor
	burst   int     // packets an outage takes, on the fastest link; 0 for none
	period  int     // packets from outage to outage there, if the next comes early; 0 for rare
	paths   []path  // of several links
	batch   int     // packets of the batch that may go at once
	target  float64 // failure probability of this object
	memory  uint64
	symbols uint64 // source symbols of the object
	link    Link
}

// path is one of several links.
type path struct{ rate, burst, period uint64 }

// demand checks the link and counts in packets.
func (l Link) demand(length uint64) (demand, error) {
	if l.Failure == 0 {
		l.Failure = DefaultFailure
	}
	if l.Memory == 0 {
		l.Memory = DefaultMemory
	}
	bad := func(format string, args ...any) (demand, error) {
		return demand{}, fmt.Errorf("%w: %s", ErrLink, fmt.Sprintf(format, args...))
	}
	switch {
	case length < 1 || length > 1<<48-1:
		return bad("object of %d octets", length)
	case l.SymbolSize < symbolUnit || l.SymbolSize%symbolUnit != 0:
		return bad("symbol size %d is not a multiple of %d", l.SymbolSize, symbolUnit)
	case l.WireSize < l.SymbolSize:
		return bad("a packet of %d octets carries no symbol of %d", l.WireSize, l.SymbolSize)
	case !(l.Loss >= 0 && l.Loss <= 0.9):
		return bad("loss %v is not in 0..0.9", l.Loss)
	case !(l.Failure > 0 && l.Failure < 1):
		return bad("failure probability %v is not between 0 and 1", l.Failure)
	case l.Burst < 0 || l.BurstEvery < 0:
		return bad("burst %v every %v", l.Burst, l.BurstEvery)
	case l.Burst > 0 && l.Rate == 0:
		return bad("bursts of %v need a rate to be counted in packets", l.Burst)
	case l.Burst > 0 && l.BurstEvery > 0 && l.BurstEvery <= l.Burst:
		return bad("bursts of %v every %v leave nothing", l.Burst, l.BurstEvery)
	}
	d := demand{
		loss: max(l.Loss, lossFloor), target: l.Failure / objects, memory: l.Memory, link: l,
		batch: batchOctets / l.WireSize, symbols: ceilDiv(length, uint64(l.SymbolSize)),
	}
	if problem := l.checkLinks(); problem != "" {
		return bad("%s", problem)
	}
	for _, one := range l.each() {
		at := path{rate: one.Rate}
		if l.Burst > 0 {
			burst := math.Ceil(one.packets(l.Burst)) + 1 // a packet is cut at either edge
			if burst > math.MaxInt32 {
				return bad("a burst of %v is %.0f packets", l.Burst, burst)
			}
			at.burst, at.period = uint64(burst), uint64(min(one.packets(l.sooner()), math.MaxInt32))
			if l.BurstEvery > 0 && at.period <= at.burst {
				return bad("bursts of %v every %v leave nothing when one comes early", l.Burst, l.BurstEvery)
			}
		}
		if int(at.burst) > d.burst {
			d.burst, d.period = int(at.burst), int(at.period)
		}
		if len(l.Rates) > 1 {
			d.paths = append(d.paths, at)
		}
	}
	return d, nil
}

// checkLinks says what contradicts itself about several links, "" if nothing does.
func (l Link) checkLinks() string {
	if problem := checkRates(l.Rates); problem != "" {
		return problem
	}
	var sum uint64
	for _, r := range l.Rates {
		sum += r
	}
	links := max(len(l.Rates), 1)
	switch {
	case len(l.Rates) > 0 && sum != l.Rate:
		return fmt.Sprintf("links of %d bit/s together make no rate of %d", sum, l.Rate)
	case l.Survive < 0 || l.Survive >= links:
		return fmt.Sprintf("%d of %d links can't be lost: at least one must stay", l.Survive, links)
	}
	return ""
}

// each is the link, or those of several, each for itself.
func (l Link) each() []Link {
	if len(l.Rates) < 2 {
		return []Link{l}
	}
	all := make([]Link, len(l.Rates))
	for i, r := range l.Rates {
		all[i] = l
		all[i].Rate, all[i].Rates, all[i].Survive = r, nil, 0
	}
	return all
}

// slow is the link with every rate divided.
func (l Link) slow(factor uint64) Link {
	l.Rate /= factor
	if len(l.Rates) > 0 {
		l.Rates = slices.Clone(l.Rates)
		l.Rate = 0
		for i := range l.Rates {
			l.Rates[i] /= factor
			l.Rate += l.Rates[i]
		}
	}
	return l
}

// Assumptions says in words what the planner puts under what was stated, and why; empty
// for a link whose statement needs nothing. The sentences are for people.
func (l Link) Assumptions() []string {
	var all []string
	if l.Loss < lossFloor {
		all = append(all, fmt.Sprintf("a loss of %.3g %% is planned for as %.3g %%: no link loses nothing, and a receiver drops a packet when its CPU is busy elsewhere", 100*l.Loss, 100*lossFloor))
	}
	some := func(one Link) bool { return one.packets(l.Burst) < float64(batchOctets/l.WireSize) }
	if l.WireSize > 0 && slices.ContainsFunc(l.each(), some) {
		all = append(all, fmt.Sprintf("%d packets in a row may be lost whatever the outages: machines pass on batches of 64 KiB, and a full queue drops a whole one", batchOctets/l.WireSize))
	}
	if l.Burst > 0 && l.BurstEvery == 0 {
		all = append(all, "outages are rare: at most one while a group of blocks, or the copies of a small object, pass")
	}
	return all
}

// sooner is the time from outage to outage when the next comes early.
func (l Link) sooner() time.Duration { return time.Duration(punctual * float64(l.BurstEvery)) }

// packets is how many packets the link carries in a time, as a real number.
func (l Link) packets(t time.Duration) float64 {
	return t.Seconds() * float64(l.Rate) / float64(8*l.WireSize)
}

// time is how long the link takes for a number of packets; 0 when the rate is not known.
func (l Link) time(packets float64) time.Duration {
	if l.Rate == 0 {
		return 0
	}
	return time.Duration(min(packets*float64(8*l.WireSize)/float64(l.Rate)*1e9, math.MaxInt64/4))
}

// hits is the most symbols that outages can take from one block of a group: the group has
// span packets in all, and every block comes once in depth packets.
//
// Outages that touch the span start in a stretch of span+burst-1 packets, so there are at
// most floor((span+burst-2)/period)+1 of them. Each counts in full, ceil(burst/depth),
// also the first and last, of which the group may see only an end. Where no outage is stated, one batch may be lost.
//
// Several links have outages of their own, each in its part of the span (the shares of depth+1
// blocks are rounded up at most once each); of the links that stay the worst count.
func (d *demand) hits(depth int, span uint64) int {
	if len(d.paths) == 0 {
		return d.taken(path{burst: uint64(d.burst), period: uint64(d.period)}, depth, span)
	}
	all := make([]int, len(d.paths))
	for i, p := range d.paths {
		part := product{}.add(span, p.rate)
		share, _ := bits.Div64(part.high, part.low, d.link.Rate)
		all[i] = d.taken(p, depth, share+uint64(depth)+1)
	}
	slices.Sort(all)
	sum := 0
	for _, n := range all[d.link.Survive:] {
		sum = min(sum+n, math.MaxInt32)
	}
	return sum
}

// taken is hits of one link.
func (d *demand) taken(p path, depth int, span uint64) int {
	ceil := func(packets int) int { return (packets + depth - 1) / depth }
	outages := uint64(1)
	if p.period > 0 {
		outages = (span+p.burst-2)/p.period + 1
	}
	stated := min(outages*uint64(ceil(int(p.burst))), math.MaxInt32)
	return max(int(stated), ceil(d.batch))
}
