package nic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"

	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Here is the machine that the program runs on, as its network namespace sees it.
func Here() (*Machine, error) {
	driver, err := ethtool.NewEthtool()
	if err != nil {
		return nil, fmt.Errorf("open ethtool's socket: %w", err)
	}
	return &Machine{Root: os.DirFS("/"), Net: kernel{}, Driver: driverIoctl{driver}, Run: run, Set: set}, nil
}

func run(ctx context.Context, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.Bytes(), nil
}

func set(key, value string) error {
	return os.WriteFile("/proc/sys/"+key, []byte(value), 0) // never makes a file: procfs does not take new ones
}

// kernel asks by netlink.
type kernel struct{}

func (kernel) Holder(a netip.Addr) (string, error) { return holder(a) }

func (kernel) Addresses(device string) ([]netip.Prefix, error) {
	i, err := net.InterfaceByName(device)
	if err != nil {
		return nil, err
	}
	return addresses(i)
}

func (k kernel) Neighbour(device string, a netip.Addr) (Neighbour, error) {
	all, err := list(device, a.Is6())
	if err != nil {
		return Neighbour{}, err
	}
	for i := range all {
		if n := &all[i]; n.IP.Equal(a.AsSlice()) {
			state := stateName(n.State)
			out := Neighbour{State: state, Permanent: n.State&netlink.NUD_PERMANENT != 0}
			// An unresolved entry has an address of zeroes.
			if n.State&(netlink.NUD_INCOMPLETE|netlink.NUD_FAILED) == 0 && bytes.Trim(n.HardwareAddr, "\x00") != nil {
				out.MAC = n.HardwareAddr.String()
			}
			return out, nil
		}
	}
	return Neighbour{}, ErrNone
}

func (k kernel) Neighbours(device string) (out []netip.Addr, err error) {
	for _, ipv6 := range []bool{false, true} {
		all, err := list(device, ipv6)
		if err != nil {
			return nil, err
		}
		for i := range all {
			if a, ok := netip.AddrFromSlice(all[i].IP); ok && all[i].State&netlink.NUD_PERMANENT != 0 {
				out = append(out, a.Unmap())
			}
		}
	}
	return out, nil
}

func list(device string, ipv6 bool) ([]netlink.Neigh, error) {
	i, err := net.InterfaceByName(device)
	if err != nil {
		return nil, err
	}
	family := unix.AF_INET
	if ipv6 {
		family = unix.AF_INET6
	}
	return netlink.NeighList(i.Index, family)
}

// stateName is the word that ip(8) uses.
func stateName(state int) string {
	for _, s := range []struct {
		bit  int
		name string
	}{
		{netlink.NUD_PERMANENT, "permanent"}, {netlink.NUD_NOARP, "noarp"}, {netlink.NUD_REACHABLE, "reachable"},
		{netlink.NUD_STALE, "stale"}, {netlink.NUD_DELAY, "delay"}, {netlink.NUD_PROBE, "probe"},
		{netlink.NUD_INCOMPLETE, "incomplete"}, {netlink.NUD_FAILED, "failed"},
	} {
		if state&s.bit != 0 {
			return s.name
		}
	}
	return "none"
}

func (kernel) Route(to, from netip.Addr) (Route, error) {
	options := &netlink.RouteGetOptions{}
	if from.IsValid() && !from.IsUnspecified() {
		options.SrcAddr = from.AsSlice()
	}
	routes, err := netlink.RouteGetWithOptions(to.AsSlice(), options)
	if err != nil {
		return Route{}, err
	}
	if len(routes) == 0 {
		return Route{}, ErrNone
	}
	i, err := net.InterfaceByIndex(routes[0].LinkIndex)
	if err != nil {
		return Route{}, err
	}
	out := Route{Device: i.Name, Local: routes[0].Type == unix.RTN_LOCAL}
	if gateway, ok := netip.AddrFromSlice(routes[0].Gw); ok {
		out.Gateway = gateway.Unmap()
	}
	return out, nil
}

// driverIoctl asks the driver by SIOCETHTOOL.
type driverIoctl struct{ e *ethtool.Ethtool }

func (d driverIoctl) Close() { d.e.Close() }

// supported turns the drivers' ways of saying no into one.
func supported(err error) error {
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		return ErrUnsupported
	}
	return err
}

func (d driverIoctl) Ring(device string) (Ring, error) {
	r, err := d.e.GetRing(device)
	return Ring{Rx: r.RxPending, RxMax: r.RxMaxPending, Tx: r.TxPending, TxMax: r.TxMaxPending}, supported(err)
}

func (d driverIoctl) Pause(device string) (Pause, error) {
	p, err := d.e.GetPause(device)
	return Pause{Autoneg: p.Autoneg != 0, Rx: p.RxPause != 0, Tx: p.TxPause != 0}, supported(err)
}

func (d driverIoctl) Features(device string) (map[string]bool, error) {
	f, err := d.e.Features(device)
	return f, supported(err)
}

func (d driverIoctl) PrivateFlags(device string) (map[string]bool, error) {
	f, err := d.e.PrivFlags(device)
	return f, supported(err)
}
