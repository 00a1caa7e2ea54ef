package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// WriterConfig says where a Writer sends.
type WriterConfig struct {
	Local        string // "address:port" to send from; "" lets the kernel choose
	Remote       string // "address:port" to send to
	DatagramSize int    // octets of every datagram, 1 to 65507 (65487 over IPv6)
	SendBuffer   int    // octets asked for the send buffer; 0 means 1 MiB
	GSO          bool   // Auto may choose GSO; false is the off switch for kernels and NICs that damage it
	Method       Method // force Plain, MMsg or GSO; the zero value is Auto
}

// defaultSendBuffer holds some sixteen sends of 64 KiB. It is not larger because Linux drops
// in silence when more is in flight than the device's queue (1000 packets) takes.
const defaultSendBuffer = 1 << 20

// WriterStats is what a Writer has done. The counters only grow.
type WriterStats struct {
	Method    string // method in use
	Reason    string // why a quicker method is not in use; "" if none was refused
	Datagrams uint64 // datagrams handed to the kernel
	Bytes     uint64 // octets of them, without headers
	Calls     uint64 // times the kernel was asked to send
	Refused   uint64 // ICMP refusals heard (ECONNREFUSED) and ignored
	Waits     uint64 // times a Write had to wait for room (EAGAIN, ENOBUFS)
}

// Writer sends datagrams to one address and cannot receive. Write is for one goroutine; the
// other methods may be called from any.
type Writer struct {
	size   int
	ipv6   bool
	remote netip.AddrPort
	local  netip.AddrPort
	conn   *net.UDPConn // of method Plain
	sock   handle       // the socket, whatever the method: conn, or what it was turned into
	closed atomic.Bool
	tx     transmitter
	forced bool
	buffer Buffer
	limit  time.Duration

	method                                   atomic.Pointer[Method]
	reason                                   atomic.Pointer[string]
	datagrams, bytes, calls, refused, waited atomic.Uint64
}

// handle is a socket as the Go runtime holds it.
type handle interface {
	syscall.Conn
	Close() error
}

// transmitter hands the datagrams at the head of a batch to the kernel. It returns how many
// were taken; an error speaks of the first that was not.
type transmitter interface {
	send(batch []byte) (datagrams int, err error)
}

// Dial opens a Writer. It fails if the address is none, the datagram size impossible
// ([ErrSize]) or a forced method not to be had ([ErrMethod]).
func Dial(cfg WriterConfig) (*Writer, error) {
	remote, err := net.ResolveUDPAddr("udp", cfg.Remote)
	if err != nil {
		return nil, fmt.Errorf("resolve link remote %q: %w", cfg.Remote, err)
	}
	to := unmap(remote.AddrPort())
	if !to.IsValid() || to.Port() == 0 {
		return nil, fmt.Errorf("resolve link remote %q: address and port needed", cfg.Remote)
	}
	w := &Writer{size: cfg.DatagramSize, ipv6: to.Addr().Is6(), remote: to, limit: blockLimit, forced: cfg.Method != Auto}
	network, most := "udp4", maxPayload
	if w.ipv6 {
		network, most = "udp6", maxPayloadV6
	}
	if cfg.DatagramSize < 1 || cfg.DatagramSize > most {
		return nil, fmt.Errorf("%w: %d octets, 1 to %d fit", ErrSize, cfg.DatagramSize, most)
	}
	var local *net.UDPAddr
	if cfg.Local != "" {
		if local, err = net.ResolveUDPAddr(network, cfg.Local); err != nil {
			return nil, fmt.Errorf("resolve link local %q: %w", cfg.Local, err)
		}
	}
	if w.conn, err = net.ListenUDP(network, local); err != nil {
		return nil, fmt.Errorf("open link writer: %w", err)
	}
	w.sock, w.local = w.conn, unmap(w.conn.LocalAddr().(*net.UDPAddr).AddrPort())
	if err := w.open(cfg); err != nil {
		w.sock.Close()
		return nil, fmt.Errorf("open link writer to %s: %w", to, err)
	}
	return w, nil
}

// open prepares the socket and chooses the method.
func (w *Writer) open(cfg WriterConfig) error {
	if err := deafen(w.conn, w.ipv6); err != nil {
		return err
	}
	ask := cfg.SendBuffer
	if ask == 0 {
		ask = defaultSendBuffer
	}
	var err error
	if w.buffer, err = setSendBuffer(w.conn, ask); err != nil {
		return err
	}
	method, reason := cfg.Method, ""
	if method == Auto {
		method, reason = bestWrite(w.conn, cfg.GSO, cfg.DatagramSize)
	}
	if method != Plain {
		if err := w.leavePoller(); err != nil {
			return err
		}
	}
	if w.tx, err = newTransmitter(w, method); err != nil {
		return err
	}
	w.method.Store(&method)
	w.reason.Store(&reason)
	return nil
}

