package nic

import (
	"fmt"
	"slices"
	"strings"
)

// ignoreAll is the arp_ignore that answers nothing.
const ignoreAll = 8

func judgeARP(f *Facts) verdict {
	v := verdict{severity: TalksBack, want: "off", safe: true}
	var names []string
	for i := range f.Stack {
		if d := &f.Stack[i]; !d.NoARP && d.Ignore < ignoreAll {
			names = append(names, d.Name)
			v.mend = append(v.mend, command("ip", "link", "set", "dev", d.Name, "arp", "off"))
		}
	}
	if names == nil {
		return good("off")
	}
	v.read = "on: " + strings.Join(names, ", ")
	return v
}

// judgeIPv6 leaves a link that runs over IPv6, and an interface with a global address, to people.
func judgeIPv6(f *Facts) verdict {
	v := verdict{severity: f.talks(), want: "off", safe: !f.usesIPv6()}
	var names []string
	for i := range f.Stack {
		d := &f.Stack[i]
		if d.IPv6.Err != nil {
			return d.IPv6.unread("IPv6 settings")
		}
		if d.IPv6.Value.Disabled == 0 {
			names = append(names, d.Name)
			v.mend = append(v.mend, sysctl("net/ipv6/conf/"+d.Name+"/disable_ipv6", "1"))
		}
	}
	switch {
	case names == nil:
		return good("off")
	case f.Link.ipv6():
		v.severity, v.want, v.mend = Note, "an IPv4 link, or an egress rule that drops everything (see egress)", nil
		v.read = "the link itself runs over IPv6"
		return v
	}
	v.read = "on: " + strings.Join(names, ", ")
	if f.usesIPv6() {
		v.read += ", with an address that somebody may use"
	}
	return v
}

// usesIPv6 says whether the interface has an IPv6 address beside the one that it gave itself.
func (f *Facts) usesIPv6() bool {
	for _, p := range f.Address {
		if p.Addr().Is6() && !p.Addr().IsLinkLocalUnicast() {
			return true
		}
	}
	return false
}

func judgeAutoconf(f *Facts) verdict {
	v := verdict{severity: f.talks(), want: "all 0", safe: true}
	var set []string
	for i := range f.Stack {
		d := &f.Stack[i]
		if d.IPv6.Err != nil {
			return d.IPv6.unread("IPv6 settings")
		}
		if d.IPv6.Value.Disabled != 0 {
			continue
		}
		for _, s := range []struct {
			name  string
			value uint64
		}{
			{"accept_ra", d.IPv6.Value.AcceptRA}, {"autoconf", d.IPv6.Value.Autoconf},
			{"router_solicitations", d.IPv6.Value.Solicitations}, {"dad_transmits", d.IPv6.Value.DAD},
		} {
			if s.value != 0 {
				set = append(set, s.name)
				v.mend = append(v.mend, sysctl("net/ipv6/conf/"+d.Name+"/"+s.name, "0"))
			}
		}
	}
	if set == nil {
		return good("off")
	}
	slices.Sort(set)
	v.read = "set: " + strings.Join(slices.Compact(set), ", ")
	return v
}

