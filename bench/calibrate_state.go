package bench

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"pawl/fec"
	"pawl/framing"
	"pawl/hw/link"
)

// How far the statement stands from what was measured; docs/calibrate.md gives the reasons.
const (
	// longerOutage: an outage may be half as long again as the longest one seen.
	longerOutage = 1.5

	// usualSlack and usualFactor: a rate is one that the link carries if in half of its time it loses no more than 0.1 %
	// and twice the least that any rate loses, give or take two packets.
	usualSlack, usualFactor = 0.001, 2

	// mostNear is how many outages in a row are looked at together: a group of blocks that meets more has no plan.
	mostNear = 512

	// worthWaiting is the overhead that a longer outage must save: the copies of a small object wait for it.
	worthWaiting = 0.01

	// planned is the object whose overhead decides between statements that both cover what was seen.
	planned = 1 << 30
)

// Statement is what a sender should be told of a link.
type Statement struct {
	Rate       uint64        // bit/s: the highest that the link carries
	MTU        int           // the largest that arrives
	Loss       float64       // probability of a loss by itself, upper bound
	Burst      time.Duration // longest outage; 0 if none was seen
	BurstEvery time.Duration // from outage to outage; 0 if none was seen
	Packets    uint64        // that it is taken from
	Took       time.Duration // that it is taken from
	Outages    uint64        // that were seen
	Longest    time.Duration // outage seen
	NoPlan     string        // why the planner has no plan for 1 GiB on this link, "" if it has
}

// ErrNothing says that a calibration saw too little to state anything.
var ErrNothing = errors.New("nothing to state")

// state says what a sender should be told, from all that was seen.
func state(all []*seen, ipv6 bool) (Statement, error) {
	used, err := carried(all)
	if err != nil {
		return Statement{}, err
	}
	out := Statement{MTU: mtuOf(used[0].step.Size, ipv6)}
	var chance uint64
	var weather [][]lossRun
	for _, s := range used {
		byChance, outages := s.split()
		inOutages := s.lost() - s.warmUp - byChance
		chance += byChance
		out.Rate = max(out.Rate, s.step.Rate)
		out.Packets += s.counted() - inOutages
		out.Took += s.took
		out.Outages += uint64(len(outages))
		weather = append(weather, outages)
		out.Loss = max(out.Loss, float64(byChance)/float64(max(s.counted()-inOutages, 1)))
		for _, o := range outages {
			out.Longest = max(out.Longest, o.length)
		}
	}
	out.Loss = roundUp(max(out.Loss, lossBound(chance, out.Packets)))
	out.cover(weather, ipv6)
	return out, nil
}

// carried are the steps that the statement is taken from: of the largest datagrams that arrive, those at the rates
// that the link carries, up to the first that it does not.
func carried(all []*seen) ([]*seen, error) {
	size := 0
	for _, s := range all {
		if s.usualLoss() < 0.5 {
			size = max(size, s.step.Size)
		}
	}
	if size == 0 {
		return nil, fmt.Errorf("%w: of no step half of the packets arrived: is the link up, and does it carry the lowest rate?", ErrNothing)
	}
	usual := map[uint64]float64{} // by rate, of the worst step
	grain := 0.0                  // share of one packet in a slot: what chance moves a median by
	for _, s := range all {
		if s.step.Size == size {
			usual[s.step.Rate] = max(usual[s.step.Rate], s.usualLoss())
			grain = max(grain, 1/float64(max(s.slotSize(0), 1)))
		}
	}
	least := 1.0
	for _, loss := range usual {
		least = min(least, loss)
	}
	highest := uint64(0)
	for _, rate := range sortedRates(usual) {
		if usual[rate] > usualSlack+usualFactor*least+2*grain {
			break
		}
		highest = rate
	}
	var used []*seen
	for _, s := range all {
		if s.step.Size == size && s.step.Rate <= highest {
			used = append(used, s)
		}
	}
	if len(used) == 0 {
		return nil, fmt.Errorf("%w: the lowest rate loses more than higher ones: the link changed while it was measured", ErrNothing)
	}
	return used, nil
}

func sortedRates(by map[uint64]float64) []uint64 {
	rates := make([]uint64, 0, len(by))
	for rate := range by {
		rates = append(rates, rate)
	}
	slices.Sort(rates)
	return rates
}

// mtuOf is the MTU whose datagrams have this many octets.
func mtuOf(datagram int, ipv6 bool) int {
	const udp, ip4, ip6 = 8, 20, 40
	if ipv6 {
		return datagram + udp + ip6
	}
	return datagram + udp + ip4
}

// cover chooses Burst and BurstEvery so that the outages the planner reckons with are, in every stretch of the
// measured time, at least those that were there. Longer outages that come less often may cover the same: of those
// tried, the pair with the least overhead is taken.
func (s *Statement) cover(weather [][]lossRun, ipv6 bool) {
	forecast := s.forecast(ipv6)
	if s.Outages == 0 {
		if _, err := forecast.Plan(planned); err != nil {
			s.NoPlan = err.Error()
		}
		return
	}
	rarest := float64(s.Took) / countBound(0) // so long none may be seen by chance
	best := math.Inf(1)
	for times := longerOutage; times < 64*longerOutage; times *= 1.5 {
		burst := time.Duration(float64(s.Longest)*times).Truncate(time.Microsecond) + time.Microsecond
		every := time.Duration(min(rarest, apart(weather, burst))).Truncate(time.Microsecond)
		forecast.Burst, forecast.BurstEvery = burst, every
		plan, err := forecast.Plan(planned)
		if s.Burst == 0 {
			s.Burst, s.BurstEvery = burst, every
			if err != nil {
				s.NoPlan = err.Error()
			}
		}
		if err == nil && plan.Overhead < best-worthWaiting {
			best = plan.Overhead
			s.Burst, s.BurstEvery, s.NoPlan = burst, every, ""
		}
	}
}

// forecast is the statement as the planner takes it, without outages.
func (s *Statement) forecast(ipv6 bool) fec.Link {
	t, err := framing.SymbolSize(s.MTU, ipv6)
	if err != nil {
		return fec.Link{} // which has no plan and says so
	}
	return fec.Link{
		Loss: s.Loss, Burst: s.Burst, BurstEvery: s.BurstEvery, Rate: s.Rate,
		SymbolSize: t, WireSize: link.WireSize(t+framing.Overhead, ipv6),
	}
}

// apart is the longest time from outage to outage, in nanoseconds, at which outages of a length cover those seen: n
// of them stand for a stretch in which the link was down for up to n times their length. +Inf if one is enough
// everywhere.
func apart(weather [][]lossRun, burst time.Duration) float64 {
	least := math.Inf(1)
	for _, outages := range weather {
		for i, first := range outages {
			down := first.length
			for j := i + 1; j < len(outages) && j < i+mostNear; j++ {
				down += outages[j].length
				if need := (down + burst - 1) / burst; need > 1 {
					least = min(least, float64(outages[j].at-first.at)/float64(need-1))
				}
			}
		}
	}
	return least
}

// roundUp keeps three digits and never less than the value.
func roundUp(p float64) float64 {
	if p <= 0 || p >= 1 {
		return min(max(p, 0), 1)
	}
	exponent := int(math.Floor(math.Log10(p))) - 2
	digits := math.Ceil(p / math.Pow(10, float64(exponent)) * (1 - 1e-12))
	// By way of its text, so that it is the number that people write.
	rounded, err := strconv.ParseFloat(fmt.Sprintf("%.0fe%d", digits, exponent), 64)
	if err != nil {
		panic(err) // of our own form
	}
	return min(rounded, 1)
}
