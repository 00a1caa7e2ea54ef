package framing

import "fmt"

// Sizes of a datagram and its parts, in octets. All datagrams of a link have
// the same size: Overhead plus the link's symbol size T.
const (
	HeaderSize = 48
	TagSize    = 16
	Overhead   = HeaderSize + TagSize

	// MinSymbolSize is the smallest T: a session message (1228 octets) fits
	// it, whatever the MTU.
	MinSymbolSize = 1280
	// MaxSymbolSize is the largest T: the largest multiple of 64 whose
	// datagram fits a UDP datagram (65,507 octets on IPv4).
	MaxSymbolSize = 65408

	// symbolAlign divides every T: the codes work in steps of 64 octets.
	symbolAlign = 64

	// MaxLength is the largest object in octets: the header's length has 48 bits.
	MaxLength = 1<<48 - 1
)

// Octets of IP and UDP header before a datagram (RFC 791, 8200, 768), without
// options or extension headers.
const (
	ipv4Headers = 20 + 8
	ipv6Headers = 40 + 8
)

// SymbolSize returns T in octets for a link of the given MTU: the largest
// multiple of 64 whose datagram is not fragmented, at most MaxSymbolSize.
// An MTU too small for MinSymbolSize (1372 on IPv4, 1392 on IPv6 are enough)
// is ErrSize.
func SymbolSize(mtu int, ipv6 bool) (int, error) {
	headers := ipv4Headers
	if ipv6 {
		headers = ipv6Headers
	}
	t := min(mtu-headers-Overhead, MaxSymbolSize)
	if t < MinSymbolSize {
		return 0, fmt.Errorf("%w: mtu %d leaves no room for a symbol of %d octets", ErrSize, mtu, MinSymbolSize)
	}
	return t - t%symbolAlign, nil
}

// validSymbolSize says whether t can be the T of a link.
func validSymbolSize(t int) bool {
	return MinSymbolSize <= t && t <= MaxSymbolSize && t%symbolAlign == 0
}