// Write sends a batch: datagrams of the configured size, one after another without gaps, so
// that len(batch) is a multiple of it. It returns how many datagrams the kernel took, all of
// them unless err is set, and does not keep batch. That nobody listens is no error. Errors:
// [ErrSize], [ErrMTU], [ErrBlocked], net.ErrClosed, and what the network stack says when the
// device is down or has no route.
func (w *Writer) Write(batch []byte) (datagrams int, err error) {
	if len(batch)%w.size != 0 {
		return 0, fmt.Errorf("%w: batch of %d octets is not made of %d", ErrSize, len(batch), w.size)
	}
	var stuck time.Time
	for len(batch) > 0 {
		n, err := w.tx.send(batch)
		w.calls.Add(1)
		if n > 0 {
			batch, datagrams, stuck = batch[n*w.size:], datagrams+n, time.Time{}
			w.datagrams.Add(uint64(n))
			w.bytes.Add(uint64(n) * uint64(w.size))
		}
		if err == nil {
			continue
		}
		if w.fallBack(err) {
			continue
		}
		if !w.passing(err) {
			return datagrams, w.explain(err)
		}
		if stuck.IsZero() {
			stuck = time.Now()
		} else if time.Since(stuck) > w.limit {
			return datagrams, fmt.Errorf("%w within %v: %w", ErrBlocked, w.limit, err)
		}
	}
	return datagrams, nil
}

// passing says whether an error will pass by itself, and counts it. A full device queue
// (ENOBUFS) cannot be polled for: it waits 100 µs, the time of a send or two.
func (w *Writer) passing(err error) bool {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		// The kernel reports an ICMP answer to an earlier datagram instead of sending
		// this one; the report is cleared by being read, so send again.
		w.refused.Add(1)
		return true
	case errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
		w.waited.Add(1)
		time.Sleep(100 * time.Microsecond)
		return true
	}
	return false
}

// fallBack gives up segmentation for good if err is the kernel's refusal of it.
func (w *Writer) fallBack(err error) bool {
	if w.forced || *w.method.Load() != GSO || !refusesGSO(err) {
		return false
	}
	tx, terr := newTransmitter(w, MMsg)
	if terr != nil {
		return false
	}
	method, reason := MMsg, fmt.Sprintf("the kernel refused segmentation: %v", err)
	w.tx = tx
	w.method.Store(&method)
	w.reason.Store(&reason)
	return true
}

func (w *Writer) explain(err error) error {
	switch {
	case w.closed.Load():
		return net.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w within %v", ErrBlocked, w.limit)
	case errors.Is(err, syscall.EMSGSIZE):
		return fmt.Errorf("%w: %d octets to %s", ErrMTU, w.size, w.remote)
	}
	return fmt.Errorf("send to %s: %w", w.remote, err)
}

// Close ends the Writer; a Write that waits returns net.ErrClosed, within a tenth of a second.
func (w *Writer) Close() error {
	if w.closed.Swap(true) {
		return net.ErrClosed
	}
	return w.sock.Close()
}

// Method names the method in use: "gso", "mmsg" or "plain".
func (w *Writer) Method() string { return string(*w.method.Load()) }

// IPv6 says whether the link runs over IPv6, for [WireSize].
func (w *Writer) IPv6() bool { return w.ipv6 }

// LocalAddr returns the address the Writer sends from.
func (w *Writer) LocalAddr() netip.AddrPort { return w.local }

// SendBuffer returns the send buffer asked for and granted.
func (w *Writer) SendBuffer() Buffer { return w.buffer }

// Returned counts the datagrams that came back to the Writer's own port and were dropped
// unread. On a diode it is 0. It is always 0 where the system cannot tell (not Linux) and
// after Close.
func (w *Writer) Returned() uint64 {
	n, _ := socketDrops(w.sock)
	return uint64(n)
}

// Stats returns the counters so far.
func (w *Writer) Stats() WriterStats {
	return WriterStats{
		Method: w.Method(), Reason: *w.reason.Load(), Datagrams: w.datagrams.Load(), Bytes: w.bytes.Load(),
		Calls: w.calls.Load(), Refused: w.refused.Load(), Waits: w.waited.Load(),
	}
}

// unmap turns an IPv4 address in IPv6 clothes into the address it is.
func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
