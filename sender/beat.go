package sender

import (
	"cmp"
	"slices"
	"time"

	"pawl/framing"
)

// maxVersion is what a beat can carry of the program's version, in octets.
const maxVersion = 64

// statusTransfers is how many transfers a Status names.
const statusTransfers = 100

// beat says what the sender is doing. Each line calls it once a second.
func (s *Sender) beat() framing.Beat {
	now := time.Now()
	var packets, wire uint64
	for _, l := range s.lines {
		packets += l.counters.packets.Load()
		wire += l.counters.wire.Load()
	}
	s.gauge.take(now, wire)
	flights, queue, size := s.schedule.list(framing.MaxFlights)
	b := framing.Beat{
		Clock: now.UnixMilli(), Uptime: max(now.Sub(s.started), 0),
		Queue: uint64(queue), QueueBytes: size,
		Packets: packets, Bytes: s.counters.content.Load(),
		Sent: s.counters.sent.Load(), Aborted: s.counters.aborted.Load(),
		Rate: s.cfg.Forecast.Rate, Config: s.cfg.Digest, Version: shortVersion(s.cfg.Version),
	}
	for _, f := range flights {
		b.Flights = append(b.Flights, f.beat())
	}
	return b
}

// shortVersion is the version as a beat may carry it: printable ASCII, and not too long.
func shortVersion(v string) string {
	fit := []byte(v[:min(len(v), maxVersion)])
	for i, c := range fit {
		if c < 0x20 || c > 0x7e {
			fit[i] = '?'
		}
	}
	return string(fit)
}

// Status is what the daemon says of itself now. It may be called from any goroutine.
func (s *Sender) Status() Status {
	flights, queue, size := s.schedule.list(statusTransfers)
	c := &s.counters
	st := Status{
		Version: s.cfg.Version, Started: s.started, Seal: s.cfg.Seal.String(), Warning: s.warning(),
		Rate: s.cfg.Forecast.Rate, RateNow: s.gauge.rate.Load(), Bytes: c.content.Load(),
		Sent: c.sent.Load(), Aborted: c.aborted.Load(), Refused: c.refusal.Load(),
		Queue: queue, QueueSize: size, Transfers: []TransferStatus{},
	}
	st.addLinks(s.lines)
	for _, ch := range s.channels {
		st.Channels = append(st.Channels, s.channelStatus(ch, time.Now()))
	}
	for _, f := range flights {
		st.Transfers = append(st.Transfers, f.status())
	}
	return st
}

// list returns how many transfers are not finished, the octets of their content together,
// and the first most of them: those under way, then those waiting, then the oldest. The
// queue may be long and the line waits for this, so it is looked through, not sorted.
func (s *schedule) list(most int) (first []*flight, queue int, size uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f := range s.flights {
		size += f.rec.Content
		at := len(first)
		if at == most && before(first[at-1], f) {
			continue
		}
		for at > 0 && before(f, first[at-1]) {
			at--
		}
		first = slices.Insert(first, at, f)
		first = first[:min(len(first), most)]
	}
	return first, len(s.flights), size
}

// before is the order of list.
func before(a, b *flight) bool {
	return cmp.Or(cmp.Compare(a.urgency(), b.urgency()), cmp.Compare(a.rec.Transfer, b.rec.Transfer)) < 0
}

// urgency is 0 for a transfer under way, 1 for one that waits, 2 for the others.
func (f *flight) urgency() int {
	switch f.state.Load().State {
	case StateSending, StateAborting:
		return 0
	case StateWaiting:
		return 1
	}
	return 2
}