// judgePause: on the high side sending pause frames is the fault, on the low side obeying them. The other halves do
// no harm by themselves, but have no use either. Some drivers restart the link for the change: it is made unasked all the
// same, because a signal back is worse than a loss.
func judgePause(f *Facts) verdict {
	if f.Pause.Err != nil {
		return f.Pause.unread("pause frames")
	}
	p := f.Pause.Value
	v := verdict{
		severity: Note, read: fmt.Sprintf("autoneg %s, rx %s, tx %s", onOff(p.Autoneg), onOff(p.Rx), onOff(p.Tx)), want: "autoneg off, rx off, tx off",
		mend: []Step{command("ethtool", "-A", f.base().Name, "autoneg", "off", "rx", "off", "tx", "off")}, safe: true,
	}
	switch {
	case f.Link.Side == High && p.Tx, f.Link.Side == Low && p.Rx:
		v.severity = TalksBack
	case !p.Rx && !p.Tx:
		return good("off")
	}
	return v
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// judgeFirmware knows Intel's two flags: i40e's disable-fw-lldp and ice's fw-lldp-agent.
func judgeFirmware(f *Facts) verdict {
	if f.Private.Err != nil {
		return f.Private.unread("private flags")
	}
	for _, flag := range []struct {
		name string
		bad  bool
	}{{"disable-fw-lldp", false}, {"fw-lldp-agent", true}} {
		if is, known := f.Private.Value[flag.name]; known && is == flag.bad {
			return verdict{
				severity: f.talks(), read: flag.name + " is " + onOff(is), want: onOff(!is), safe: true,
				mend: []Step{command("ethtool", "--set-priv-flags", f.base().Name, flag.name, onOff(!is))},
			}
		}
	}
	return good("no LLDP in the firmware that could be switched off")
}

func judgeOwn(f *Facts) verdict {
	if !f.Shared {
		return good("leads to the link only")
	}
	return verdict{
		severity: f.talks(), read: "a default route leads through " + f.Link.Device, want: "an interface for the link alone",
		mend: []Step{command("ip", "route", "show", "default")},
	}
}

func judgePort(f *Facts) verdict {
	for i := range f.Stack {
		if d := &f.Stack[i]; d.Master != "" {
			return verdict{
				severity: f.talks(), read: d.Name + " is a port of a " + d.Master, want: "an interface of its own",
				mend: []Step{command("ip", "link", "set", "dev", d.Name, "nomaster")},
			}
		}
	}
	return good("an interface of its own")
}

func judgeMulticast(f *Facts) verdict {
	if len(f.Groups) == 0 {
		return good("no group joined")
	}
	return verdict{
		severity: TalksBack, read: "joined: " + strings.Join(f.Groups, ", "), want: "no group",
		mend: []Step{command("ip", "maddr", "show", "dev", f.top().Name), command("systemctl", "disable", "--now", "avahi-daemon")},
	}
}

// EtherTypes (if_ether.h).
const (
	etherAll  = 0x0003
	etherIP   = 0x0800
	etherLLDP = 0x88cc
)

func judgePacketSockets(f *Facts) verdict {
	v := verdict{severity: Note, want: "none, or captures only"}
	var names []string
	for _, proto := range f.Packet {
		switch proto {
		case etherLLDP:
			v.severity = f.talks()
			names = append(names, "LLDP")
			v.mend = []Step{command("systemctl", "disable", "--now", "lldpd")}
		case etherAll:
			names = append(names, "all frames (a capture?)")
		case etherIP:
			names = append(names, "IPv4 (a DHCP client?)")
		default:
			names = append(names, fmt.Sprintf("0x%04x", proto))
		}
	}
	if names == nil {
		return good("none on the interface")
	}
	v.read = strings.Join(names, ", ")
	v.mend = append(v.mend, command("ss", "-0", "-lp"))
	return v
}

func judgeForwarding(f *Facts) verdict {
	if f.Forwarding.Err != nil {
		return f.Forwarding.unread("forwarding")
	}
	if f.Forwarding.Value == 0 {
		return good("off")
	}
	return verdict{severity: Note, read: "on", want: "off", mend: []Step{sysctl("net/ipv4/ip_forward", "0")}}
}

func judgeEgress(f *Facts) verdict {
	if f.Firewall.Err != nil {
		return f.Firewall.unread("nftables")
	}
	base := f.base().Name
	if f.Firewall.Value.guarded(base) {
		return good("everything that leaves %s is dropped", base)
	}
	return verdict{
		severity: Note, read: "nothing holds back what leaves " + base, want: "a rule that drops everything (Linux 5.16)",
		mend: []Step{
			command("nft", "add table netdev pawl"),
			command("nft", fmt.Sprintf("add chain netdev pawl silence { type filter hook egress device %s priority 0; policy drop; }", base)),
		},
	}
}

func judgeSent(f *Facts) verdict {
	now, moved := f.After.Device.TxPackets, f.After.Device.TxPackets-f.Before.Device.TxPackets
	return moving(moved, now, "sent", f.base().Name)
}

func judgeHeard(f *Facts) verdict {
	now, moved := f.After.Device.RxPackets, f.After.Device.RxPackets-f.Before.Device.RxPackets
	return moving(moved, now, "received", f.base().Name)
}

// moving judges a counter of the direction in which nothing goes.
func moving(moved, now uint64, verb, device string) verdict {
	v := verdict{severity: Note, read: fmt.Sprintf("%d packets %s since the interface is there, none now", now, verb), want: "0"}
	switch {
	case now == 0:
		return good("0 packets %s", verb)
	case moved != 0:
		v.severity = TalksBack
		v.read = fmt.Sprintf("%d packets %s while the doctor watched, %d before", moved, verb, now-moved)
	}
	v.mend = []Step{command("tcpdump", "-eni", device, "-c", "20")}
	return v
}
