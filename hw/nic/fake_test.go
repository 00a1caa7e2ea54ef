package nic

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// fake is a machine in memory, healthy until a test spoils it. Its interface nic0.7 is a VLAN on nic0, which is hardware:
// rings, pause frames and firmware are what veth, and so the testbed, lacks.
type fake struct {
	files      fstest.MapFS
	ring       Ring
	pause      Pause
	features   map[string]bool
	private    map[string]bool
	driverErr  error
	addresses  []netip.Prefix
	neighbour  Neighbour
	noEntry    error
	permanent  []netip.Addr
	route      Route
	noRoute    error
	everywhere string // where the default route leads
	ruleset    string
	nftErr     error
	ran        []string
	refuse     string // a command that fails
	afterWatch func() // called before the second reading
	reads      int
}

var (
	lowAddress  = netip.MustParseAddr("10.9.0.1")
	highAddress = netip.MustParseAddr("10.9.0.2")
)

const emptyRuleset = `{"nftables": [{"metainfo": {"version": "1.0.6"}}]}`

func newFake() *fake {
	f := &fake{
		files: fstest.MapFS{}, ring: Ring{Rx: 4096, RxMax: 4096, Tx: 512, TxMax: 4096}, private: map[string]bool{"disable-fw-lldp": true},
		features: map[string]bool{
			"rx-gro": true, "tx-checksum-ip-generic": true, "tx-scatter-gather": true, "tx-generic-segmentation": true, "tx-udp-segmentation": true,
		},
		neighbour: Neighbour{MAC: "02:00:00:00:00:02", State: "permanent", Permanent: true}, route: Route{Device: "nic0.7"}, ruleset: emptyRuleset,
	}
	for _, device := range []string{"nic0", "nic0.7"} {
		at := "sys/class/net/" + device + "/"
		for name, text := range map[string]string{
			"flags": "0x1083", "mtu": "1500", "carrier": "1", "speed": "10000", "duplex": "full", "tx_queue_len": "1000", "ifindex": "3",
			"queues/rx-0/rps_cpus": "00,00000000",
		} {
			f.set(at+name, text)
		}
		for _, counter := range []string{"rx_packets", "rx_bytes", "rx_dropped", "rx_errors", "rx_missed_errors", "tx_packets", "tx_bytes", "tx_dropped", "tx_errors"} {
			f.set(at+"statistics/"+counter, "0")
		}
		f.set("proc/sys/net/ipv6/conf/"+device+"/disable_ipv6", "1")
		for _, name := range []string{"accept_ra", "autoconf", "router_solicitations", "dad_transmits"} {
			f.set("proc/sys/net/ipv6/conf/"+device+"/"+name, "0")
		}
		f.set("proc/sys/net/ipv4/conf/"+device+"/rp_filter", "0")
		f.set("proc/sys/net/ipv4/conf/"+device+"/arp_ignore", "0")
	}
	f.set("sys/class/net/nic0.7/lower_nic0/ifindex", "2")
	f.set("sys/class/net/nic0/device/msi_irqs/33", "")
	f.set("proc/irq/33/effective_affinity_list", "1")
	for name, text := range map[string]string{
		"core/rmem_max": "67108864", "core/wmem_max": "67108864", "core/netdev_max_backlog": "1000", "ipv4/udp_mem": "100000 200000 300000",
		"ipv4/conf/all/forwarding": "0", "ipv4/conf/all/rp_filter": "0", "ipv4/conf/all/arp_ignore": "0",
	} {
		f.set("proc/sys/net/"+name, text)
	}
	f.set("proc/net/softnet_stat", "00000010 00000000 00000000\n00000020 00000000 00000000")
	f.set("proc/net/snmp", "Ip: Forwarding\nIp: 1\nUdp: InDatagrams RcvbufErrors InCsumErrors MemErrors\nUdp: 5 0 0 0")
	f.set("proc/net/igmp", "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n3\tnic0.7    :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0")
	f.set("proc/net/packet", "sk       RefCnt Type Proto  Iface R Rmem   User   Inode")
	return f
}

