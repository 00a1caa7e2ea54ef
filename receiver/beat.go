package receiver

import (
	"time"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

// takeBeat books a beat: what the sender says it is doing. Only one newer than the last of its session counts; what it says
// is shown to people, and tells which transfers will get more packets. It opens nothing.
func (r *Receiver) takeBeat(s *session, h *framing.Header, datagram []byte, now time.Time) Column {
	if s.opener.Open(r.scratch, datagram, h) != nil {
		return RejectedAuth
	}
	s.heard(h, now)
	beat, err := framing.ParseBeat(r.scratch)
	if err != nil {
		return RejectedMessage
	}
	if r.beat != nil && (r.beatSession == s && h.Packet <= r.beatPacket || r.beatSession != s && overtaken(&beat, r.beat)) {
		return Duplicate
	}
	r.beat, r.beatSession, r.beatPacket, r.beatHeard = &beat, s, h.Packet, now
	r.low.hear(&beat, now)
	for _, f := range beat.Flights {
		t := r.transfers[quarantine.ID{Channel: f.Channel, Transfer: f.Transfer}]
		if t == nil {
			continue
		}
		t.movedOn = f.State == framing.FlightFinished
		if !t.movedOn {
			t.announced = now
		}
	}
	return Control
}

// overtaken says whether a beat is of the same run of the sender as another and older. Beats come by all links, and one that was
// held up on the slowest must not take the place of what was said since. A run is known by when it began: a low side that sets
// its clock begins a new one for us, which is believed.
func overtaken(b, last *framing.Beat) bool {
	const same = 2 * time.Second // of rounding, and of a clock that is being disciplined
	began, lastBegan := b.Clock-b.Uptime.Milliseconds(), last.Clock-last.Uptime.Milliseconds()
	return b.Uptime < last.Uptime && uint64(max(began, lastBegan))-uint64(min(began, lastBegan)) < uint64(same.Milliseconds())
}
