//go:build linux

// Package testbed builds a one-way link on one machine: two network
// namespaces, a veth pair between them, nothing that leads back, and losses as
// a wire has them. Tests, `make demo` and pawl-bench run the real programs on it.
//
//	namespace pawl-<pid>-<n>-low                       namespace pawl-<pid>-<n>-high
//	┌───────────────────────────────────────────┐      ┌────────────────────────────────┐
//	│ program ─ UDP ─ out0 ─ cut ─ loss ─ wire0 ─┼─veth─┼▶ in0 ─ NAPI GRO ─ UDP ─ program │
//	│             (macvlan)  to MTU             ◀┼──╳───┼─ dropped and counted, both ends │
//	└───────────────────────────────────────────┘      └────────────────────────────────┘
//
// Why out0 is there: a sender hands the kernel up to 64 KiB at once (UDP GSO)
// and a veth carries that uncut, so that a loss rule would drop 44 packets of
// MTU 1500 at a time, which no wire does. A macvlan with gso_max_segs 1 on top
// of the veth makes the kernel cut first; the rules on the veth then see one
// packet at a time, and the receiving veth merges what is left again under NAPI
// as a network card's driver does. Config.Uncut leaves the cut out.
//
// Neighbour entries are static, ARP and IPv6 are off: nothing needs an answer,
// and the counters of the way back stay at 0 unless something tries it.
package testbed

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

// MaxPairs is the largest Config.Pairs: the pair's number is an octet of its addresses.
const MaxPairs = 64

// Side names an end of the bed.
type Side int

// The two ends; data flows from Low to High.
const (
	Low Side = iota
	High
)

// String is "low" or "high", as in the namespaces' names.
func (s Side) String() string {
	if s == High {
		return "high"
	}
	return "low"
}

// Config says what bed to build.
type Config struct {
	Pairs int  // links side by side, 1..MaxPairs; 0 means 1
	MTU   int  // of every link, 576..65535; 0 means 1500
	Loss  Loss // on the way from low to high; zero loses nothing; SetLoss changes it
	Uncut bool // let GSO packets cross whole: faster than any wire, and a loss takes the whole of one
}

// Bed is a one-way link that is up. Its methods may be called from several
// goroutines, except SetLoss and Down, which wait for nobody.
type Bed struct {
	cfg     Config
	name    string // common part of the namespaces' names
	outages []*outage
}

var count atomic.Uint64 // beds this process has made, for their names

// Up builds a bed. It needs root, ip, nft and ethtool (see Available), and
// Linux 6.6 when the loss has outages. The caller must call Down; what a killed
// process left behind goes with the next Sweep.
func Up(cfg Config) (*Bed, error) {
	if cfg.Pairs == 0 {
		cfg.Pairs = 1
	}
	if cfg.MTU == 0 {
		cfg.MTU = 1500
	}
	if cfg.Pairs < 1 || cfg.Pairs > MaxPairs {
		return nil, fmt.Errorf("testbed: %d pairs: must be 1 to %d", cfg.Pairs, MaxPairs)
	}
	if cfg.MTU < 576 || cfg.MTU > 65535 {
		return nil, fmt.Errorf("testbed: mtu %d: must be 576 to 65535", cfg.MTU)
	}
	if err := Available(); err != nil {
		return nil, err
	}
	b := &Bed{cfg: cfg, name: fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), count.Add(1))}
	if err := b.build(); err != nil {
		return nil, errors.Join(fmt.Errorf("testbed: %w", err), b.Down())
	}
	return b, nil
}

func (b *Bed) build() error {
	for _, side := range []Side{Low, High} {
		if err := run("ip", "", "netns", "add", b.Namespace(side)); err != nil {
			return err
		}
		if err := b.Do(side, disableIPv6); err != nil {
			return err
		}
	}
	for p := range b.cfg.Pairs {
		if err := b.pair(p); err != nil {
			return fmt.Errorf("pair %d: %w", p, err)
		}
	}
	if err := b.lit(); err != nil {
		return err
	}
	if err := b.nft(High, b.highRules()); err != nil {
		return err
	}
	if err := b.nft(Low, b.lowRules()); err != nil {
		return err
	}
	return b.SetLoss(b.cfg.Loss)
}

// carrierPatience is what the kernel gets to bring a carrier up; on a loaded machine it takes its time.
const carrierPatience = 10 * time.Second

