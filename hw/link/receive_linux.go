package link

import (
	"encoding/binary"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newCollector makes the collector of a method.
func newCollector(r *Reader, m Method) (collector, error) {
	switch m {
	case Plain:
		return newPlainCollector(r), nil
	case MMsg:
		// One octet longer than a good datagram, so that one too long shows.
		return newBatchCollector(r, maxMessages, r.size+1)
	case GRO:
		if err := enableGRO(r.conn); err != nil {
			return nil, err
		}
		// The kernel joins at most 64 KiB of UDP (GRO_LEGACY_MAX_SIZE). Eight of them
		// are 512 KiB, within the second-level cache.
		return newBatchCollector(r, 8, 1<<16)
	}
	return nil, errMethod(m)
}

// controlSize holds the two control messages that are asked for, UDP_GRO (int) and
// SO_RXQ_OVFL (uint32), with room for one more.
var controlSize = 3 * unix.CmsgSpace(4)

// batchCollector receives with recvmmsg, one datagram a message or, with UDP_GRO, several of
// equal length (the last may be shorter) joined.
type batchCollector struct {
	r       *Reader
	raw     syscall.RawConn
	buffers [][]byte
	control []byte
	iov     []unix.Iovec
	msgs    []unix.Mmsghdr

	n     int
	errno syscall.Errno
	call  func(fd uintptr) bool
}

func newBatchCollector(r *Reader, messages, size int) (*batchCollector, error) {
	raw, err := r.conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	err = onSocket(r.conn, "count drops", func(fd int) error {
		return os.NewSyscallError("SO_RXQ_OVFL", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1))
	})
	if err != nil {
		return nil, err
	}
	c := &batchCollector{
		r: r, raw: raw,
		buffers: make([][]byte, messages), control: make([]byte, messages*controlSize),
		iov: make([]unix.Iovec, messages), msgs: make([]unix.Mmsghdr, messages),
	}
	c.call = c.try
	// Each slot starts on its own cache line.
	stride := (size + 63) &^ 63
	slab := make([]byte, messages*stride)
	for i := range c.msgs {
		c.buffers[i] = slab[i*stride:][:size:size]
		c.iov[i].Base = &c.buffers[i][0]
		c.iov[i].SetLen(size)
		c.msgs[i].Hdr.Iov = &c.iov[i]
		c.msgs[i].Hdr.SetIovlen(1)
		c.msgs[i].Hdr.Control = &c.control[i*controlSize]
		c.msgs[i].Hdr.SetControllen(controlSize)
	}
	return c, nil
}

func (c *batchCollector) collect(out [][]byte) ([][]byte, error) {
	c.n, c.errno = 0, 0
	if err := c.raw.Read(c.call); err != nil {
		return out, err
	}
	if c.errno != 0 {
		return out, os.NewSyscallError("recvmmsg", c.errno)
	}
	for i := range c.n {
		m := &c.msgs[i]
		segment := c.readControl(c.control[i*controlSize:][:m.Hdr.Controllen])
		out = split(out, c.buffers[i][:m.Len], segment)
		m.Hdr.SetControllen(controlSize) // the kernel left what it used
	}
	return out, nil
}

// try asks the kernel once; false makes the poller wait until there is something.
func (c *batchCollector) try(fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&c.msgs[0])),
			uintptr(len(c.msgs)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			c.n = int(n)
			return true
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			c.errno = errno
			return true
		}
	}
}

// readControl walks the control messages of one message, passes the drop count on and
// returns the segment size, 0 for a message that was not joined.
func (c *batchCollector) readControl(b []byte) (segment int) {
	for len(b) >= unix.CmsgLen(4) {
		head := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		size := int(head.Len)
		if size < unix.CmsgLen(0) || size > len(b) {
			return segment
		}
		if size >= unix.CmsgLen(4) {
			value := binary.NativeEndian.Uint32(b[unix.CmsgLen(0):])
			switch {
			case head.Level == unix.IPPROTO_UDP && head.Type == unix.UDP_GRO:
				segment = int(int32(value))
			case head.Level == unix.SOL_SOCKET && head.Type == unix.SO_RXQ_OVFL:
				c.r.drops.see(value)
			}
		}
		b = b[min(unix.CmsgSpace(size-unix.CmsgLen(0)), len(b)):]
	}
	return segment
}

// split appends the datagrams of a joined message: all of `segment` octets but the last,
// which may be shorter. A message that was not joined is one datagram, even an empty one.
func split(out [][]byte, message []byte, segment int) [][]byte {
	for segment > 0 && len(message) > segment {
		out = append(out, message[:segment:segment])
		message = message[segment:]
	}
	return append(out, message)
}
