package bench

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
)

// relay stands for the diode where there is no right to make one: it passes datagrams from
// one loopback address to another, loses some by a seed, and never sends anything back.
type relay struct {
	in   *net.UDPConn // is only read
	out  *net.UDPConn // is only written
	loss float64
	foul *fouling // nil: nothing is added
	done chan error

	passed, lost, refused atomic.Uint64 // datagrams; refused: the kernel did not take them
}

// startRelay passes what comes to a new loopback address on to the given one, and adds foul's packets if there are any.
func startRelay(to netip.AddrPort, loss float64, foul *fouling, seed uint64) (*relay, error) {
	in, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	out, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	// As large as the system allows; what the relay itself drops is a loss like any other.
	_ = in.SetReadBuffer(8 << 20)
	r := &relay{in: in, out: out, loss: loss, foul: foul, done: make(chan error, 1)}
	go func() { r.done <- r.run(rand.New(rand.NewPCG(seed, 0))) }()
	return r, nil
}

func (r *relay) run(random *rand.Rand) error {
	buf := make([]byte, 65536)
	for {
		n, err := r.in.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if random.Float64() < r.loss {
			r.lost.Add(1)
			continue
		}
		if _, err := r.out.Write(buf[:n]); err != nil {
			r.refused.Add(1) // nobody listens yet: as a wire into an unplugged socket
			continue
		}
		r.passed.Add(1)
		if r.foul != nil {
			r.foul.follow(buf[:n], r.out, random)
		}
	}
}

// address is where the relay takes datagrams.
func (r *relay) address() netip.AddrPort { return r.in.LocalAddr().(*net.UDPAddr).AddrPort() }

// Close stops the relay.
func (r *relay) Close() error {
	return errors.Join(r.in.Close(), <-r.done, r.out.Close())
}

// freePort is a loopback address that was free a moment ago.
func freePort() (netip.AddrPort, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return netip.AddrPort{}, err
	}
	return conn.LocalAddr().(*net.UDPAddr).AddrPort(), conn.Close()
}
