package nic

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Rule is one question that the doctor asks.
type Rule struct {
	Name  string
	Sides Side // Low, High, or both
	Reads string
	Why   string     // what it does to a one-way link
	Says  []Severity // other than OK, worst first
	Mends bool       // --fix does it, at least in some cases
	judge func(*Facts) verdict
}

// verdict is what a rule says of some facts.
type verdict struct {
	severity Severity
	read     string
	want     string
	mend     []Step
	safe     bool
}

func good(format string, args ...any) verdict { return verdict{read: fmt.Sprintf(format, args...)} }

// Rules are all rules, in the order in which findings of equal severity are shown, which is also the order of mending.
var rules = []Rule{
	// What talks.
	{"arp", High, "IFF_NOARP and arp_ignore of the interface and what it stands on",
		"The kernel answers every ARP request for its address: a frame into the way back, at the low side's bidding.",
		[]Severity{TalksBack}, true, judgeARP},
	{"ipv6", Low | High, "net.ipv6.conf.DEVICE.disable_ipv6",
		"IPv6 speaks by itself: router solicitations, duplicate address detection, multicast reports, at each start of the interface. From the low side they are strays that the receiver's evidence has to explain.",
		[]Severity{TalksBack, Note}, true, judgeIPv6},
	{"ipv6-autoconf", Low | High, "accept_ra, autoconf, router_solicitations, dad_transmits of an interface with IPv6",
		"Autoconfiguration asks for routers, tests addresses and takes what it hears for configuration: routes and addresses can be set from the other end.",
		[]Severity{TalksBack, Note}, true, judgeAutoconf},
	{"pause", Low | High, "ethtool pause parameters",
		"A pause frame goes against the data: the high side's NIC sends one when it is full, the low side's NIC stops for it. That is a signal from high to low, and a media converter may forge it.",
		[]Severity{TalksBack, Note}, true, judgePause},
	{"firmware-lldp", Low | High, "private flags disable-fw-lldp and fw-lldp-agent of the driver",
		"The NIC's own firmware sends LLDP frames. Neither the kernel nor a firewall sees them, and the counters of some drivers don't either.",
		[]Severity{TalksBack, Note}, true, judgeFirmware},
	{"own-interface", Low | High, "whether a default route leads through the interface",
		"An interface that also leads elsewhere is used by every program on the machine. Nothing is mended unasked on it: it could cut the machine off.",
		[]Severity{TalksBack, Note}, false, judgeOwn},
	{"port", Low | High, "whether the interface is a port of a bridge or bond",
		"A bridge floods other networks' frames and spanning tree into the link; a bond may send LACP.",
		[]Severity{TalksBack, Note}, false, judgePort},
	{"multicast", High, "/proc/net/igmp",
		"Whoever joins a group (mDNS is 224.0.0.251) makes the kernel send IGMP reports.",
		[]Severity{TalksBack}, false, judgeMulticast},
	{"packet-sockets", Low | High, "/proc/net/packet",
		"A program that has a packet socket on the interface may be one that talks: LLDP daemons and DHCP clients do, captures don't.",
		[]Severity{TalksBack, Note}, false, judgePacketSockets},
	{"forwarding", High, "net.ipv4.conf.all.forwarding",
		"A machine that routes may send other networks' packets out through the diode's interface.",
		[]Severity{Note}, false, judgeForwarding},
	{"egress", High, "nftables: netdev egress chains of the interface",
		"Without a rule that drops whatever leaves, the kernel's own answers (ICMP port unreachable while no receiver listens, ARP, IGMP) reach the wire.",
		[]Severity{Note}, false, judgeEgress},
	{"sent", High, "tx_packets of the hardware, twice",
		"A receiver's interface has nothing to send. What it sent went into the way back.",
		[]Severity{TalksBack, Note}, false, judgeSent},
	{"heard", Low, "rx_packets of the hardware, twice",
		"Nothing can arrive at the sender's interface unless there is a way back.",
		[]Severity{TalksBack, Note}, false, judgeHeard},
	// What loses.
	{"link", Low | High, "flags and carrier of the interface and what it stands on",
		"A link that is down carries nothing. Many NICs and media converters refuse to come up without light from the other end: see docs/hardware.md.",
		[]Severity{LosesPackets}, false, judgeLink},
	{"speed", Low | High, "speed and duplex of the hardware",
		"Packets that come faster than the line are dropped by the sender's own queue, in silence. Half duplex waits for a silence that it may never hear.",
		[]Severity{LosesPackets}, false, judgeSpeed},
	{"mtu", Low | High, "MTU of the interface and what it stands on, against mtu in the configuration",
		"Packets are as long as the configured MTU and must not be fragmented. The low side refuses them, the high side's hardware drops them.",
		[]Severity{LosesPackets}, true, judgeMTU},
	{"route", Low, "the kernel's route from the local address to the receiver",
		"Packets go where the route says: to another network, which has no business with them, or nowhere.",
		[]Severity{LosesPackets, Note}, true, judgeRoute},
	{"neighbour", Low, "the neighbour entry of the receiver (or of the gateway to it)",
		"Nobody answers ARP or neighbour discovery across a diode. Without an entry set by hand nothing is sent, and one that is not permanent ends.",
		[]Severity{LosesPackets}, true, judgeNeighbour},
	{"firewall", Low | High, "nftables' rules for the link's packets",
		"A firewall drops in silence. On a one-way link connection tracking never sees an answer: a rule for established connections lets nothing through.",
		[]Severity{LosesPackets, Note}, false, judgeFirewall},
	{"rp-filter", High, "net.ipv4.conf.{all,DEVICE}.rp_filter and the routes back to the senders",
		"Strict reverse path filtering drops packets from an address to which the kernel would not answer through this interface; loose, from one to which it has no route at all.",
		[]Severity{LosesPackets, Note}, true, judgeRPFilter},
	{"buffer", Low | High, "net.core.rmem_max or wmem_max, against receive_buffer or send_buffer",
		"The kernel cuts the socket's buffer down to this limit unless the program has CAP_NET_ADMIN. A short receive buffer loses whatever comes while the receiver waits for a processor.",
		[]Severity{LosesPackets, Note}, true, judgeBuffer},
	{"udp-memory", High, "net.ipv4.udp_mem, against receive_buffer",
		"All UDP sockets share this memory. When it is spent, packets are dropped although the socket's buffer has room.",
		[]Severity{LosesPackets, Note}, true, judgeUDPMemory},
	{"rings", High, "ethtool ring parameters",
		"The receive ring holds what arrives until a processor comes. It costs memory only; a full one loses packets.",
		[]Severity{LosesPackets}, false, judgeRings},
	{"backlog", High, "net.core.netdev_max_backlog",
		"Interfaces without hardware, and RPS, queue packets here before the kernel looks at them.",
		[]Severity{Note}, true, judgeBacklog},
	{"drops", Low | High, "drop and error counters of the hardware, the kernel's backlog and UDP, twice",
		"These packets were lost in this machine, not on the line. Damage (rx_errors) comes from the line: light, connector, cable.",
		[]Severity{LosesPackets, Note}, false, judgeDrops},
	// What costs.
	{"offload", Low | High, "ethtool features: rx-gro on the high side; transmit checksum and scatter-gather on the low side",
		"Receiving without GRO takes every packet through the kernel alone. Without transmit checksums the kernel refuses to cut batches (UDP GSO), and each packet is a send of its own.",
		[]Severity{Note}, true, judgeOffload},
	{"queues", High, "receive queues, their interrupts' processors, and RPS",
		"A link is one flow: it comes through one queue to one processor. RPS only moves it to another one, by way of one more queue.",
		[]Severity{Note}, false, judgeQueues},
	{"tx-queue", Low, "tx_queue_len of the interface",
		"A send of a batch that does not fit the device's queue loses packets in silence.",
		[]Severity{Note}, true, judgeTxQueue},
}