// lit waits for the carriers of all links: a macvlan follows the device below it by and by, and drops what is sent before.
func (b *Bed) lit() error {
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	limit := time.NewTimer(carrierPatience)
	defer limit.Stop()
	for p := range b.cfg.Pairs {
		for _, side := range []Side{Low, High} {
			for {
				out, err := exec.Command("ip", "-n", b.Namespace(side), "-o", "link", "show", b.Device(side, p)).Output()
				if err != nil {
					return fmt.Errorf("link %d: %w", p, err)
				}
				if strings.Contains(string(out), "LOWER_UP") {
					break
				}
				select {
				case <-look.C:
				case <-limit.C:
					return fmt.Errorf("link %d has no carrier after %v", p, carrierPatience)
				}
			}
		}
	}
	return nil
}

// pair makes link p. veth hands packets to NAPI, where they are merged, only
// if its sending end cannot carry uncut TCP and its receiving end wants GRO
// (veth_skb_is_eligible_for_gro in the kernel's drivers/net/veth.c).
func (b *Bed) pair(p int) error {
	low, high := b.Namespace(Low), b.Namespace(High)
	wire, out, in := wireDevice(p), b.Device(Low, p), b.Device(High, p)
	cut := " gso_max_segs 1"
	if b.cfg.Uncut {
		cut = ""
	}
	script := func(lines ...string) string { return strings.Join(lines, "\n") + "\n" }
	if err := run("ip", "", "link", "add", wire, "netns", low, "mtu", fmt.Sprint(b.cfg.MTU), "type", "veth",
		"peer", "name", in, "address", mac(High, p), "netns", high, "mtu", fmt.Sprint(b.cfg.MTU)); err != nil {
		return err
	}
	if err := run("ip", "", "netns", "exec", low, "ethtool", "-K", wire, "tso", "off"); err != nil {
		return err
	}
	if err := run("ip", "", "netns", "exec", high, "ethtool", "-K", in, "gro", "on"); err != nil {
		return err
	}
	if err := run("ip", script(
		"link set lo up",
		fmt.Sprintf("link add link %s name %s address %s%s type macvlan mode private", wire, out, mac(Low, p), cut),
		fmt.Sprintf("link set %s arp off", out),
		fmt.Sprintf("addr add %s/30 dev %s", b.Address(Low, p), out),
		fmt.Sprintf("link set %s up", wire),
		fmt.Sprintf("link set %s up", out),
		fmt.Sprintf("neigh replace %s lladdr %s dev %s nud permanent", b.Address(High, p), mac(High, p), out),
	), "-n", low, "-batch", "-"); err != nil {
		return err
	}
	return run("ip", script(
		"link set lo up",
		fmt.Sprintf("link set %s arp off", in),
		fmt.Sprintf("addr add %s/30 dev %s", b.Address(High, p), in),
		fmt.Sprintf("link set %s up", in),
		fmt.Sprintf("neigh replace %s lladdr %s dev %s nud permanent", b.Address(Low, p), mac(Low, p), in),
	), "-n", high, "-batch", "-")
}

// Down kills what still runs inside the bed and removes it. Calling it twice is no error.
func (b *Bed) Down() error {
	var errs []error
	for _, o := range b.outages {
		errs = append(errs, o.Close())
	}
	b.outages = nil
	for _, side := range []Side{Low, High} {
		errs = append(errs, remove(b.Namespace(side)))
	}
	return errors.Join(errs...)
}

// Namespace is the name of a side's namespace, as `ip netns` knows it.
func (b *Bed) Namespace(side Side) string { return b.name + "-" + side.String() }

// Device is the network device that programs of a side use for link pair.
func (b *Bed) Device(side Side, pair int) string {
	if side == High {
		return fmt.Sprintf("in%d", pair)
	}
	return fmt.Sprintf("out%d", pair)
}

// Address is the IPv4 address of a side of link pair.
func (b *Bed) Address(side Side, pair int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 77, byte(pair), byte(side) + 1})
}

// Command is exec.Command for a program inside a side's namespace. `ip netns
// exec` replaces itself by the program, so the process and its rusage are the program's own.
func (b *Bed) Command(side Side, name string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", b.Namespace(side), name}, args...)...)
}

func wireDevice(pair int) string { return fmt.Sprintf("wire%d", pair) }

// mac is a locally administered address that names side and pair.
func mac(side Side, pair int) string { return fmt.Sprintf("02:70:77:00:%02x:%02x", pair, int(side)+1) }

// run runs a tool with stdin as its input; an error carries what the tool said.
func run(tool, stdin string, args ...string) error {
	_, err := output(tool, stdin, args...)
	return err
}

func output(tool, stdin string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(tool, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", tool, strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.Bytes(), nil
}
