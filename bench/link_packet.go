package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"pawl/hw/link"
)

// LinkStep is one step of a link run: so many datagrams of one size at one rate.
type LinkStep struct {
	Size   int         // octets of a datagram, MinLinkSize to MaxLinkSize
	Burst  int         // datagrams handed over at a time, 1 to MaxLinkBurst
	Method link.Method // of sending: Plain, MMsg or GSO
	Rate   uint64      // bit/s on the wire, to MaxLinkRate; 0: as fast as it goes
	Count  int         // datagrams, 1 to MaxLinkCount
	Seed   uint64      // of their content
}

// Limits of a step and a run: what a receiver believes of a stranger.
const (
	MinLinkSize  = linkHeaderSize + linkSumSize
	MaxLinkSize  = 65487 // fits IPv4 and IPv6
	MaxLinkBurst = 1024
	MaxLinkRate  = 1_000_000_000_000
	MaxLinkCount = 1 << 30
	MaxLinkSteps = 1024
)

// linkKind is the kind of a bench packet.
type linkKind uint8

const (
	linkPlan  linkKind = 1 // what a step will be
	linkProbe linkKind = 2 // a datagram of a step
	linkDone  linkKind = 3 // what a step was
	linkEnd   linkKind = 4 // what a step was; the run is over
)

const (
	linkHeaderSize = 64
	linkSumSize    = 8
	linkVersion    = 1
	// maxLinkTime keeps nanoseconds from the wire far from overflowing: 36 years.
	maxLinkTime = time.Duration(1) << 60
)

// linkMagic begins every bench packet; no packet of Pawl's own does ("PW").
var linkMagic = [4]byte{'P', 'A', 'W', 'B'}

// linkPacket is the header of a bench packet; docs/bench.md has the layout.
type linkPacket struct {
	kind        linkKind
	steps, step int
	plan        LinkStep // of the step, in every packet
	run         uint64   // random, not 0
	number      int      // of a probe: from 0; done, end: datagrams that the kernel took
	clock       time.Duration
	cpu         time.Duration // done, end: what sending took
	used        link.Method   // done, end: the method in use at the end of the step
}

// Errors of linkPacket.parse.
var (
	errLinkForeign = errors.New("not a bench packet")
	errLinkDamaged = errors.New("damaged bench packet")
	errLinkField   = errors.New("impossible bench packet")
)

// linkMethods are the methods of sending by their number in packets, less 1.
var linkMethods = []link.Method{link.Plain, link.MMsg, link.GSO}

// size is the length of the datagram that carries p.
func (p *linkPacket) size() int {
	if p.kind == linkProbe {
		return p.plan.Size
	}
	return MinLinkSize
}

// put writes p into its datagram: the header and the checksum around the body that is there.
func (p *linkPacket) put(datagram []byte) {
	b := binary.BigEndian
	copy(datagram, linkMagic[:])
	datagram[4], datagram[5] = linkVersion, byte(p.kind)
	b.PutUint16(datagram[6:], uint16(p.steps))
	b.PutUint16(datagram[8:], uint16(p.step))
	b.PutUint16(datagram[10:], uint16(p.plan.Size))
	b.PutUint16(datagram[12:], uint16(p.plan.Burst))
	datagram[14], datagram[15] = methodNumber(p.plan.Method), methodNumber(p.used)
	b.PutUint64(datagram[16:], p.run)
	b.PutUint64(datagram[24:], p.plan.Seed)
	b.PutUint64(datagram[32:], p.plan.Rate)
	b.PutUint32(datagram[40:], uint32(p.plan.Count))
	b.PutUint32(datagram[44:], uint32(p.number))
	b.PutUint64(datagram[48:], uint64(p.clock))
	b.PutUint64(datagram[56:], uint64(p.cpu))
	end := len(datagram) - linkSumSize
	b.PutUint64(datagram[end:], xxhash.Sum64(datagram[:end]))
}

func methodNumber(m link.Method) byte { return byte(slices.Index(linkMethods, m) + 1) }

// parse reads a whole datagram into p. What it accepts, put writes again to the same bytes.
// The errors are errLinkForeign, errLinkDamaged and errLinkField as they stand; nothing is
// allocated, but for a bad step's words in Check.
func (p *linkPacket) parse(datagram []byte) error {
	if len(datagram) < MinLinkSize || [4]byte(datagram) != linkMagic || datagram[4] != linkVersion {
		return errLinkForeign
	}
	b := binary.BigEndian
	end := len(datagram) - linkSumSize
	if b.Uint64(datagram[end:]) != xxhash.Sum64(datagram[:end]) {
		return errLinkDamaged
	}
	method, used := int(datagram[14]), int(datagram[15])
	if method < 1 || method > len(linkMethods) || used > len(linkMethods) {
		return errLinkField
	}
	*p = linkPacket{
		kind: linkKind(datagram[5]), steps: int(b.Uint16(datagram[6:])), step: int(b.Uint16(datagram[8:])),
		plan: LinkStep{
			Size: int(b.Uint16(datagram[10:])), Burst: int(b.Uint16(datagram[12:])), Method: linkMethods[method-1],
			Rate: b.Uint64(datagram[32:]), Count: int(b.Uint32(datagram[40:])), Seed: b.Uint64(datagram[24:]),
		},
		run: b.Uint64(datagram[16:]), number: int(b.Uint32(datagram[44:])),
		clock: time.Duration(b.Uint64(datagram[48:])), cpu: time.Duration(b.Uint64(datagram[56:])),
	}
	if used > 0 {
		p.used = linkMethods[used-1]
	}
	if p.check() != nil || p.size() != len(datagram) {
		return errLinkField
	}
	return nil
}

// check holds p against the limits and says which fields a kind does not have.
func (p *linkPacket) check() error {
	within := p.steps >= 1 && p.steps <= MaxLinkSteps && p.step < p.steps && p.run != 0 &&
		p.clock >= 0 && p.clock < maxLinkTime && p.cpu >= 0 && p.cpu < maxLinkTime
	if !within || p.plan.Check() != nil {
		return errLinkField
	}
	var ok bool
	switch p.kind {
	case linkPlan:
		ok = p.number == 0 && p.clock == 0 && p.cpu == 0 && p.used == ""
	case linkProbe:
		ok = p.number < p.plan.Count && p.cpu == 0 && p.used == ""
	case linkDone, linkEnd:
		ok = p.number <= p.plan.Count && p.used != ""
	}
	if !ok {
		return errLinkField
	}
	return nil
}

// Check says what makes a step impossible.
func (s LinkStep) Check() error {
	switch {
	case s.Size < MinLinkSize || s.Size > MaxLinkSize:
		return fmt.Errorf("datagrams of %d octets: %d to %d are possible", s.Size, MinLinkSize, MaxLinkSize)
	case s.Burst < 1 || s.Burst > MaxLinkBurst:
		return fmt.Errorf("bursts of %d datagrams: 1 to %d are possible", s.Burst, MaxLinkBurst)
	case !slices.Contains(linkMethods, s.Method):
		return fmt.Errorf("method %q: %v are possible", s.Method, linkMethods)
	case s.Rate > MaxLinkRate:
		return fmt.Errorf("%d bit/s: at most %d are possible", s.Rate, uint64(MaxLinkRate))
	case s.Count < 1 || s.Count > MaxLinkCount:
		return fmt.Errorf("%d datagrams: 1 to %d are possible; change the rate or the duration", s.Count, MaxLinkCount)
	}
	return nil
}
