package link

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// ReaderConfig says where a Reader listens.
type ReaderConfig struct {
	Listen        string // "address:port" to listen on
	DatagramSize  int    // octets of every good datagram, 1 to 65507
	ReceiveBuffer int    // octets asked for the receive buffer; 0 leaves the system's default
	Method        Method // force Plain, MMsg or GRO; the zero value is Auto
}

// ReaderStats is what a Reader has seen. The counters only grow.
type ReaderStats struct {
	Method    string // method in use
	Datagrams uint64 // datagrams delivered, good or not
	Bytes     uint64 // octets of them as delivered
	Calls     uint64 // times the kernel handed something over
	Oversize  uint64 // datagrams longer than DatagramSize: delivered, all but "gro" cut to DatagramSize + 1
	Drops     uint64 // see KernelDrops
}

// Reader receives datagrams on one address and cannot send. Read is for one goroutine; the
// other methods may be called from any.
type Reader struct {
	size   int
	conn   *net.UDPConn
	rx     collector
	method Method
	buffer Buffer
	drops  overflow
	out    [][]byte // what the last Read returned, kept for its room

	datagrams, bytes, calls, oversize atomic.Uint64
}

// collector appends to out the datagrams of one visit to the kernel, at least one, in memory
// that stays until the next visit.
type collector interface {
	collect(out [][]byte) (datagrams [][]byte, err error)
}

// Listen opens a Reader. It fails if the address cannot be bound, the datagram size is
// impossible ([ErrSize]) or a forced method not to be had ([ErrMethod]). A receive buffer
// smaller than asked is no error: see [Reader.ReceiveBuffer].
func Listen(cfg ReaderConfig) (*Reader, error) {
	if cfg.DatagramSize < 1 || cfg.DatagramSize > maxPayload {
		return nil, fmt.Errorf("%w: %d octets, 1 to %d fit", ErrSize, cfg.DatagramSize, maxPayload)
	}
	local, err := net.ResolveUDPAddr("udp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("resolve link listen %q: %w", cfg.Listen, err)
	}
	r := &Reader{size: cfg.DatagramSize}
	if r.conn, err = net.ListenUDP("udp", local); err != nil {
		return nil, fmt.Errorf("open link reader: %w", err)
	}
	if err := r.open(cfg); err != nil {
		r.conn.Close()
		return nil, fmt.Errorf("open link reader on %s: %w", cfg.Listen, err)
	}
	return r, nil
}

// open prepares the socket and chooses the method.
func (r *Reader) open(cfg ReaderConfig) error {
	if err := silence(r.conn); err != nil {
		return err
	}
	var err error
	if r.buffer, err = setReceiveBuffer(r.conn, cfg.ReceiveBuffer); err != nil {
		return err
	}
	r.method = cfg.Method
	if r.method == Auto {
		r.method = bestRead(r.conn)
	}
	r.rx, err = newCollector(r, r.method)
	return err
}

// Read waits for datagrams and returns those that are there, at least one, in the order in
// which the kernel had them. The slices are valid until the next Read. A datagram of the wrong
// size is delivered as it is, one that was cut with a length that is not DatagramSize: the
// caller judges by length. Errors: os.ErrDeadlineExceeded, net.ErrClosed, or the system's.
func (r *Reader) Read() ([][]byte, error) {
	batch, err := r.rx.collect(r.out[:0])
	r.out = batch
	if err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	bytes, oversize := 0, 0
	for _, d := range batch {
		bytes += len(d)
		if len(d) > r.size {
			oversize++
		}
	}
	r.calls.Add(1)
	r.datagrams.Add(uint64(len(batch)))
	r.bytes.Add(uint64(bytes))
	r.oversize.Add(uint64(oversize))
	return batch, nil
}

// SetDeadline makes a Read that waits, and each one after, fail with os.ErrDeadlineExceeded
// once t has come; the zero time takes the deadline away.
func (r *Reader) SetDeadline(t time.Time) error { return r.conn.SetReadDeadline(t) }

// Close ends the Reader; a Read that waits returns net.ErrClosed.
func (r *Reader) Close() error { return r.conn.Close() }

// Method names the method in use: "gro", "mmsg" or "plain".
func (r *Reader) Method() string { return string(r.method) }

// LocalAddr returns the address the Reader listens on.
func (r *Reader) LocalAddr() netip.AddrPort {
	return unmap(r.conn.LocalAddr().(*net.UDPAddr).AddrPort())
}

// ReceiveBuffer returns the receive buffer asked for and granted.
func (r *Reader) ReceiveBuffer() Buffer { return r.buffer }

// KernelDrops counts what the kernel dropped because the receive buffer was full, or for a
// bad checksum (SO_RXQ_OVFL with each Read, SO_MEMINFO when asked: drops after the last
// datagram count too). Datagrams that the kernel had joined (GRO) count as one, so it is
// exact with other methods and a lower bound with "gro". 0 where the system cannot tell.
func (r *Reader) KernelDrops() uint64 {
	if n, err := socketDrops(r.conn); err == nil {
		r.drops.see(n)
	}
	return r.drops.total()
}

// DropsExact says whether each of KernelDrops is one datagram; else it may have been several.
func (r *Reader) DropsExact() bool { return r.method != GRO }

// Waiting says whether datagrams lie in the socket's buffer, or might: the system can't tell.
func (r *Reader) Waiting() bool {
	n, err := socketWaiting(r.conn)
	return err != nil || n > 0
}

// Stats returns the counters so far.
func (r *Reader) Stats() ReaderStats {
	return ReaderStats{
		Method: r.Method(), Datagrams: r.datagrams.Load(), Bytes: r.bytes.Load(), Calls: r.calls.Load(),
		Oversize: r.oversize.Load(), Drops: r.KernelDrops(),
	}
}

// overflow turns the kernel's 32-bit drop counter into one that does not wrap.
type overflow struct {
	mu   sync.Mutex
	last uint32
	sum  uint64
}

// see takes a reading. One that is older than the last (a datagram carries the count of the
// moment it was queued) is less by under 2³¹ and adds nothing.
func (o *overflow) see(count uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ahead := int32(count - o.last); ahead > 0 {
		o.sum += uint64(ahead)
		o.last = count
	}
}

func (o *overflow) total() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sum
}
