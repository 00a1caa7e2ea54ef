package nic

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
)

// Machine is where facts come from and mends go to; [Here] is the real one.
type Machine struct {
	Root   fs.FS // of the file system: sys/ and proc/ are read
	Net    Net
	Driver Driver
	// Run executes a program and returns what it printed; its error carries what the program said.
	Run func(ctx context.Context, args ...string) ([]byte, error)
	// Set writes a value to a file below /proc/sys.
	Set func(key, value string) error
}

// Close gives back what [Here] opened.
func (m *Machine) Close() {
	if c, ok := m.Driver.(interface{ Close() }); ok {
		c.Close()
	}
}

// ErrUnsupported says that the driver or the system has no such thing.
var ErrUnsupported = errors.New("not supported")

// ErrNone says that there is no such entry.
var ErrNone = errors.New("there is none")

// Net answers questions about addresses and routes.
type Net interface {
	// Holder is the interface that has an address.
	Holder(a netip.Addr) (device string, err error)
	// Addresses are those of an interface.
	Addresses(device string) ([]netip.Prefix, error)
	// Neighbour is the entry of an address on an interface; ErrNone without one.
	Neighbour(device string, a netip.Addr) (Neighbour, error)
	// Neighbours are all permanent entries of an interface.
	Neighbours(device string) ([]netip.Addr, error)
	// Route is where the kernel would send a packet; from may be unset.
	Route(to, from netip.Addr) (Route, error)
}

// Driver answers what ethtool answers; ErrUnsupported where the driver has no such thing.
type Driver interface {
	Ring(device string) (Ring, error)
	Pause(device string) (Pause, error)
	Features(device string) (map[string]bool, error)
	PrivateFlags(device string) (map[string]bool, error)
}

// Neighbour is an entry of the neighbour table.
type Neighbour struct {
	MAC       string // empty while it is not resolved
	State     string // "permanent", "reachable", "stale", ...
	Permanent bool   // never asked again: set by hand
}

// Route is the kernel's choice for a destination.
type Route struct {
	Device  string
	Gateway netip.Addr // unset: the destination itself is the neighbour
	Local   bool       // the destination is this machine
}

// Ring is the length of the receive and transmit rings, packets.
type Ring struct{ Rx, RxMax, Tx, TxMax uint32 }

// Pause is Ethernet flow control (IEEE 802.3 annex 31B).
type Pause struct {
	Autoneg bool
	Rx      bool // obeys pause frames
	Tx      bool // sends them
}
