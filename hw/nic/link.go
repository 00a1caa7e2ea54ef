package nic

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Side is the end of the link that is examined.
type Side uint8

// The two ends, as bits: a rule may be for both.
const (
	Low Side = 1 << iota
	High
)

// String is "low", "high" or "both".
func (s Side) String() string {
	switch s {
	case Low:
		return "low"
	case High:
		return "high"
	}
	return "both"
}

// Link is one end of a link as it is configured.
type Link struct {
	Side   Side
	Device string       // interface; [Machine.Find] looks it up if it is empty
	Local  netip.Addr   // where the sender sends from (may be unset) or the receiver listens
	Remote netip.Addr   // low side: where to; high side: not set
	Port   uint16       // UDP port that packets go to
	MTU    int          // configured, octets
	Rate   uint64       // low side: configured, bit/s on the wire
	Buffer int          // octets asked for the socket's buffer; 0 is the system's default
	From   []netip.Addr // high side: the sender's addresses if they are known
}

func (l *Link) ipv6() bool {
	if l.Side == Low {
		return l.Remote.Is6()
	}
	return l.Local.Is6()
}

// ErrNoDevice says that the interface of a link can't be told from its addresses.
var ErrNoDevice = errors.New("interface of the link not known")

// Find returns the link with its Device filled in: the interface that has the local address, else the one that the
// route to the remote one leads to.
func (m *Machine) Find(l Link) (Link, error) {
	switch {
	case l.Device != "":
		return l, nil
	case l.Local.IsValid() && !l.Local.IsUnspecified():
		device, err := m.Net.Holder(l.Local)
		if err != nil {
			return l, fmt.Errorf("%w: %w", ErrNoDevice, err)
		}
		l.Device = device
	case l.Side == High:
		return l, fmt.Errorf("%w: listening on all addresses names none", ErrNoDevice)
	default:
		route, err := m.Net.Route(l.Remote, netip.Addr{})
		if err != nil {
			return l, fmt.Errorf("%w: no route to %s: %w", ErrNoDevice, l.Remote, err)
		}
		l.Device = route.Device
	}
	return l, nil
}

// holder is the interface of this machine that has an address.
func holder(a netip.Addr) (string, error) {
	all, err := net.Interfaces()
	if err != nil {
		return "", fmt.Errorf("list interfaces: %w", err)
	}
	for i := range all {
		prefixes, err := addresses(&all[i])
		if err != nil {
			return "", err
		}
		for _, p := range prefixes {
			if p.Addr() == a.WithZone("") {
				return all[i].Name, nil
			}
		}
	}
	return "", fmt.Errorf("no interface has the address %s: ip addr add %s/PREFIX dev DEVICE", a, a)
}

// addresses are those of an interface, with their networks.
func addresses(i *net.Interface) ([]netip.Prefix, error) {
	list, err := i.Addrs()
	if err != nil {
		return nil, fmt.Errorf("addresses of %s: %w", i.Name, err)
	}
	var out []netip.Prefix
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p)
		}
	}
	return out, nil
}