func (f *fake) set(path, text string) { f.files[path] = &fstest.MapFile{Data: []byte(text + "\n")} }

func (f *fake) machine() *Machine {
	return &Machine{Root: &spied{f}, Net: f, Driver: f, Run: f.run, Set: func(key, value string) error {
		f.ran = append(f.ran, key+"="+value)
		if f.files["proc/sys/"+key] == nil {
			return fs.ErrNotExist
		}
		f.set("proc/sys/"+key, value)
		return nil
	}}
}

// spied changes the counters between the doctor's two looks.
type spied struct{ f *fake }

func (s *spied) Open(name string) (fs.File, error) {
	if name == "proc/net/softnet_stat" {
		if s.f.reads++; s.f.reads == 1 && s.f.afterWatch != nil {
			defer s.f.afterWatch()
		}
	}
	return s.f.files.Open(name)
}

func (f *fake) run(_ context.Context, args ...string) ([]byte, error) {
	line := strings.Join(args, " ")
	switch {
	case line == "nft -j list ruleset":
		return []byte(f.ruleset), f.nftErr
	case strings.HasPrefix(line, "nft list chain netdev"):
		return []byte("table netdev pawl {\n\tchain x {\n\t\ttype filter hook egress devices = { nic0, nic1 } priority filter; policy drop;"), nil
	}
	f.ran = append(f.ran, line)
	if f.refuse != "" && strings.Contains(line, f.refuse) {
		return nil, errors.New("refused")
	}
	return nil, nil
}

func (f *fake) Holder(a netip.Addr) (string, error) {
	if a == lowAddress || a == highAddress {
		return "nic0.7", nil
	}
	return "", fmt.Errorf("no interface has the address %s", a)
}

func (f *fake) Addresses(string) ([]netip.Prefix, error)        { return f.addresses, nil }
func (f *fake) Neighbour(string, netip.Addr) (Neighbour, error) { return f.neighbour, f.noEntry }
func (f *fake) Neighbours(string) ([]netip.Addr, error)         { return f.permanent, nil }
func (f *fake) Route(to, _ netip.Addr) (Route, error) {
	if slices.Contains(anywhere, to) {
		return Route{Device: f.everywhere}, nil
	}
	return f.route, f.noRoute
}
func (f *fake) Ring(string) (Ring, error)                    { return f.ring, f.driverErr }
func (f *fake) Pause(string) (Pause, error)                  { return f.pause, f.driverErr }
func (f *fake) Features(string) (map[string]bool, error)     { return f.features, f.driverErr }
func (f *fake) PrivateFlags(string) (map[string]bool, error) { return f.private, f.driverErr }
func (f *fake) device(name, text string)                     { f.set("sys/class/net/nic0/"+name, text) }
func (f *fake) sysctl(key, value string)                     { f.set("proc/sys/net/"+key, value) }
func (f *fake) rules(chain, rules string)                    { f.ruleset = `{"nftables": [` + chain + rules + `]}` }
func (f *fake) ipv6(device, name, value string)              { f.sysctl("ipv6/conf/"+device+"/"+name, value) }
func (f *fake) moves(counter string)                         { f.afterWatch = func() { f.device("statistics/"+counter, "9") } }

// link is the end that tests examine.
func link(side Side) Link {
	l := Link{Side: side, Device: "nic0.7", Local: lowAddress, Remote: highAddress, Port: 4600, MTU: 1500, Rate: 1e9, Buffer: 1 << 20}
	if side == High {
		l.Local, l.Remote, l.Rate = highAddress, netip.Addr{}, 0
		l.Buffer = 64 << 20
	}
	return l
}

// examine reads and judges; findings are by rule.
func examine(t *testing.T, f *fake, l Link) map[string]Finding {
	t.Helper()
	facts, err := f.machine().Read(t.Context(), l, 1)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Finding{}
	for _, finding := range Judge(facts) {
		out[finding.Rule] = finding
	}
	return out
}

var errNotInstalled = fmt.Errorf("nft: %w", exec.ErrNotFound)
