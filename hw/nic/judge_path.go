package nic

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
)

func judgeRoute(f *Facts) verdict {
	l := f.Link
	bits := strconv.Itoa(l.Remote.BitLen())
	fix := []string{"ip", "route", "replace", l.Remote.String() + "/" + bits, "dev", l.Device}
	if l.Local.IsValid() && !l.Local.IsUnspecified() {
		fix = append(fix, "src", l.Local.String())
	}
	v := verdict{severity: LosesPackets, want: "through " + l.Device, mend: []Step{command(fix...)}, safe: f.top().Up}
	r := f.Route.Value
	switch {
	case f.Route.Err != nil:
		v.read = fmt.Sprintf("none to %s: %v", l.Remote, f.Route.Err)
		return v
	case r.Local:
		return verdict{severity: LosesPackets, read: l.Remote.String() + " is an address of this machine", want: "the receiver's address in remote"}
	case r.Device != l.Device:
		v.read = "through " + r.Device
		return v
	case r.Gateway.IsValid():
		return verdict{
			severity: Note, read: fmt.Sprintf("through %s by the gateway %s", r.Device, r.Gateway), want: "the receiver next to the sender, if the link has no router",
			mend: v.mend,
		}
	}
	return good("through %s", r.Device)
}

// judgeNeighbour pins an entry that is there; one that is not there needs an address that only people know.
func judgeNeighbour(f *Facts) verdict {
	hop := f.Link.Remote
	if f.Route.Err == nil && f.Route.Value.Gateway.IsValid() && f.Route.Value.Device == f.Link.Device {
		hop = f.Route.Value.Gateway
	}
	if hop.IsMulticast() || hop == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return good("none needed for %s", hop)
	}
	n, err := f.Neighbour.Value, f.Neighbour.Err
	set := func(mac string) []Step {
		return []Step{command("ip", "neigh", "replace", hop.String(), "lladdr", mac, "dev", f.Link.Device, "nud", "permanent")}
	}
	v := verdict{severity: LosesPackets, want: "a permanent entry"}
	switch {
	case err != nil && !errors.Is(err, ErrNone):
		return f.Neighbour.unread("neighbour entry")
	case err != nil || n.MAC == "":
		v.read = "none for " + hop.String()
		if err == nil {
			v.read += " (" + n.State + ")"
		}
		v.mend = set("RECEIVERS-MAC-ADDRESS")
		return v
	case !n.Permanent:
		v.read, v.mend, v.safe = fmt.Sprintf("%s is %s, %s", hop, n.MAC, n.State), set(n.MAC), true
		return v
	}
	return good("%s is %s, permanent", hop, n.MAC)
}

func judgeFirewall(f *Facts) verdict {
	if f.Firewall.Err != nil {
		return f.Firewall.unread("nftables")
	}
	p := &packet{ipv6: f.Link.ipv6(), from: f.Link.Local, to: f.Link.Remote, port: f.Link.Port, out: f.Link.Side == Low}
	if f.Link.Side == High {
		p.from, p.to = netip.Addr{}, f.Link.Local
		if len(f.Link.From) > 0 {
			p.from = f.Link.From[0]
		}
	}
	if p.from.IsValid() && p.from.IsUnspecified() {
		p.from = netip.Addr{}
	}
	if p.to.IsUnspecified() {
		p.to = netip.Addr{}
	}
	for i := range f.Stack {
		p.stack = append(p.stack, f.Stack[i].Name)
	}
	what := f.Firewall.Value.judge(p, hooks(f.Link.Side))
	if !what.drop {
		return good("nothing drops UDP to port %d", f.Link.Port)
	}
	c := what.chain
	v := verdict{
		severity: LosesPackets, read: "dropped by " + what.where, want: fmt.Sprintf("UDP to port %d accepted", f.Link.Port),
		mend: []Step{command("nft", "insert", "rule", c.Family, c.Table, c.Name, "udp", "dport", strconv.Itoa(int(f.Link.Port)), "accept")},
	}
	if !what.certain {
		v.severity, v.read = Note, "may be dropped by "+what.where
	}
	return v
}

// Modes of rp_filter (RFC 3704).
const (
	rpStrict = 1
	rpLoose  = 2
)

// judgeRPFilter: of the settings for all interfaces and for one the larger counts, and loose is larger than strict.
func judgeRPFilter(f *Facts) verdict {
	mode := f.RPFilter
	switch {
	case f.Link.ipv6():
		return good("not for IPv6")
	case mode.Err != nil:
		return mode.unread("rp_filter")
	case mode.Value == 0:
		return good("off")
	}
	word := map[uint64]string{rpStrict: "strict", rpLoose: "loose"}[mode.Value]
	for _, back := range f.Returns {
		r := back.Route
		switch {
		case r.Err != nil:
			return verdict{
				severity: LosesPackets, read: fmt.Sprintf("%s, and there is no route to %s", word, back.From), want: "a route through " + f.Link.Device,
				mend: []Step{command("ip", "route", "replace", back.From.String()+"/32", "dev", f.Link.Device)}, safe: f.top().Up,
			}
		case mode.Value == rpStrict && r.Value.Device != f.Link.Device:
			return verdict{
				severity: LosesPackets, read: fmt.Sprintf("%s, and the route to %s leads through %s", word, back.From, r.Value.Device), want: "loose (2)",
				mend: []Step{sysctl("net/ipv4/conf/"+f.Link.Device+"/rp_filter", "2")}, safe: true,
			}
		}
	}
	if len(f.Returns) == 0 {
		return verdict{severity: Note, read: word + ", and the sender's address is not known", want: "asked again with --from ADDRESS"}
	}
	return good("%s, and the route to %s leads through %s", word, f.Returns[0].From, f.Link.Device)
}
