//go:build linux

package testbed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// Loss is what the way from low to high does to packets.
type Loss struct {
	Random float64       // probability that a packet is lost, independent of all others, 0..1; in steps of 1e-6
	Outage time.Duration // nothing crosses for this long...
	Every  time.Duration // ...once in each period of this length; 0 with Outage 0: no outages
}

func (l Loss) check() error {
	if !(l.Random >= 0 && l.Random <= 1) {
		return fmt.Errorf("testbed: random loss %v: must be 0 to 1", l.Random)
	}
	if l.Outage < 0 || l.Every < 0 || l.Outage > l.Every {
		return fmt.Errorf("testbed: outage of %v every %v: must be shorter than its period", l.Outage, l.Every)
	}
	return nil
}

// SetLoss replaces the loss on every link; the counters go on. Packets may
// cross unharmed for the moment of the change.
func (b *Bed) SetLoss(loss Loss) error {
	if err := loss.check(); err != nil {
		return err
	}
	// Adding a chain that is there is no error to nft, deleting one that is not is.
	rules := b.egress("loss", 0) + "flush chain netdev pawl loss\n"
	if parts := int(math.Round(loss.Random * 1e6)); parts > 0 {
		rules += fmt.Sprintf("add rule netdev pawl loss numgen random mod 1000000 < %d counter name lost drop\n", parts)
	} else {
		rules += "delete chain netdev pawl loss\n"
	}
	if err := b.nft(Low, rules); err != nil {
		return err
	}
	return b.setOutages(loss)
}

// Cut breaks the fibre of a link: nothing crosses it any more, and nobody is told. What is lost
// that way counts as Lost.
func (b *Bed) Cut(pair int) error {
	if err := b.checkPair(pair); err != nil {
		return err
	}
	return b.nft(Low, b.egress("cut", -1)+fmt.Sprintf("add rule netdev pawl cut meta oifname %s counter name lost drop\n", wireDevice(pair)))
}

// egress adds a chain on the way out, where packets are lost one by one. It is there only while it has something to do: even
// an empty one costs each packet a visit, which no wire does.
func (b *Bed) egress(name string, priority int) string {
	return fmt.Sprintf("add chain netdev pawl %s { type filter hook egress devices = { %s } priority %d; policy accept; }\n",
		name, b.devices(wireDevice), priority)
}

// Unplug takes the low side's device of a link down, so that sending on it fails.
func (b *Bed) Unplug(pair int) error {
	if err := b.checkPair(pair); err != nil {
		return err
	}
	return run("ip", "", "-n", b.Namespace(Low), "link", "set", b.Device(Low, pair), "down")
}

func (b *Bed) checkPair(pair int) error {
	if pair < 0 || pair >= b.cfg.Pairs {
		return fmt.Errorf("testbed: no link %d: there are %d", pair, b.cfg.Pairs)
	}
	return nil
}

// lowRules: nothing that comes in from the wire gets any further.
func (b *Bed) lowRules() string {
	return fmt.Sprintf(`table netdev pawl {
	counter lost { }
	counter reverse { }
	chain back { type filter hook ingress devices = { %s } priority 0; policy accept; counter name reverse drop; }
}
`, b.devices(wireDevice))
}

// highRules: nothing goes out. The kernel's own answer to a packet for which
// no program listens yet (ICMP port unreachable) is held back one step earlier, so that
// the counter tells of programs and configuration only.
func (b *Bed) highRules() string {
	return fmt.Sprintf(`table netdev pawl {
	counter reverse { }
	chain back { type filter hook egress devices = { %s } priority 0; policy accept; counter name reverse drop; }
}
table ip pawl {
	chain refusals { type filter hook output priority 0; policy accept; icmp type destination-unreachable counter drop; }
}
`, b.devices(func(pair int) string { return b.Device(High, pair) }))
}

func (b *Bed) devices(name func(pair int) string) string {
	names := make([]string, b.cfg.Pairs)
	for p := range names {
		names[p] = name(p)
	}
	return strings.Join(names, ", ")
}

// Lost is the number of packets the loss rules have taken since Up.
func (b *Bed) Lost() (uint64, error) {
	lost, err := b.counter(Low, "lost")
	if err != nil {
		return 0, err
	}
	for _, o := range b.outages {
		n, err := o.Lost()
		if err != nil {
			return 0, err
		}
		lost += n
	}
	return lost, nil
}

// ReversePackets is the number of packets that tried to go from high to low:
// stopped on the way out of the high side, or (there can be none) arrived at the low
// side and dropped there. It must be 0.
func (b *Bed) ReversePackets() (uint64, error) {
	out, err := b.counter(High, "reverse")
	if err != nil {
		return 0, err
	}
	in, err := b.counter(Low, "reverse")
	return out + in, err
}

// Delivered is the number of packets that crossed, each at most the MTU long
// unless the bed is uncut.
func (b *Bed) Delivered() (uint64, error) { return b.sum(Low, wireDevice, columnSent) }

// Overruns is the number of packets that the machine, not the loss, dropped
// between the two namespaces: the veth's queue of 256 was full.
func (b *Bed) Overruns() (uint64, error) {
	low, err := b.sum(Low, wireDevice, columnSendDropped)
	if err != nil {
		return 0, err
	}
	lost, err := b.sum(High, func(pair int) string { return b.Device(High, pair) }, columnReceiveDropped)
	return low + lost, err
}

func (b *Bed) nft(side Side, script string) error {
	return run("ip", script, "netns", "exec", b.Namespace(side), "nft", "-f", "-")
}

func (b *Bed) counter(side Side, name string) (uint64, error) {
	text, err := output("ip", "", "netns", "exec", b.Namespace(side), "nft", "-j", "list", "counter", "netdev", "pawl", name)
	if err != nil {
		return 0, fmt.Errorf("testbed: %w", err)
	}
	var list struct {
		Nftables []struct{ Counter *struct{ Packets uint64 } }
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return 0, fmt.Errorf("testbed: counter %s: %w", name, err)
	}
	for _, entry := range list.Nftables {
		if entry.Counter != nil {
			return entry.Counter.Packets, nil
		}
	}
	return 0, fmt.Errorf("testbed: nft lists no counter %s", name)
}

// Columns of /proc/net/dev behind the device's name.
const (
	columnReceiveDropped = 3
	columnSent           = 9
	columnSendDropped    = 11
)

// sum adds up one column of /proc/net/dev over a side's devices.
func (b *Bed) sum(side Side, device func(pair int) string, column int) (uint64, error) {
	var text []byte
	err := b.Do(side, func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/dev")
		return err
	})
	if err != nil {
		return 0, err
	}
	columns := map[string][]string{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if name, rest, ok := strings.Cut(lines.Text(), ":"); ok {
			columns[strings.TrimSpace(name)] = strings.Fields(rest)
		}
	}
	var total uint64
	for p := range b.cfg.Pairs {
		row := columns[device(p)]
		if len(row) <= column {
			return 0, fmt.Errorf("testbed: /proc/net/dev has no device %s", device(p))
		}
		n, err := strconv.ParseUint(row[column], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("testbed: /proc/net/dev: %w", err)
		}
		total += n
	}
	return total, nil
}
