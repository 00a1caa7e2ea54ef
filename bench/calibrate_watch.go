package bench

import (
	"errors"
	"time"

	"pawl/hw/link"
)

// MaxCalibrateCount is the most packets that a step of a calibration has: a time is kept for each, 32 MiB.
const MaxCalibrateCount = 1 << 22

// watching collects what arrives of a run, one step after another. It believes packets only as far as linkPacket does.
type watching struct {
	ipv6  bool
	run   uint64         // of the first packet that made sense; others are strangers
	plans []*LinkStep    // of the run's steps, as heard
	sent  map[int]uint64 // by step, as the sender counted
	open  [2]*stepWatch  // the step that is under way, and the one before for packets that come late
	done  map[int]*seen  // steps that are over
	ended bool           // the run said so itself

	rounds, first, last int // of announcements: heard so far; the step that was heard of first; and last

	foreign, damaged, strange uint64 // datagrams: no bench packets; with a wrong checksum; of other runs, or that make no sense
}

// stepWatch is one step under way.
type stepWatch struct {
	number int // of the step
	seen
	clock []time.Duration // when each packet was sent, plus 1; 0 while it is missing
	next  uint64          // one more than the highest number so far
}

func newWatching(ipv6 bool) *watching {
	return &watching{ipv6: ipv6, sent: map[int]uint64{}, done: map[int]*seen{}}
}

// take looks at one datagram.
func (w *watching) take(datagram []byte) {
	var p linkPacket
	switch err := p.parse(datagram); {
	case errors.Is(err, errLinkForeign):
		w.foreign++
		return
	case errors.Is(err, errLinkDamaged):
		w.damaged++
		return
	case err != nil || !w.believes(&p):
		w.strange++
		return
	}
	switch p.kind {
	case linkPlan:
		w.announced(p.step)
	case linkProbe:
		if s := w.at(p.step); s != nil {
			s.see(uint64(p.number), p.clock)
		} else {
			w.strange++ // its step is over
		}
	case linkDone, linkEnd:
		w.sent[p.step] = uint64(p.number)
		w.ended = w.ended || p.kind == linkEnd && p.step == p.steps-1
	}
}

// believes says whether a packet is of the run that was heard first, and of the plan of its step.
func (w *watching) believes(p *linkPacket) bool {
	if p.plan.Count > MaxCalibrateCount || p.plan.Rate == 0 {
		return false
	}
	if w.run == 0 {
		w.run, w.plans = p.run, make([]*LinkStep, p.steps)
	}
	if p.run != w.run || p.steps != len(w.plans) {
		return false
	}
	if w.plans[p.step] == nil {
		plan := p.plan
		w.plans[p.step] = &plan
	}
	return *w.plans[p.step] == p.plan
}

// announced counts announcements: each round goes through all steps once.
func (w *watching) announced(step int) {
	switch {
	case w.rounds == 0:
		w.rounds, w.first = 1, step
	case step < w.last:
		w.rounds++
	}
	w.last = step
}

// warmUp is how many announcements were lost before the first that arrived. A receiver that was not there yet looks the same.
func (w *watching) warmUp() uint64 {
	if w.rounds == 0 {
		return 0 // not even one: the steps tell
	}
	return uint64(max(linkRounds-w.rounds, 0)*len(w.plans) + w.first)
}

// at is the step a probe belongs to; the first probe of a later step closes the one before the last. nil if it is over.
func (w *watching) at(step int) *stepWatch {
	for _, s := range w.open {
		if s != nil && s.number == step {
			return s
		}
	}
	if w.open[1] != nil && step < w.open[1].number {
		return nil
	}
	w.close(w.open[0])
	w.open[0] = w.open[1]
	w.open[1] = w.begin(step)
	return w.open[1]
}

func (w *watching) begin(step int) *stepWatch {
	plan := *w.plans[step]
	return &stepWatch{number: step, seen: seen{step: plan, sent: uint64(plan.Count)}, clock: make([]time.Duration, plan.Count)}
}

// see enters a packet.
func (s *stepWatch) see(number uint64, clock time.Duration) {
	if s.clock[number] != 0 {
		s.duplicates++
		return
	}
	s.clock[number] = clock + 1
	s.arrived++
	if number < s.next {
		s.late++
		s.lateMost = max(s.lateMost, s.next-1-number)
		return
	}
	s.next = number + 1
}

// close ends a step: what has not come is lost.
func (w *watching) close(s *stepWatch) {
	if s == nil {
		return
	}
	if sent, told := w.sent[s.number]; told {
		s.sent = max(sent, s.next) // a sender that counted fewer than arrived was wrong
	}
	if s.sent > 0 {
		s.gather(packetTime(s.step, w.ipv6), s.number == 0)
		w.done[s.number] = &s.seen
	}
}

// finish ends all steps and returns those of which anything was heard, in order, and how many were not. A step that was
// announced and of which no packet came is one that lost everything, unless the sender says that it was never sent.
func (w *watching) finish() (all []*seen, unheard int) {
	for i, s := range w.open {
		w.close(s)
		w.open[i] = nil
	}
	for i, plan := range w.plans {
		if plan == nil {
			unheard++
			continue
		}
		if w.done[i] == nil {
			w.close(w.begin(i))
		}
		if s := w.done[i]; s != nil {
			all = append(all, s)
		}
	}
	return all, unheard
}

// packetTime is the time that a packet of a step has on the wire.
func packetTime(s LinkStep, ipv6 bool) time.Duration {
	return time.Duration(float64(link.WireSize(s.Size, ipv6)) * 8e9 / float64(s.Rate))
}

// gather finds the runs of lost packets and their times. A run lasted for the time that its packets have at the rate, or
// longer if the sender's clock says that it was late itself meanwhile: to the safe side. Packets that leave together have
// one time, so that steps with a burst of 1 tell most about outages.
func (s *stepWatch) gather(each time.Duration, first bool) {
	begin, end := time.Duration(-1), time.Duration(0) // of the packets that came
	for n := uint64(0); n < s.sent; {
		if at := s.clock[n]; at != 0 {
			if begin < 0 {
				begin = max(at-1-time.Duration(n)*each, 0)
			}
			end = at - 1
			n++
			continue
		}
		from := n
		for n < s.sent && s.clock[n] == 0 {
			s.slots[s.slotOf(n)]++
			n++
		}
		if from == 0 && first && n < s.sent {
			s.warmUp = n
			continue
		}
		s.runs = append(s.runs, s.lostRun(from, n, each))
	}
	s.took = max(end+each-max(begin, 0), time.Duration(s.sent)*each)
	for i := range s.runs {
		s.runs[i].at = max(s.runs[i].at-max(begin, 0), 0)
	}
}

// lostRun is the run of the packets from to to, that one not included.
func (s *stepWatch) lostRun(from, to uint64, each time.Duration) lossRun {
	r := lossRun{packets: to - from, length: time.Duration(to-from) * each}
	switch {
	case from > 0:
		r.at = s.clock[from-1] - 1 + each
		if to < s.sent {
			r.length = max(r.length, s.clock[to]-s.clock[from-1]-time.Duration(s.step.Burst)*each)
		}
	case to < s.sent:
		r.at = max(s.clock[to]-1-r.length, 0)
	}
	return r
}
