package sender

import (
	"cmp"
	"encoding/hex"
	"math"
	"slices"
	"time"

	"pawl/framing"
)

// maxVersion is what a beat can carry of the program's version, in octets.
const maxVersion = 64

// million is the unit of a beat's loss.
const million = 1_000_000

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
	flights, held := s.schedule.list(framing.MaxFlights)
	b := framing.Beat{
		Clock: now.UnixMilli(), Uptime: max(now.Sub(s.started), 0),
		Queue: uint64(held.transfers), QueueBytes: held.size,
		Packets: packets, Bytes: s.counters.content.Load(),
		Sent: s.counters.sent.Load(), Aborted: s.counters.aborted.Load(),
		Rate: s.cfg.Forecast.Rate, Config: s.cfg.Digest, Version: shortText(s.cfg.Version, maxVersion),
	}
	if !held.oldest.IsZero() {
		b.Oldest = max(now.Sub(held.oldest), 0)
	}
	s.entrust(&b, now)
	for _, f := range flights {
		b.Flights = append(b.Flights, f.beat())
	}
	b.Flights = append(b.Flights, s.schedule.finished(b.Flights)...)
	return b
}

// finished are the transfers that finished last, as many as there is room for behind flights, without those of them that are
// under way again.
func (s *schedule) finished(flights []framing.Flight) (over []framing.Flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range slices.Backward(s.over) {
		again := slices.ContainsFunc(flights, func(g framing.Flight) bool { return g.Channel == f.Channel && g.Transfer == f.Transfer })
		if !again && len(flights)+len(over) < framing.MaxFlights {
			over = append(over, f)
		}
	}
	return over
}

// entrust enters what the high side can't find out by itself: what is planned for, what went wrong.
func (s *Sender) entrust(b *framing.Beat, now time.Time) {
	b.Refused, b.Room = s.counters.refusal.Load(), s.room.free.Load()
	b.Loss, b.Burst = uint32(math.Round(s.cfg.Forecast.Loss*million)), s.cfg.Forecast.Burst
	s.cfg.Audit.beat(b)
	if f := s.faults.get(); f.Text != "" {
		b.Fault, b.FaultAge = f.Text, max(now.Sub(f.When), 0)
	}
}

// Status is what the daemon says of itself now. It may be called from any goroutine.
func (s *Sender) Status() Status {
	flights, held := s.schedule.list(statusTransfers)
	c := &s.counters
	st := Status{
		Version: s.cfg.Version, Started: s.started, Seal: s.cfg.Seal.String(), Warning: s.warning(),
		Rate: s.cfg.Forecast.Rate, RateNow: s.gauge.rate.Load(), Bytes: c.content.Load(),
		Sent: c.sent.Load(), Aborted: c.aborted.Load(), Refused: c.refusal.Load(),
		Queue: held.transfers, QueueSize: held.size, Oldest: held.oldest, Transfers: []TransferStatus{},
	}
	st.Loss, st.BurstMS = s.cfg.Forecast.Loss, s.cfg.Forecast.Burst.Milliseconds()
	st.Config, st.Room, st.Clock = hex.EncodeToString(s.cfg.Digest[:]), s.room.free.Load(), time.Now()
	if f := s.faults.get(); f.Text != "" {
		st.Fault = &f
	}
	st.Audit = s.cfg.Audit.status()
	st.addLinks(s.lines)
	for _, ch := range s.channels {
		st.Channels = append(st.Channels, s.channelStatus(ch, time.Now()))
	}
	for _, f := range flights {
		st.Transfers = append(st.Transfers, f.status())
	}
	for _, o := range s.outboxes {
		st.Intake = append(st.Intake, o.status())
	}
	return st
}

// held is what the daemon holds: the transfers that are not finished.
type held struct {
	transfers int
	size      uint64    // octets of their content together
	oldest    time.Time // when the one was claimed that waits longest; zero: none waits
}

// list returns what is held and the first most of the transfers: those under way, then those waiting, then the oldest. The
// queue may be long and the line waits for this, so it is looked through, not sorted.
func (s *schedule) list(most int) (first []*flight, all held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all.transfers = len(s.flights)
	created := int64(math.MaxInt64)
	for f := range s.flights {
		all.size += f.rec.Content
		created = min(created, f.rec.Created)
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
	if all.transfers > 0 {
		all.oldest = time.Unix(created, 0)
	}
	return first, all
}

// before is the order of list.
func before(a, b *flight) bool {
	return cmp.Or(cmp.Compare(a.urgency(), b.urgency()), cmp.Compare(a.rec.Transfer, b.rec.Transfer)) < 0
}

// urgency is 0 for a transfer under way, 1 for one that waits, 2 for the others.
func (f *flight) urgency() int {
	switch f.shown().State {
	case StateSending, StateAborting:
		return 0
	case StateWaiting:
		return 1
	}
	return 2
}
