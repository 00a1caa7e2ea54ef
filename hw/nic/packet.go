package nic

import (
	"encoding/json"
	"net/netip"
	"slices"
)

// packet is one of the link's, as far as a firewall's rule may ask for it.
type packet struct {
	ipv6     bool
	from, to netip.Addr // from may be unset
	port     uint16     // where it goes
	stack    []string   // interfaces that it passes
	out      bool       // it leaves this machine
	any      bool       // not one packet but all: no match is certain
}

// answer is what can be told from here.
type answer uint8

const (
	unknown answer = iota
	yes
	no
	never // another protocol's field: neither == nor != holds
)

func told(b bool) answer {
	if b {
		return yes
	}
	return no
}

// matches answers an nft match expression (libnftables-json(5)).
func (p *packet) matches(body json.RawMessage) answer {
	var match struct {
		Op    string
		Left  map[string]json.RawMessage
		Right json.RawMessage
	}
	if json.Unmarshal(body, &match) != nil || len(match.Left) != 1 {
		return unknown
	}
	if p.any {
		return unknown
	}
	a := p.compare(match.Left, match.Right)
	if a == never {
		return no
	}
	switch match.Op {
	case "==", "in":
		return a
	case "!=":
		switch a {
		case yes:
			return no
		case no:
			return yes
		}
	}
	return unknown
}

// compare says whether the thing on the left is (one of) the right.
func (p *packet) compare(left map[string]json.RawMessage, right json.RawMessage) answer {
	var field struct{ Protocol, Field, Key string }
	for kind, body := range left {
		if json.Unmarshal(body, &field) != nil {
			return unknown
		}
		switch kind {
		case "payload":
			return p.payload(field.Protocol, field.Field, right)
		case "meta":
			return p.meta(field.Key, right)
		case "ct":
			if field.Key != "state" {
				return unknown
			}
			// Nothing ever answers on a diode: connection tracking calls each packet new.
			return anyOf(right, func(v json.RawMessage) answer { return told(text(v) == "new" || text(v) == "untracked") })
		}
	}
	return unknown
}

func (p *packet) payload(protocol, field string, right json.RawMessage) answer {
	switch protocol + " " + field {
	case "udp dport", "th dport":
		return anyOf(right, func(v json.RawMessage) answer { return number(v, uint64(p.port)) })
	case "ip protocol", "ip6 nexthdr":
		return p.protocol(right)
	case "ip saddr", "ip6 saddr":
		return p.family(protocol, right, p.from)
	case "ip daddr", "ip6 daddr":
		return p.family(protocol, right, p.to)
	}
	switch protocol {
	case "tcp", "icmp", "icmpv6", "sctp", "dccp", "arp", "esp", "ah":
		return never
	}
	return unknown
}

func (p *packet) family(protocol string, right json.RawMessage, a netip.Addr) answer {
	if (protocol == "ip6") != p.ipv6 {
		return never
	}
	if !a.IsValid() {
		return unknown
	}
	return anyOf(right, func(v json.RawMessage) answer { return address(v, a) })
}

func (p *packet) protocol(right json.RawMessage) answer {
	return anyOf(right, func(v json.RawMessage) answer { return told(text(v) == "udp" || text(v) == "17") })
}

func (p *packet) meta(key string, right json.RawMessage) answer {
	device := func(v json.RawMessage) answer { return told(slices.Contains(p.stack, text(v))) }
	none := func(json.RawMessage) answer { return no }
	switch key {
	case "l4proto":
		return p.protocol(right)
	case "iifname", "iif":
		if p.out {
			return anyOf(right, none)
		}
		return anyOf(right, device)
	case "oifname", "oif":
		if !p.out {
			return anyOf(right, none)
		}
		return anyOf(right, device)
	case "protocol", "nfproto":
		want := []string{"ip", "ipv4"}
		if p.ipv6 {
			want = []string{"ip6", "ipv6"}
		}
		return anyOf(right, func(v json.RawMessage) answer { return told(slices.Contains(want, text(v))) })
	}
	return unknown
}

// anyOf asks for each element of a value: a list, a set, or one alone.
func anyOf(value json.RawMessage, ask func(json.RawMessage) answer) answer {
	var set struct{ Set []json.RawMessage }
	var list []json.RawMessage
	switch {
	case json.Unmarshal(value, &list) == nil:
	case json.Unmarshal(value, &set) == nil && set.Set != nil:
		list = set.Set
	default:
		list = []json.RawMessage{value}
	}
	result := no
	for _, v := range list {
		if name := text(v); len(name) > 0 && name[0] == '@' { // a named set
			result = unknown
			continue
		}
		switch ask(v) {
		case yes:
			return yes
		case unknown:
			result = unknown
		}
	}
	return result
}

// text is a string or number as text.
func text(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

// number compares with a number or a range.
func number(v json.RawMessage, n uint64) answer {
	var one uint64
	if json.Unmarshal(v, &one) == nil {
		return told(one == n)
	}
	var r struct{ Range []uint64 }
	if json.Unmarshal(v, &r) == nil && len(r.Range) == 2 {
		return told(r.Range[0] <= n && n <= r.Range[1])
	}
	return unknown
}

// address compares with an address, a prefix or a range.
func address(v json.RawMessage, a netip.Addr) answer {
	if one, err := netip.ParseAddr(text(v)); err == nil {
		return told(one == a)
	}
	var in struct {
		Prefix *struct {
			Addr netip.Addr
			Len  int
		}
		Range []netip.Addr
	}
	switch {
	case json.Unmarshal(v, &in) != nil:
		return unknown
	case in.Prefix != nil:
		return told(netip.PrefixFrom(in.Prefix.Addr, in.Prefix.Len).Contains(a))
	case len(in.Range) == 2:
		return told(in.Range[0].Compare(a) <= 0 && a.Compare(in.Range[1]) <= 0)
	}
	return unknown
}