// Rules returns all rules.
func Rules() []Rule { return slices.Clone(rules) }

// Judge asks all rules of the link's side and returns a finding for each, worst first.
func Judge(f *Facts) []Finding {
	var found []Finding
	for i := range rules {
		r := &rules[i]
		if r.Sides&f.Link.Side == 0 {
			continue
		}
		v := r.judge(f)
		finding := Finding{Rule: r.Name, Severity: v.severity, Read: v.read}
		if v.severity != OK {
			finding.Want, finding.Why, finding.Mend, finding.Safe = v.want, r.Why, v.mend, v.safe && len(v.mend) > 0 && !f.Shared
		}
		found = append(found, finding)
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return found
}

// talks is the severity of saying something by itself: from high to low it is a signal, from low to high a stray.
func (f *Facts) talks() Severity {
	if f.Link.Side == High {
		return TalksBack
	}
	return Note
}

// Table is the table of all rules in Markdown, as docs/doctor.md has it.
func Table() string {
	var b strings.Builder
	b.WriteString("| finding | side | may say | reads | why it matters | `--fix` |\n|---|---|---|---|---|---|\n")
	for i := range rules {
		r := &rules[i]
		says := make([]string, len(r.Says))
		for j, s := range r.Says {
			says[j] = s.String()
		}
		mends := "no"
		if r.Mends {
			mends = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", r.Name, r.Sides, strings.Join(says, ", "), r.Reads, r.Why, mends)
	}
	return b.String()
}
