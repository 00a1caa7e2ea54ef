package link

import (
	"errors"
	"time"
)

// Method names how datagrams pass between this program and the kernel.
type Method string

const (
	// Auto takes the quickest method the kernel offers; it is the zero value.
	Auto Method = ""
	// Plain is one system call for each datagram, and works on every system.
	Plain Method = "plain"
	// MMsg is sendmmsg or recvmmsg, many datagrams a call (Linux 3.0).
	MMsg Method = "mmsg"
	// GSO is sendmmsg with UDP_SEGMENT: the kernel or the NIC cuts the datagrams (Linux 4.18).
	GSO Method = "gso"
	// GRO is recvmmsg with UDP_GRO: the kernel hands over datagrams joined (Linux 5.0).
	GRO Method = "gro"
)

var (
	// ErrMethod says that a method is unknown, or forced and not to be had here.
	ErrMethod = errors.New("method not available")
	// ErrSize says that a datagram size or the length of a batch is not possible.
	ErrSize = errors.New("impossible datagram size")
	// ErrBlocked says that the send buffer or the device queue had no room for five seconds.
	ErrBlocked = errors.New("no room to send")
	// ErrMTU says that a datagram does not fit the MTU of the device it must leave by.
	// Fragments are never sent: one lost fragment loses the datagram.
	ErrMTU = errors.New("datagram larger than the device's MTU")
)

const (
	// maxPayload is the largest UDP payload of IPv4: 65535 - 20 (IP) - 8 (UDP). IPv6 has
	// no 20 octets of IP header in its length field, but the kernel keeps both headers
	// within 65535 (IP_MAX_MTU), so that there it is 65487.
	maxPayload   = 65507
	maxPayloadV6 = 65487
	// blockLimit is how long a Write waits for room before it is ErrBlocked. A link that
	// is up always makes room: a full send buffer of 8 MiB drains in 0.7 s at 100 Mbit/s.
	blockLimit = 5 * time.Second
)

// WireSize returns the octets that a datagram of the given length takes on Ethernet: UDP (8)
// and IP headers (20, or 40 for IPv6), then preamble and start delimiter (8), header (14),
// frame check (4) and the smallest gap (12), which are 38, with frames padded to 64 octets
// (IEEE 802.3 clause 3.2.8). It is what a rate on the wire counts.
func WireSize(datagram int, ipv6 bool) int {
	const udp, ip4, ip6, ethernet, smallest = 8, 20, 40, 38, 46
	packet := datagram + udp + ip4
	if ipv6 {
		packet = datagram + udp + ip6
	}
	return max(packet, smallest) + ethernet
}
