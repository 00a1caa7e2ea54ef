package link

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// maxSegments is UDP_MAX_SEGMENTS of Linux 4.18 to 6.8; later kernels take 128.
	maxSegments = 64
	// maxMessages is the number of messages a system call carries.
	maxMessages = 64
)

// onSocket runs f with the socket's descriptor and names what was being done in its error.
func onSocket(conn syscall.Conn, what string, f func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	var ferr error
	if err := raw.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if ferr != nil {
		return fmt.Errorf("%s: %w", what, ferr)
	}
	return nil
}

// deafen makes a socket one that hears nothing: a filter of one instruction, "return 0",
// drops each datagram that arrives, for good (socket(7), SO_ATTACH_FILTER, SO_LOCK_FILTER).
// It also forbids fragments and turns a deaf ear to path MTU messages (ip(7), PROBE): the
// device's own MTU is the only one that counts.
func deafen(conn *net.UDPConn, ipv6 bool) error {
	return onSocket(conn, "close the link writer's ears", func(fd int) error {
		reject := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}
		prog := unix.SockFprog{Len: 1, Filter: &reject}
		if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
			return os.NewSyscallError("SO_ATTACH_FILTER", err)
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_LOCK_FILTER, 1); err != nil {
			return os.NewSyscallError("SO_LOCK_FILTER", err)
		}
		if ipv6 {
			return os.NewSyscallError("IPV6_MTU_DISCOVER",
				unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE))
		}
		return os.NewSyscallError("IP_MTU_DISCOVER",
			unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE))
	})
}

// silence makes a socket one that says nothing: after shutdown for writing each send is
// EPIPE. On an unconnected socket the call does its work and answers ENOTCONN (inet_shutdown
// in net/ipv4/af_inet.c).
func silence(conn *net.UDPConn) error {
	return onSocket(conn, "close the link reader's mouth", func(fd int) error {
		if err := unix.Shutdown(fd, unix.SHUT_WR); err != nil && !errors.Is(err, unix.ENOTCONN) {
			return os.NewSyscallError("shutdown", err)
		}
		return nil
	})
}

func setReceiveBuffer(conn *net.UDPConn, ask int) (Buffer, error) {
	return setBuffer(conn, ask, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, "net.core.rmem_max")
}

func setSendBuffer(conn *net.UDPConn, ask int) (Buffer, error) {
	return setBuffer(conn, ask, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, "net.core.wmem_max")
}

// setBuffer asks past the system's limit first (needs CAP_NET_ADMIN), then within it.
func setBuffer(conn *net.UDPConn, ask, force, plain int, sysctl string) (Buffer, error) {
	b := Buffer{Asked: ask, sysctl: sysctl}
	err := onSocket(conn, "set socket buffer", func(fd int) error {
		if ask > 0 && unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, ask) != nil {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, ask); err != nil {
				return os.NewSyscallError("setsockopt", err)
			}
		}
		n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, plain)
		b.Granted = n / 2
		return os.NewSyscallError("getsockopt", err)
	})
	return b, err
}

// socketDrops reads the socket's drop counter: full buffer, bad checksum, filter.
func socketDrops(conn syscall.Conn) (uint32, error) {
	info, err := socketMemory(conn)
	return info[unix.SK_MEMINFO_DROPS], err
}

// socketWaiting reads how much memory the datagrams take that nobody has read, octets.
func socketWaiting(conn syscall.Conn) (uint32, error) {
	info, err := socketMemory(conn)
	return info[unix.SK_MEMINFO_RMEM_ALLOC], err
}

func socketMemory(conn syscall.Conn) (info [unix.SK_MEMINFO_VARS]uint32, err error) {
	err = onSocket(conn, "read socket drops", func(fd int) error {
		size := uint32(unsafe.Sizeof(info))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno != 0 {
			return os.NewSyscallError("SO_MEMINFO", errno)
		}
		return nil
	})
	return info, err
}

// bestWrite chooses the quickest method to send datagrams of the given size and says why it
// is not GSO.
func bestWrite(conn *net.UDPConn, gso bool, size int) (Method, string) {
	switch {
	case !gso:
		return MMsg, "segmentation is switched off"
	case maxPayload/size < 2:
		return MMsg, "a send holds one datagram of this size"
	}
	err := onSocket(conn, "probe", func(fd int) error {
		_, err := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		return err
	})
	if err != nil {
		return MMsg, "the kernel has no UDP_SEGMENT"
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		if release := unix.ByteSliceToString(name.Release[:]); damagesGSO(release) {
			return MMsg, "kernel " + release + " damages segments of equal length"
		}
	}
	return GSO, ""
}

// damagesGSO says whether a kernel is one that mangles UDP headers and checksums of
// segmented sends whose last segment is as long as the others, which ours are: Linux 7.0 to
// 7.1.4 (commit b10b446, mended by 78effd8 and 5f17ae0; tailscale/tailscale#19918). Whether
// the fault shows depends on the NIC, and nothing on a one-way link would tell the sender.
func damagesGSO(release string) bool {
	number, _, _ := strings.Cut(release, "-")
	var v [3]int
	for i, part := range strings.SplitN(number, ".", 3) {
		digits := len(part) - len(strings.TrimLeft(part, "0123456789"))
		v[i], _ = strconv.Atoi(part[:digits])
	}
	return v[0] == 7 && (v[1] == 0 || v[1] == 1 && v[2] <= 4)
}

// refusesGSO says whether err means that this path cannot segment. udp_send_skb in
// net/ipv4/udp.c answers EIO when the device lacks transmit checksums or the route is
// transformed (IPsec), EINVAL when the checksum is off or, up to Linux 6.13, a segment is
// larger than the MTU, EMSGSIZE for the latter from then on; drivers answer EOPNOTSUPP.
// Sending the same datagrams without segmentation is then safe, and tells an MTU too small
// from the other reasons.
func refusesGSO(err error) bool {
	for _, errno := range []error{unix.EIO, unix.EINVAL, unix.EOPNOTSUPP, unix.EMSGSIZE} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// bestRead chooses the quickest method to receive; choosing GRO switches it on.
func bestRead(conn *net.UDPConn) Method {
	if enableGRO(conn) == nil {
		return GRO
	}
	return MMsg
}

func enableGRO(conn *net.UDPConn) error {
	return onSocket(conn, "switch on UDP_GRO", func(fd int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1))
	})
}
