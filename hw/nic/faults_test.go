package nic

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

const (
	inputChain  = `{"chain": {"family": "inet", "table": "f", "name": "in", "hook": "input", "prio": 0, "policy": "accept"}}`
	egressChain = `{"chain": {"family": "netdev", "table": "p", "name": "x", "hook": "egress", "prio": 0, "policy": "drop"}}`
)

// faults sets each fault that a rule knows, one at a time.
var faults = []struct {
	rule  string
	name  string
	side  Side
	spoil func(f *fake, l *Link)
	want  Severity
	mend  string // a command that must be among the steps; "-" for one that is not safe
}{
	{"arp", "hardware answers", High, func(f *fake, _ *Link) { f.set("sys/class/net/nic0.7/flags", "0x1003") }, TalksBack, "ip link set dev nic0.7 arp off"},
	{"ipv6", "on", High, func(f *fake, _ *Link) { f.ipv6("nic0", "disable_ipv6", "0") }, TalksBack, "sysctl -w net/ipv6/conf/nic0/disable_ipv6='1'"},
	{"ipv6", "on", Low, func(f *fake, _ *Link) { f.ipv6("nic0.7", "disable_ipv6", "0") }, Note, "sysctl -w net/ipv6/conf/nic0.7/disable_ipv6='1'"},
	{"ipv6", "in use", High, func(f *fake, _ *Link) {
		f.ipv6("nic0.7", "disable_ipv6", "0")
		f.addresses = []netip.Prefix{netip.MustParsePrefix("2001:db8::1/64")}
	}, TalksBack, "-sysctl -w net/ipv6/conf/nic0.7/disable_ipv6='1'"},
	{"ipv6", "is the link", High, func(f *fake, l *Link) {
		f.ipv6("nic0.7", "disable_ipv6", "0")
		l.Local = netip.MustParseAddr("fd00::2")
	}, Note, "-"},
	{"ipv6", "unreadable", Low, func(f *fake, _ *Link) { f.ipv6("nic0.7", "disable_ipv6", "?") }, Note, "-"},
	{"ipv6-autoconf", "on", High, func(f *fake, _ *Link) {
		f.ipv6("nic0.7", "disable_ipv6", "0")
		f.ipv6("nic0.7", "autoconf", "1")
		f.ipv6("nic0.7", "router_solicitations", "-1")
	}, TalksBack, "sysctl -w net/ipv6/conf/nic0.7/router_solicitations='0'"},
	{"ipv6-autoconf", "on", Low, func(f *fake, _ *Link) {
		f.ipv6("nic0", "disable_ipv6", "0")
		f.ipv6("nic0", "accept_ra", "1")
	}, Note, "sysctl -w net/ipv6/conf/nic0/accept_ra='0'"},
	{"pause", "sends", High, func(f *fake, _ *Link) { f.pause = Pause{Tx: true} }, TalksBack, "ethtool -A nic0 autoneg off rx off tx off"},
	{"pause", "obeys", Low, func(f *fake, _ *Link) { f.pause = Pause{Rx: true, Autoneg: true} }, TalksBack, "ethtool -A nic0 autoneg off rx off tx off"},
	{"pause", "obeys", High, func(f *fake, _ *Link) { f.pause = Pause{Rx: true} }, Note, "ethtool -A nic0 autoneg off rx off tx off"},
	{"firmware-lldp", "i40e", High, func(f *fake, _ *Link) { f.private["disable-fw-lldp"] = false }, TalksBack, "ethtool --set-priv-flags nic0 disable-fw-lldp on"},
	{"firmware-lldp", "ice", Low, func(f *fake, _ *Link) { f.private = map[string]bool{"fw-lldp-agent": true} }, Note, "ethtool --set-priv-flags nic0 fw-lldp-agent off"},
	{"own-interface", "default route", High, func(f *fake, _ *Link) { f.everywhere = "nic0.7" }, TalksBack, "-ip route show default"},
	{"own-interface", "default route", Low, func(f *fake, _ *Link) { f.everywhere = "nic0" }, Note, "-ip route show default"},
	{"port", "bridge", High, func(f *fake, _ *Link) { f.device("brport/state", "3") }, TalksBack, "-ip link set dev nic0 nomaster"},
	{"port", "bond", Low, func(f *fake, _ *Link) { f.device("bonding_slave/state", "x") }, Note, "-ip link set dev nic0 nomaster"},
	{"multicast", "mDNS", High, func(f *fake, _ *Link) {
		f.set("proc/net/igmp", "Idx\tDevice\n3\tnic0.7    :     2      V3\n\t\t\t\tFB0000E0     1 0:00000000\t\t0\n\t\t\t\t010000E0     1 0:0\t\t0")
	}, TalksBack, "-systemctl disable --now avahi-daemon"},
	{"packet-sockets", "LLDP", High, func(f *fake, _ *Link) {
		f.set("proc/net/packet", "sk RefCnt Type Proto Iface R Rmem User Inode\n0000 3 3 88cc 3 1 0 0 99")
	}, TalksBack, "-systemctl disable --now lldpd"},
	{"packet-sockets", "capture", High, func(f *fake, _ *Link) {
		f.set("proc/net/packet", "sk RefCnt Type Proto Iface R Rmem User Inode\n0000 3 3 0003 3 1 0 0 99\n0000 3 3 88cc 4 1 0 0 99")
	}, Note, "-ss -0 -lp"},
	{"forwarding", "on", High, func(f *fake, _ *Link) { f.sysctl("ipv4/conf/all/forwarding", "1") }, Note, "-sysctl -w net/ipv4/ip_forward='0'"},
	{"egress", "none", High, func(*fake, *Link) {}, Note, "-nft 'add table netdev pawl'"},
	{"sent", "before", High, func(f *fake, _ *Link) { f.device("statistics/tx_packets", "7") }, Note, "-tcpdump -eni nic0 -c 20"},
	{"sent", "now", High, func(f *fake, _ *Link) { f.moves("tx_packets") }, TalksBack, "-tcpdump -eni nic0 -c 20"},
	{"heard", "before", Low, func(f *fake, _ *Link) { f.device("statistics/rx_packets", "7") }, Note, "-tcpdump -eni nic0 -c 20"},
	{"heard", "now", Low, func(f *fake, _ *Link) { f.moves("rx_packets") }, TalksBack, "-tcpdump -eni nic0 -c 20"},
	{"link", "down", Low, func(f *fake, _ *Link) { f.device("flags", "0x1082") }, LosesPackets, "-ip link set dev nic0 up"},
	{"link", "dark", High, func(f *fake, _ *Link) { f.device("carrier", "0") }, LosesPackets, "-ethtool nic0"},
	{"speed", "too slow", Low, func(f *fake, _ *Link) { f.device("speed", "100") }, LosesPackets, "-"},
	{"speed", "half duplex", High, func(f *fake, _ *Link) { f.device("duplex", "half") }, LosesPackets, "-ethtool -s nic0 duplex full autoneg off"},
	{"mtu", "too small", High, func(_ *fake, l *Link) { l.MTU = 9000 }, LosesPackets, "ip link set dev nic0 mtu 9000"},
	{"route", "elsewhere", Low, func(f *fake, _ *Link) { f.route.Device = "lan0" }, LosesPackets, "ip route replace 10.9.0.2/32 dev nic0.7 src 10.9.0.1"},
	{"route", "none", Low, func(f *fake, _ *Link) { f.noRoute = errors.New("network is unreachable") }, LosesPackets, "ip route replace 10.9.0.2/32 dev nic0.7 src 10.9.0.1"},
	{"route", "to itself", Low, func(f *fake, _ *Link) { f.route.Local = true }, LosesPackets, "-"},
	{"route", "by a gateway", Low, func(f *fake, _ *Link) { f.route.Gateway = netip.MustParseAddr("10.9.0.254") }, Note, "-ip route replace 10.9.0.2/32 dev nic0.7 src 10.9.0.1"},
	{"neighbour", "missing", Low, func(f *fake, _ *Link) { f.noEntry = ErrNone }, LosesPackets, "-ip neigh replace 10.9.0.2 lladdr RECEIVERS-MAC-ADDRESS dev nic0.7 nud permanent"},
	{"neighbour", "asked in vain", Low, func(f *fake, _ *Link) { f.neighbour = Neighbour{State: "failed"} }, LosesPackets, "-ip neigh replace 10.9.0.2 lladdr RECEIVERS-MAC-ADDRESS dev nic0.7 nud permanent"},
	{"neighbour", "ends", Low, func(f *fake, _ *Link) { f.neighbour.Permanent, f.neighbour.State = false, "stale" }, LosesPackets, "ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:02 dev nic0.7 nud permanent"},
	{"firewall", "drops the port", High, func(f *fake, _ *Link) {
		f.rules(inputChain, `,{"rule": {"family": "inet", "table": "f", "chain": "in", "handle": 5, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 4600}}, {"drop": null}]}}`)
	}, LosesPackets, "-nft insert rule inet f in udp dport 4600 accept"},
	{"firewall", "may drop", High, func(f *fake, _ *Link) {
		f.rules(inputChain, `,{"rule": {"family": "inet", "table": "f", "chain": "in", "handle": 5, "expr": [{"limit": {"rate": 3}}, {"drop": null}]}}`)
	}, Note, "-nft insert rule inet f in udp dport 4600 accept"},
	{"firewall", "unreadable", Low, func(f *fake, _ *Link) { f.nftErr = errNotInstalled }, Note, "-"},
	{"rp-filter", "strict, way back elsewhere", High, func(f *fake, l *Link) {
		f.sysctl("ipv4/conf/all/rp_filter", "1")
		f.route.Device, l.From = "lan0", []netip.Addr{lowAddress}
	}, LosesPackets, "sysctl -w net/ipv4/conf/nic0.7/rp_filter='2'"},
	{"rp-filter", "loose, no way back", High, func(f *fake, l *Link) {
		f.sysctl("ipv4/conf/nic0.7/rp_filter", "2")
		f.noRoute, l.From = errors.New("network is unreachable"), []netip.Addr{lowAddress}
	}, LosesPackets, "ip route replace 10.9.0.1/32 dev nic0.7"},
	{"rp-filter", "sender not known", High, func(f *fake, _ *Link) { f.sysctl("ipv4/conf/all/rp_filter", "1") }, Note, "-"},
	{"buffer", "small", High, func(f *fake, _ *Link) { f.sysctl("core/rmem_max", "212992") }, LosesPackets, "sysctl -w net/core/rmem_max='67108864'"},
	{"buffer", "small", Low, func(f *fake, _ *Link) { f.sysctl("core/wmem_max", "212992") }, Note, "sysctl -w net/core/wmem_max='1048576'"},
	{"udp-memory", "small", High, func(f *fake, _ *Link) { f.sysctl("ipv4/udp_mem", "10 20 30") }, LosesPackets, "sysctl -w net/ipv4/udp_mem='" + strings.Repeat(fmt.Sprint((128<<20)/os.Getpagesize())+" ", 3)[:len(fmt.Sprint((128<<20)/os.Getpagesize()))*3+2] + "'"},
	{"udp-memory", "not visible", High, func(f *fake, _ *Link) { delete(f.files, "proc/sys/net/ipv4/udp_mem") }, Note, "-"},
	{"rings", "small", High, func(f *fake, _ *Link) { f.ring.Rx = 256 }, LosesPackets, "-ethtool -G nic0 rx 4096"},
	{"backlog", "short under RPS", High, func(f *fake, _ *Link) { f.device("queues/rx-0/rps_cpus", "3") }, Note, "sysctl -w net/core/netdev_max_backlog='4096'"},
	{"drops", "ring", High, func(f *fake, _ *Link) { f.moves("rx_missed_errors") }, LosesPackets, "-ethtool -S nic0"},
	{"drops", "before", Low, func(f *fake, _ *Link) { f.device("statistics/tx_dropped", "3") }, Note, "-ethtool -S nic0"},
	{"offload", "GRO", High, func(f *fake, _ *Link) { f.features["rx-gro"] = false }, Note, "ethtool -K nic0 gro on"},
	{"offload", "checksums", Low, func(f *fake, _ *Link) { f.features["tx-checksum-ip-generic"] = false }, Note, "ethtool -K nic0 tx on"},
	{"queues", "RPS", High, func(f *fake, _ *Link) { f.device("queues/rx-0/rps_cpus", "3") }, Note, "-sh -c 'echo 0 > /sys/class/net/nic0/queues/rx-0/rps_cpus'"},
	{"tx-queue", "short", Low, func(f *fake, _ *Link) { f.device("tx_queue_len", "50") }, Note, "ip link set dev nic0 txqueuelen 1000"},
}
