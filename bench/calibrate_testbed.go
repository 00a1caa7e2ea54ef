package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"pawl/framing"
	"pawl/hw/link"
	"pawl/hw/testbed"
)

// CalibrateListen is where the receiving half listens, and how.
type CalibrateListen struct {
	Listen        string // address:port
	MTU           int    // the largest of the sweep; 0 is 9000
	ReceiveBuffer int    // octets; 0 leaves the system's default
	Wait, Idle    time.Duration
}

// Open opens the receiving end. Calling Receive with it is left to the caller.
func (l CalibrateListen) Open() (*link.Reader, error) {
	if l.MTU == 0 {
		l.MTU = 9000
	}
	ipv6, err := l.ipv6()
	if err != nil {
		return nil, err
	}
	t, err := framing.SymbolSize(l.MTU, ipv6)
	if err != nil {
		return nil, err
	}
	return link.Listen(link.ReaderConfig{Listen: l.Listen, DatagramSize: t + framing.Overhead, ReceiveBuffer: l.ReceiveBuffer})
}

func (l CalibrateListen) ipv6() (bool, error) {
	at, err := netip.ParseAddrPort(l.Listen)
	if err != nil {
		return false, fmt.Errorf("listen on %q: %w: write address:port, as in \"10.9.0.2:4600\"", l.Listen, err)
	}
	return !at.Addr().Unmap().Is4(), nil
}

// Run listens, receives one run and returns what was seen. listening, if not nil, hears the address once packets can
// come. When ctx ends before the run does, so does Run, with the context's cause.
func (l CalibrateListen) Run(ctx context.Context, listening func(netip.AddrPort), progress func(done, total int, line string)) (*Calibration, error) {
	reader, err := l.Open()
	if err != nil {
		return nil, err
	}
	if listening != nil {
		listening(reader.LocalAddr())
	}
	ipv6, err := l.ipv6()
	if err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	return receiveFrom(ctx, reader, l, ipv6, progress)
}

// receiveFrom is Receive with a reader that ends with ctx.
func receiveFrom(ctx context.Context, reader *link.Reader, l CalibrateListen, ipv6 bool, progress func(done, total int, line string)) (*Calibration, error) {
	stop := context.AfterFunc(ctx, func() { _ = reader.Close() })
	c, err := Receive(reader, ipv6, l.Wait, l.Idle, progress)
	if !stop() {
		return nil, context.Cause(ctx)
	}
	if c != nil {
		c.Drops = reader.KernelDrops()
	}
	return c, errors.Join(err, reader.Close())
}

// OnTestbed plays the sweep over a testbed of this machine with a loss; it needs root. Both halves run here, so the
// machine's own limits show.
func (s CalibrateScenario) OnTestbed(ctx context.Context, loss testbed.Loss, progress func(done, total int, line string)) (c *Calibration, err error) {
	steps, err := s.Steps()
	if err != nil {
		return nil, err
	}
	bed, err := testbed.Up(testbed.Config{MTU: slices.Max(s.MTUs), Loss: loss})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bed.Down()) }()
	at := netip.AddrPortFrom(bed.Address(testbed.High, 0), 4600)
	listen := CalibrateListen{Listen: at.String(), MTU: slices.Max(s.MTUs), ReceiveBuffer: 32 << 20, Wait: time.Minute, Idle: 10 * time.Second}
	var reader *link.Reader
	if err := bed.Do(testbed.High, func() (err error) { reader, err = listen.Open(); return err }); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sent := make(chan error, 1)
	go func() {
		send := LinkSend{Remote: at.String(), Steps: steps}
		err := bed.Do(testbed.Low, func() error { return send.Run(ctx, func(int, int, string) {}) })
		if err != nil {
			cancel(err)
		}
		sent <- err
	}()
	c, err = receiveFrom(ctx, reader, listen, false, progress)
	if err != nil {
		cancel(err)
	}
	return c, errors.Join(err, <-sent)
}
