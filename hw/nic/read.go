package nic

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
)

// Flags of /sys/class/net/DEVICE/flags, netdevice(7).
const (
	flagUp       = 0x1
	flagLoopback = 0x8
	flagNoARP    = 0x80
)

// Read reads all facts of one end of a link whose Device is known. Counters are read twice, watch apart: what moves
// meanwhile happens now. What can't be read is noted where it belongs; only an interface that is not there, or is the
// loopback ([ErrLoopback]), is an error.
func (m *Machine) Read(ctx context.Context, l Link, watch time.Duration) (*Facts, error) {
	f := &Facts{Link: l}
	if err := m.refuseLoopback(l.Device); err != nil {
		return nil, err
	}
	for _, name := range stack(m.Root, l.Device) {
		d, err := m.device(name)
		if err != nil {
			return nil, fmt.Errorf("read interface %s: %w", name, err)
		}
		f.Stack = append(f.Stack, d)
	}
	var err error
	if f.Before, err = m.moment(f.base().Name); err != nil {
		return nil, err
	}
	later := time.NewTimer(watch)
	defer later.Stop()
	if f.Address, err = m.Net.Addresses(l.Device); err != nil {
		return nil, fmt.Errorf("read addresses of %s: %w", l.Device, err)
	}
	m.readHardware(f)
	m.readSystem(f)
	m.readPath(f)
	f.Shared = m.shared(f)
	f.Firewall = reading(m.readFirewall(ctx))
	f.After = f.Before
	if watch <= 0 {
		return f, nil
	}
	select {
	case <-later.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.After, err = m.moment(f.base().Name)
	return f, err
}

// stack is the interface and what it stands on, as long as that is one thing: VLAN and macvlan do.
func stack(root fs.FS, device string) []string {
	names := []string{device}
	for {
		entries, err := fs.Glob(root, sysNet(names[len(names)-1])+"/lower_*")
		if err != nil || len(entries) != 1 || len(names) > 8 { // a stack deeper than the kernel's MAX_NEST_DEV is none
			return names
		}
		_, lower, _ := strings.Cut(entries[0], "/lower_")
		names = append(names, lower)
	}
}

func (m *Machine) device(name string) (Device, error) {
	at := sysNet(name)
	flags, err := readUint(m.Root, at+"/flags")
	if err != nil {
		return Device{}, err
	}
	mtu, err := readUint(m.Root, at+"/mtu")
	if err != nil {
		return Device{}, err
	}
	d := Device{Name: name, MTU: int(mtu), Up: flags&flagUp != 0, NoARP: flags&flagNoARP != 0, Virtual: !exists(m.Root, at+"/device")}
	carrier, err := readUint(m.Root, at+"/carrier")
	d.Carrier = reading(carrier == 1, err)
	if speed, err := readUint(m.Root, at+"/speed"); err == nil && speed < 1<<31 { // -1 where it isn't known
		d.Speed = int(speed)
	}
	d.Duplex, _ = readText(m.Root, at+"/duplex")
	queue, _ := readUint(m.Root, at+"/tx_queue_len")
	d.QueueLen = int(queue)
	switch {
	case exists(m.Root, at+"/brport"):
		d.Master = "bridge"
	case exists(m.Root, at+"/bonding_slave"):
		d.Master = "bond"
	}
	d.IPv6 = m.ipv6(name)
	d.Ignore = max(m.sysctlOrZero("net/ipv4/conf/all/arp_ignore"), m.sysctlOrZero("net/ipv4/conf/"+name+"/arp_ignore"))
	return d, nil
}

// ipv6 reads what an interface says in IPv6; a kernel without IPv6 says nothing.
func (m *Machine) ipv6(device string) (r Reading[IPv6]) {
	for _, f := range []struct {
		name string
		into *uint64
	}{
		{"disable_ipv6", &r.Value.Disabled}, {"accept_ra", &r.Value.AcceptRA}, {"autoconf", &r.Value.Autoconf},
		{"router_solicitations", &r.Value.Solicitations}, {"dad_transmits", &r.Value.DAD},
	} {
		n, err := readInt(m.Root, "proc/sys/net/ipv6/conf/"+device+"/"+f.name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return Reading[IPv6]{Value: IPv6{Disabled: 1}}
		case err != nil:
			return Reading[IPv6]{Err: err}
		}
		*f.into = uint64(max(n, -n)) // router_solicitations = -1 is without end
	}
	return r
}

func (m *Machine) readHardware(f *Facts) {
	base := f.base().Name
	f.Ring = reading(m.Driver.Ring(base))
	f.Pause = reading(m.Driver.Pause(base))
	f.Features = reading(m.Driver.Features(base))
	f.Private = reading(m.Driver.PrivateFlags(base))
	queues, _ := fs.Glob(m.Root, sysNet(base)+"/queues/rx-*")
	for _, at := range queues {
		mask, _ := readText(m.Root, at+"/rps_cpus")
		if strings.Trim(mask, "0,") == "" {
			mask = ""
		}
		f.Queues = append(f.Queues, Queue{Name: at[strings.LastIndexByte(at, '/')+1:], RPS: mask})
	}
	irqs, _ := fs.Glob(m.Root, sysNet(base)+"/device/msi_irqs/*")
	for _, at := range irqs {
		number := at[strings.LastIndexByte(at, '/')+1:]
		cpus, err := readText(m.Root, "proc/irq/"+number+"/effective_affinity_list")
		if err == nil && cpus != "" {
			f.IRQs = append(f.IRQs, IRQ{Number: number, CPUs: cpus})
		}
	}
}

func (m *Machine) readSystem(f *Facts) {
	limit := "net/core/wmem_max"
	if f.Link.Side == High {
		limit = "net/core/rmem_max"
	}
	f.BufferMax = m.sysctl(limit)
	f.Backlog = m.sysctl("net/core/netdev_max_backlog")
	f.Forwarding = m.sysctl("net/ipv4/conf/all/forwarding")
	f.RPFilter = m.sysctl("net/ipv4/conf/all/rp_filter")
	if own := m.sysctl("net/ipv4/conf/" + f.top().Name + "/rp_filter"); own.Err == nil {
		f.RPFilter.Value = max(f.RPFilter.Value, own.Value)
	}
	text, err := readText(m.Root, "proc/sys/net/ipv4/udp_mem")
	if fields := strings.Fields(text); err == nil && len(fields) == 3 {
		pages, err := parseUint(fields[2])
		f.UDPMemory = reading(pages*uint64(os.Getpagesize()), err)
	} else {
		f.UDPMemory = Reading[uint64]{Err: errors.Join(err, fmt.Errorf("udp_mem is %q", text))}
	}
	for i := range f.Stack {
		f.Groups = append(f.Groups, m.groups(f.Stack[i].Name)...)
		f.Packet = append(f.Packet, m.packetSockets(f.Stack[i].Name)...)
	}
}

func (m *Machine) readPath(f *Facts) {
	l := f.Link
	if l.Side == Low {
		f.Route = reading(m.Net.Route(l.Remote, l.Local))
		hop := l.Remote
		if f.Route.Err == nil && f.Route.Value.Gateway.IsValid() && f.Route.Value.Device == l.Device {
			hop = f.Route.Value.Gateway
		}
		f.Neighbour = reading(m.Net.Neighbour(l.Device, hop))
		return
	}
	for _, from := range m.senders(f) {
		f.Returns = append(f.Returns, Return{From: from, Route: reading(m.Net.Route(from, netip.Addr{}))})
	}
}

// anywhere are addresses that nobody has (RFC 5737, RFC 3849): only a default route leads there.
var anywhere = []netip.Addr{netip.AddrFrom4([4]byte{198, 51, 100, 1}), netip.MustParseAddr("2001:db8::1")}

// shared says whether a default route leads through the interface. Then it is not the link's own, and what is safe for a link
// could cut the machine off.
func (m *Machine) shared(f *Facts) bool {
	for _, a := range anywhere {
		if r, err := m.Net.Route(a, netip.Addr{}); err == nil && slices.ContainsFunc(f.Stack, func(d Device) bool { return d.Name == r.Device }) {
			return true
		}
	}
	return false
}

// senders are the addresses that packets may come from: the known ones, else the interface's permanent neighbours, else
// another address of the network that the receiver listens in.
func (m *Machine) senders(f *Facts) []netip.Addr {
	if len(f.Link.From) > 0 {
		return f.Link.From
	}
	same := func(a netip.Addr) bool {
		return a.Is4() == f.Link.Local.Is4() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
	}
	if all, err := m.Net.Neighbours(f.Link.Device); err == nil {
		if all = slices.DeleteFunc(all, func(a netip.Addr) bool { return !same(a) }); len(all) > 0 {
			return all
		}
	}
	for _, p := range f.Address {
		if p.Addr() != f.Link.Local || p.IsSingleIP() {
			continue
		}
		for _, a := range []netip.Addr{p.Addr().Prev(), p.Addr().Next()} {
			if a.IsValid() && p.Contains(a) && a != p.Masked().Addr() {
				return []netip.Addr{a}
			}
		}
	}
	return nil
}
