package bench

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strconv"
	"time"

	"pawl/hw/link"
)

// LinkReceive is the high half of the link scenario: it listens to one run and says what
// became of it. All it knows comes from the packets.
type LinkReceive struct {
	Listen        string // as link.ReaderConfig
	Size          int    // octets of the largest datagram; 0 is 8972, of MTU 9000
	Method        link.Method
	ReceiveBuffer int           // octets; 0 is 32 MiB
	Idle          time.Duration // end when nothing came for so long after something did; 0 is 10 s
}

// ErrSilence says that no packet of a run came.
var ErrSilence = errors.New("no bench packet came: is pawl-bench link send running, with this address as --remote, and is a static neighbour entry set?")

const (
	// linkTick is how often the receiver looks at its clock when nothing comes.
	linkTick = 50 * time.Millisecond
	// linkQuiet is the silence after the end of a run that ends the receiver, longer than linkGap.
	linkQuiet = 300 * time.Millisecond
)

// linkReceiver is a LinkReceive under way.
type linkReceiver struct {
	*LinkReceive
	reader  *link.Reader
	account *linkAccount
	begun   time.Time
	heard   time.Duration // since begun, when a packet of the run came last
}

// Run listens until the run is over, nothing comes any more, or ctx ends, and returns what it
// heard so far; with nothing at all the error is an ErrSilence. ready hears the address once
// packets can come.
func (s LinkReceive) Run(ctx context.Context, version string, ready func(at netip.AddrPort)) (result *Result, err error) {
	if s.Size == 0 {
		s.Size = 8972
	}
	if s.ReceiveBuffer == 0 {
		s.ReceiveBuffer = 32 << 20
	}
	if s.Idle == 0 {
		s.Idle = 10 * time.Second
	}
	if result, err = NewResult(version, KindLink); err != nil {
		return nil, err
	}
	p := &linkReceiver{LinkReceive: &s, account: newLinkAccount(), begun: time.Now()}
	p.reader, err = link.Listen(link.ReaderConfig{Listen: s.Listen, DatagramSize: s.Size, ReceiveBuffer: s.ReceiveBuffer, Method: s.Method})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.reader.Close()) }()
	ready(p.reader.LocalAddr())
	if err := p.listen(ctx); err != nil {
		return nil, err
	}
	if err := p.account.settle(p.read); err != nil {
		return nil, err
	}
	if p.account.run == 0 {
		return nil, errors.Join(ErrSilence, context.Cause(ctx))
	}
	p.account.describe(result)
	buffer := p.reader.ReceiveBuffer()
	result.Settings["receive method"] = p.reader.Method()
	result.Settings["receive buffer"] = strconv.Itoa(buffer.Granted)
	if remedy := buffer.Remedy(); remedy != "" {
		result.Settings["receive buffer short"] = remedy
	}
	result.Rows = p.account.rows(!p.reader.LocalAddr().Addr().Unmap().Is4())
	return result, nil
}

// read asks the machine for its counters.
func (p *linkReceiver) read() (meter, error) {
	cpu, err := cpuTime()
	return meter{cpu: cpu, drops: p.reader.KernelDrops()}, err
}

// listen hears packets until the run is over.
func (p *linkReceiver) listen(ctx context.Context) error {
	var packet linkPacket
	for !p.over() && ctx.Err() == nil {
		if err := p.reader.SetDeadline(time.Now().Add(linkTick)); err != nil {
			return err
		}
		for { // until the deadline: setting one costs more than a Read
			datagrams, err := p.reader.Read()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return err
			}
			at := time.Since(p.begun)
			strangers := p.account.foreign
			for _, datagram := range datagrams {
				if err := p.account.hear(&packet, datagram, at, p.read); err != nil {
					return err
				}
			}
			if p.account.foreign-strangers < uint64(len(datagrams)) {
				p.heard = at
			}
		}
	}
	return nil
}

// over says whether there is nothing more to hear.
func (p *linkReceiver) over() bool {
	silent := time.Since(p.begun) - p.heard
	return p.account.run != 0 && (p.account.ended && silent >= linkQuiet || silent >= p.Idle)
}
