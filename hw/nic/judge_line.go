package nic

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// judgeLink leaves raising a link to people: it may be down on purpose.
func judgeLink(f *Facts) verdict {
	for i := range f.Stack {
		d := &f.Stack[i]
		switch {
		case !d.Up:
			return verdict{
				severity: LosesPackets, read: d.Name + " is down", want: "up",
				mend: []Step{command("ip", "link", "set", "dev", d.Name, "up")},
			}
		case d.Carrier.Err == nil && !d.Carrier.Value:
			return verdict{
				severity: LosesPackets, read: d.Name + " has no carrier", want: "carrier",
				mend: []Step{command("ethtool", d.Name), command("ethtool", "-s", d.Name, "autoneg", "off")},
			}
		}
	}
	return good("up")
}

func judgeSpeed(f *Facts) verdict {
	d := f.base()
	switch {
	case d.Duplex == "half":
		return verdict{
			severity: LosesPackets, read: "half duplex", want: "full duplex",
			mend: []Step{command("ethtool", "-s", d.Name, "duplex", "full", "autoneg", "off")},
		}
	case d.Speed == 0:
		return good("the driver does not say")
	case uint64(d.Speed)*1e6 < f.Link.Rate:
		return verdict{
			severity: LosesPackets, read: fmt.Sprintf("%d Mbit/s, below the rate of %d", d.Speed, f.Link.Rate/1e6), want: "rate in the configuration at most the line's",
		}
	}
	return good("%d Mbit/s", d.Speed)
}

// judgeMTU mends from the hardware upwards: an interface can't be larger than what it stands on. A link whose MTU is too
// small loses every packet, so that the moment for which a driver stops costs nothing.
func judgeMTU(f *Facts) verdict {
	v := verdict{severity: LosesPackets, want: fmt.Sprintf("%d or more", f.Link.MTU), safe: true}
	var small []string
	for i := range f.Stack {
		if d := &f.Stack[i]; d.MTU < f.Link.MTU {
			small = append(small, fmt.Sprintf("%s %d", d.Name, d.MTU))
			v.mend = append(v.mend, command("ip", "link", "set", "dev", d.Name, "mtu", strconv.Itoa(f.Link.MTU)))
		}
	}
	if small == nil {
		return good("%d", f.top().MTU)
	}
	slices.Reverse(v.mend)
	v.read = strings.Join(small, ", ")
	return v
}

// judgeRings does not mend by itself: changing rings stops most NICs for a moment, and packets are lost meanwhile.
func judgeRings(f *Facts) verdict {
	r := f.Ring
	switch {
	case r.Err != nil:
		return r.unread("receive ring")
	case r.Value.Rx >= r.Value.RxMax:
		return good("%d", r.Value.Rx)
	}
	return verdict{
		severity: LosesPackets, read: fmt.Sprintf("%d of %d", r.Value.Rx, r.Value.RxMax), want: strconv.Itoa(int(r.Value.RxMax)),
		mend: []Step{command("ethtool", "-G", f.base().Name, "rx", strconv.Itoa(int(r.Value.RxMax)))},
	}
}

func judgeOffload(f *Facts) verdict {
	if f.Features.Err != nil {
		return f.Features.unread("offloads")
	}
	// What the kernel calls them, and what ethtool(8) takes.
	wanted := []struct{ names, word string }{{"rx-gro", "gro"}}
	if f.Link.Side == Low {
		wanted = []struct{ names, word string }{
			{"tx-checksum-ip-generic tx-checksum-ipv4 tx-checksum-ipv6", "tx"}, {"tx-scatter-gather", "sg"}, {"tx-generic-segmentation", "gso"},
		}
	}
	v := verdict{severity: Note, want: "on", safe: true}
	var off []string
	for _, w := range wanted {
		on := false
		for name := range strings.FieldsSeq(w.names) {
			on = on || f.Features.Value[name]
		}
		if !on {
			off = append(off, w.word)
			v.mend = append(v.mend, command("ethtool", "-K", f.base().Name, w.word, "on"))
		}
	}
	if off == nil {
		return good("on%s", cutting(f))
	}
	v.read = "off: " + strings.Join(off, ", ")
	return v
}

// cutting says who cuts batches into packets.
func cutting(f *Facts) string {
	switch {
	case f.Link.Side == High:
		return ""
	case f.Features.Value["tx-udp-segmentation"]:
		return ", batches are cut by the hardware"
	}
	return ", batches are cut by the kernel"
}

func judgeQueues(f *Facts) verdict {
	var steps []Step
	for _, q := range f.Queues {
		if q.RPS != "" {
			steps = append(steps, command("sh", "-c", fmt.Sprintf("echo 0 > /sys/class/net/%s/queues/%s/rps_cpus", f.base().Name, q.Name)))
		}
	}
	read := fmt.Sprintf("%d receive queues", len(f.Queues))
	for _, irq := range f.IRQs {
		read += fmt.Sprintf(", interrupt %s on processor %s", irq.Number, irq.CPUs)
	}
	if steps == nil {
		return verdict{read: read}
	}
	return verdict{severity: Note, read: fmt.Sprintf("RPS is on for %d of %s", len(steps), read), want: "RPS off", mend: steps}
}

// queueLen is the kernel's default for Ethernet; a send of 64 KiB is at most 64 packets of it.
const queueLen = 1000

func judgeTxQueue(f *Facts) verdict {
	d := f.base()
	if d.QueueLen == 0 || d.QueueLen >= queueLen {
		return good("%d packets", d.QueueLen)
	}
	return verdict{
		severity: Note, read: fmt.Sprintf("%d packets", d.QueueLen), want: fmt.Sprintf("%d or more", queueLen), safe: true,
		mend: []Step{command("ip", "link", "set", "dev", d.Name, "txqueuelen", strconv.Itoa(queueLen))},
	}
}
