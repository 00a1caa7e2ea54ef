package sender

import (
	"fmt"
	"time"

	"pawl/fec"
	"pawl/framing/seal"
)

// Times of the link's own packets.
const (
	// beatEvery is how often a beat is sent.
	beatEvery = time.Second
	// announceEvery is how often the session is announced: a receiver that was started late or again hears nothing
	// before. One packet in 100 ms is 0.01 % of 1 Gbit/s; docs/decisions/0007.
	announceEvery = 100 * time.Millisecond
	// announceShare is the most that announcements take of a slow link, one packet in so many, as long as there is one
	// a second.
	announceShare = 50
	// announceNext is how long the next session is announced before it is used: longer than any outage that is
	// planned for.
	announceNext = 5 * time.Second
	// announcements is how often a session is announced before its first symbol: at 20 %
	// loss one start in three thousand is not heard before its first repetition.
	announcements = 5
	// startSpread is the least time the first announcements are spread over: a link that
	// just came up loses its first packets for some milliseconds (neighbour entries, ring
	// start-up). Twice the stated burst, if that is longer.
	startSpread = 50 * time.Millisecond
)

// Defaults of rotation.
const (
	// DefaultRotateEvery is how long a session is used.
	DefaultRotateEvery = time.Hour
	// DefaultRotatePackets is how many packets a session is used for before the next one is
	// announced. The eighth that is left lasts minutes at 10 Gbit/s; the announcements need
	// five seconds.
	DefaultRotatePackets = seal.MaxPackets - seal.MaxPackets/8
)

// packetTime is how long a packet takes on a link, at least a nanosecond.
func packetTime(rate uint64, wire int) time.Duration {
	return max(time.Duration(float64(8*wire)/float64(rate)*float64(time.Second)), 1)
}

// announcePause is the time between two announcements on a link, by the time of its packets.
func announcePause(packet time.Duration) time.Duration {
	return max(announceEvery, min(announceShare*packet, beatEvery))
}

// leftRate is what announcements and beats leave of the links, in octets on the wire a second.
func leftRate(f fec.Link) float64 {
	rates := f.Rates
	if len(rates) == 0 {
		rates = []uint64{f.Rate}
	}
	var left float64
	for _, r := range rates {
		packet := packetTime(r, f.WireSize)
		busy := packet.Seconds()/announcePause(packet).Seconds() + packet.Seconds()/beatEvery.Seconds()
		left += float64(r) / 8 * max(1-busy, 0.01) // a link of nothing but these would never end
	}
	return left
}

// session is one key of the link and the packets sealed with it.
type session struct {
	sealer    *seal.Sealer
	opened    time.Time
	packets   uint64 // packet number of the next packet
	announced int
}

// sessions keeps the session in use and, for the time of its announcements, the next one.
//
// Rotation: when the session is due by time or packets, the next is opened and announced
// beside it, in packets of its own; after five seconds and five announcements it is in use.
type sessions struct {
	open          func(number uint64) (*seal.Sealer, error)
	numbers       *counter
	rotateEvery   time.Duration
	rotatePackets uint64

	current, next *session
}

// start opens the first session.
func (s *sessions) start(now time.Time) (err error) {
	s.current, err = s.make(now)
	return err
}

// make opens a session whose number was never used and never will be again.
func (s *sessions) make(now time.Time) (*session, error) {
	number, err := s.numbers.take(uint64(max(now.UnixMilli(), 1)))
	if err != nil {
		return nil, fmt.Errorf("open session: %w", err)
	}
	sealer, err := s.open(number)
	if err != nil {
		return nil, fmt.Errorf("open session %d: %w", number, err)
	}
	return &session{sealer: sealer, opened: now}, nil
}

// rotate is called before each announcement: it opens the next session or goes over to it.
func (s *sessions) rotate(now time.Time) (err error) {
	switch {
	case s.next == nil:
		if now.Sub(s.current.opened) >= s.rotateEvery || s.current.packets >= s.rotatePackets {
			s.next, err = s.make(now)
		}
	case s.next.announced >= announcements && now.Sub(s.next.opened) >= announceNext:
		s.current, s.next = s.next, nil
		s.current.opened = now
	}
	return err
}
