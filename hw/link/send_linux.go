package link

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newTransmitter makes the transmitter of a method.
func newTransmitter(w *Writer, m Method) (transmitter, error) {
	switch m {
	case Plain:
		return newPlainTransmitter(w), nil
	case MMsg:
		return newBatchTransmitter(w, 1)
	case GSO:
		most := maxPayload
		if w.ipv6 {
			most = maxPayloadV6
		}
		return newBatchTransmitter(w, max(1, min(maxSegments, most/w.size)))
	}
	return nil, errMethod(m)
}

// batchTransmitter sends with sendmmsg: up to 64 messages a call, each of `segments`
// datagrams, which with UDP_SEGMENT the kernel or the NIC cuts apart.
type batchTransmitter struct {
	w        *Writer
	raw      syscall.RawConn
	segments int // datagrams in a message, 1 without UDP_SEGMENT

	name    []byte // raw socket address of the remote
	control []byte // one UDP_SEGMENT message, shared by all that need it
	iov     [maxMessages]unix.Iovec
	msgs    [maxMessages]unix.Mmsghdr

	n, done int   // messages filled, messages taken
	err     error // why the message at done was not taken
	call    func(fd uintptr) bool
	sys     func(fd uintptr, msgs *unix.Mmsghdr, n int) (int, syscall.Errno)
}

func newBatchTransmitter(w *Writer, segments int) (*batchTransmitter, error) {
	raw, err := w.sock.SyscallConn()
	if err != nil {
		return nil, err
	}
	t := &batchTransmitter{w: w, raw: raw, segments: segments, name: socketAddress(w.remote), sys: sendmmsg}
	t.call = t.try
	t.control = make([]byte, unix.CmsgSpace(2))
	head := (*unix.Cmsghdr)(unsafe.Pointer(&t.control[0]))
	head.Level, head.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	head.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(t.control[unix.CmsgLen(0):], uint16(w.size))
	for i := range t.msgs {
		h := &t.msgs[i].Hdr
		h.Name, h.Namelen = &t.name[0], uint32(len(t.name))
		h.Iov = &t.iov[i]
		h.SetIovlen(1)
	}
	return t, nil
}

func (t *batchTransmitter) send(batch []byte) (int, error) {
	t.fill(batch)
	t.done, t.err = 0, nil
	err := t.raw.Write(t.call)
	if err == nil {
		err = t.err
	}
	sent := 0
	for i := range t.done {
		sent += int(t.iov[i].Len) / t.w.size
	}
	for i := range t.n {
		t.iov[i].Base = nil
	}
	return sent, err
}

// fill describes as much of the batch as a call carries.
func (t *batchTransmitter) fill(batch []byte) {
	step := t.segments * t.w.size
	for t.n = 0; t.n < maxMessages && len(batch) > 0; t.n++ {
		part := batch[:min(step, len(batch))]
		batch = batch[len(part):]
		t.iov[t.n].Base = &part[0]
		t.iov[t.n].SetLen(len(part))
		h := &t.msgs[t.n].Hdr
		h.Control = nil
		h.SetControllen(0)
		if len(part) > t.w.size {
			h.Control = &t.control[0]
			h.SetControllen(len(t.control))
		}
	}
}

// try calls the kernel until all messages are taken or one is refused, or there was no room for the Writer's limit. The
// kernel itself waits for room, a slice of time after another.
func (t *batchTransmitter) try(fd uintptr) bool {
	var stuck time.Time
	for t.done < t.n {
		n, errno := t.sys(fd, &t.msgs[t.done], t.n-t.done)
		switch errno {
		case 0:
			t.done += n
			stuck = time.Time{}
		case unix.EINTR:
		case unix.EAGAIN:
			t.w.waited.Add(1)
			if stuck.IsZero() {
				stuck = time.Now()
			}
			if t.w.closed.Load() || time.Since(stuck) > t.w.limit {
				t.err = os.ErrDeadlineExceeded
				return true
			}
		default:
			t.err = errno
			return true
		}
	}
	return true
}

// waitSlice is how long the kernel waits for room in the send buffer before the Writer looks whether it was closed.
const waitSlice = 100 * time.Millisecond

// leavePoller takes the socket out of the Go runtime's poller and makes it one that waits by itself.
//
// A socket that epoll watches has its watcher called for each packet that leaves it (sock_wfree, sock_def_write_space in
// net/core/sock.c), and each call wakes a thread: with segmented sends that was a tenth of a sender's CPU time, for news that
// nobody asked for. A Writer has nothing to be told: it fills the send buffer, and the kernel lets it wait when that is full.
func (w *Writer) leavePoller() error {
	fd := -1
	err := onSocket(w.conn, "leave the poller", func(polled int) (err error) {
		fd, err = unix.FcntlInt(uintptr(polled), unix.F_DUPFD_CLOEXEC, 0)
		return os.NewSyscallError("dup", err)
	})
	if err != nil {
		return err
	}
	if err := w.conn.Close(); err != nil { // the poller forgets it; the copy keeps the socket
		unix.Close(fd)
		return fmt.Errorf("leave the poller: %w", err)
	}
	limit := unix.NsecToTimeval(waitSlice.Nanoseconds())
	err = os.NewSyscallError("SO_SNDTIMEO", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit))
	if err == nil {
		err = os.NewSyscallError("fcntl", unix.SetNonblock(fd, false))
	}
	w.conn, w.sock = nil, os.NewFile(uintptr(fd), "link writer")
	if err != nil {
		return fmt.Errorf("leave the poller: %w", err)
	}
	return nil
}

func sendmmsg(fd uintptr, msgs *unix.Mmsghdr, n int) (int, syscall.Errno) {
	r, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(msgs)), uintptr(n), 0, 0, 0)
	return int(r), errno
}

// socketAddress lays an address out as the kernel reads it (ip(7), ipv6(7)).
func socketAddress(a netip.AddrPort) []byte {
	if a.Addr().Is4() {
		sa := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.Addr().As4()}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:], a.Port())
		return append([]byte(nil), (*[unix.SizeofSockaddrInet4]byte)(unsafe.Pointer(&sa))[:]...)
	}
	sa := unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: a.Addr().As16(), Scope_id: zoneIndex(a.Addr().Zone())}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:], a.Port())
	return append([]byte(nil), (*[unix.SizeofSockaddrInet6]byte)(unsafe.Pointer(&sa))[:]...)
}

// zoneIndex returns the interface index that an IPv6 zone names, 0 for none.
func zoneIndex(zone string) uint32 {
	if ifi, err := net.InterfaceByName(zone); err == nil {
		return uint32(ifi.Index)
	}
	n, _ := strconv.ParseUint(zone, 10, 32)
	return uint32(n)
}
