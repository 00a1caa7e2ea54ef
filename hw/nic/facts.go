package nic

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
)

// Reading is a value, or why it is not known.
type Reading[T any] struct {
	Value T
	Err   error
}

func reading[T any](v T, err error) Reading[T] { return Reading[T]{v, err} }

// unread is the verdict on a value that is not known. What the driver or this network namespace does not have is no
// fault; what could not be read may hide one.
func (r Reading[T]) unread(what string) verdict {
	switch {
	case errors.Is(r.Err, ErrUnsupported):
		return good("%s: the driver has none", what)
	case errors.Is(r.Err, fs.ErrNotExist):
		return verdict{severity: Note, read: what + " not visible", want: "examined in the machine's first network namespace"}
	case errors.Is(r.Err, fs.ErrPermission):
		return verdict{severity: Note, read: what + " not readable", want: "doctor run as root"}
	}
	return verdict{severity: Note, read: fmt.Sprintf("%s not readable: %v", what, r.Err), want: "readable"}
}

// Facts is all that was read of one end of a link. Nothing in it was judged.
type Facts struct {
	Link    Link
	Stack   []Device // from the interface that programs use down to the hardware
	Address []netip.Prefix
	Shared  bool // the way to everywhere else leads through it too

	// Of the hardware at the bottom of the stack.
	Ring     Reading[Ring]
	Pause    Reading[Pause]
	Features Reading[map[string]bool]
	Private  Reading[map[string]bool]
	Queues   []Queue
	IRQs     []IRQ

	// Of the way there and back.
	Route     Reading[Route]     // low side: to the receiver
	Neighbour Reading[Neighbour] // low side: of the receiver, or of the gateway to it
	Returns   []Return           // high side: where the kernel would send an answer to a sender
	Firewall  Reading[ruleset]

	// Of the system.
	BufferMax  Reading[uint64] // net.core.rmem_max or wmem_max, octets
	UDPMemory  Reading[uint64] // most that all UDP sockets may hold, octets
	Backlog    Reading[uint64] // net.core.netdev_max_backlog, packets
	RPFilter   Reading[uint64] // the stricter of all and the interface's
	Forwarding Reading[uint64] // net.ipv4.conf.all.forwarding
	Groups     []string        // multicast groups that are reported (IGMP)
	Packet     []uint16        // EtherTypes that packet sockets on the stack take; 3 is all

	Before, After Moment // counters; the same if the doctor did not wait between them
}

// Device is one interface of the stack.
type Device struct {
	Name     string
	Up       bool          // administratively
	NoARP    bool          // IFF_NOARP
	Carrier  Reading[bool] // not known while the interface is down
	MTU      int
	Speed    int // Mbit/s; 0 if the driver does not say
	Duplex   string
	QueueLen int
	Virtual  bool   // no hardware behind it
	Master   string // "bridge" or "bond" if it is a port of one
	IPv6     Reading[IPv6]
	Ignore   uint64 // arp_ignore, the stricter of all and the interface's
}

// IPv6 is what an interface says of its own accord.
type IPv6 struct{ Disabled, AcceptRA, Autoconf, Solicitations, DAD uint64 }

// Queue is a receive queue; RPS is its mask of processors, "" for none.
type Queue struct{ Name, RPS string }

// IRQ is an interrupt of the hardware and the processors that take it.
type IRQ struct{ Number, CPUs string }

// Return is the route to a sender's address.
type Return struct {
	From  netip.Addr
	Route Reading[Route]
}

// Moment is what the counters say at one time.
type Moment struct {
	Device    Counters
	Backlog   uint64 // packets that found netdev_max_backlog full
	UDPBuffer uint64 // datagrams that found a socket's buffer full
	UDPMemory uint64 // datagrams that found UDP's memory spent
	UDPBad    uint64 // datagrams with a wrong checksum
}

// top is the interface that programs use.
func (f *Facts) top() *Device { return &f.Stack[0] }

// base is the hardware, or what stands for it.
func (f *Facts) base() *Device { return &f.Stack[len(f.Stack)-1] }
