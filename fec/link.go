package fec

import (
	"errors"
	"fmt"
	"math"
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
}

// demand is a Link and a length in the planner's units: packets and symbols.
type demand struct {
	loss    float64 // with the floor
	burst   int     // packets an outage takes; 0 for none
	period  int     // packets from outage to outage, if the next comes early; 0 for rare
	batch   int     // packets of the batch that may go at once
	target  float64 // failure probability of this object
	memory  uint64
	symbols uint64 // source symbols of the object
	link    Link
}

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
	if l.Burst > 0 {
		burst := math.Ceil(l.packets(l.Burst)) + 1 // a packet is cut at either edge
		if burst > math.MaxInt32 {
			return bad("a burst of %v is %.0f packets", l.Burst, burst)
		}
		d.burst = int(burst)
		d.period = int(min(l.packets(l.sooner()), math.MaxInt32))
		if l.BurstEvery > 0 && d.period <= d.burst {
			return bad("bursts of %v every %v leave nothing when one comes early", l.Burst, l.BurstEvery)
		}
	}
	return d, nil
}

// Assumptions says in words what the planner puts under what was stated, and why; empty
// for a link whose statement needs nothing. The sentences are for people.
func (l Link) Assumptions() []string {
	var all []string
	if l.Loss < lossFloor {
		all = append(all, fmt.Sprintf("a loss of %.3g %% is planned for as %.3g %%: no link loses nothing, and a receiver drops a packet when its CPU is busy elsewhere", 100*l.Loss, 100*lossFloor))
	}
	if l.WireSize > 0 && l.packets(l.Burst) < float64(batchOctets/l.WireSize) {
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
func (d *demand) hits(depth int, span uint64) int {
	ceil := func(packets int) int { return (packets + depth - 1) / depth }
	outages := uint64(1)
	if d.period > 0 {
		outages = (span+uint64(d.burst)-2)/uint64(d.period) + 1
	}
	stated := min(outages*uint64(ceil(d.burst)), math.MaxInt32)
	return max(int(stated), ceil(d.batch))
}
