package nic

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

func judgeBuffer(f *Facts) verdict {
	severity, key, setting := LosesPackets, "net/core/rmem_max", "receive_buffer"
	if f.Link.Side == Low {
		severity, key, setting = Note, "net/core/wmem_max", "send_buffer"
	}
	limit := f.BufferMax
	switch {
	case limit.Err != nil:
		return limit.unread(strings.ReplaceAll(key, "/", "."))
	case f.Link.Buffer <= 0 || limit.Value >= uint64(f.Link.Buffer):
		return good("%d octets allowed", limit.Value)
	}
	want := strconv.Itoa(f.Link.Buffer)
	return verdict{
		severity: severity, read: fmt.Sprintf("%d octets allowed, %s is %s", limit.Value, setting, want), want: want,
		mend: []Step{sysctl(key, want)}, safe: true,
	}
}

// perOctet is what the kernel books for an octet that was asked for: SO_RCVBUF is doubled (socket(7)).
const perOctet = 2

func judgeUDPMemory(f *Facts) verdict {
	m := f.UDPMemory
	need := uint64(max(f.Link.Buffer, 0)) * perOctet
	switch {
	case m.Err != nil:
		return m.unread("net.ipv4.udp_mem")
	case m.Value >= need:
		return good("%d octets", m.Value)
	}
	page := uint64(os.Getpagesize())
	pages := strconv.FormatUint((need+page-1)/page, 10)
	return verdict{
		severity: LosesPackets, read: fmt.Sprintf("%d octets for all sockets", m.Value), want: fmt.Sprintf("%d or more", need),
		mend: []Step{sysctl("net/ipv4/udp_mem", pages+" "+pages+" "+pages)}, safe: true,
	}
}

// backlogWant is what comes in 5 ms at 10 Gbit/s in frames of 1518 octets and their gaps, rounded up.
const backlogWant = 4096

func judgeBacklog(f *Facts) verdict {
	b := f.Backlog
	used := f.base().Virtual
	for _, q := range f.Queues {
		used = used || q.RPS != ""
	}
	switch {
	case !used:
		return good("not on the way of this interface's packets")
	case b.Err != nil:
		return b.unread("net.core.netdev_max_backlog")
	case b.Value >= backlogWant:
		return good("%d packets", b.Value)
	}
	return verdict{
		severity: Note, read: fmt.Sprintf("%d packets", b.Value), want: fmt.Sprintf("%d or more", backlogWant), safe: true,
		mend: []Step{sysctl("net/core/netdev_max_backlog", strconv.Itoa(backlogWant))},
	}
}

func judgeDrops(f *Facts) verdict {
	a, b := &f.After, &f.Before
	type count struct {
		name        string
		now, before uint64
	}
	all := []count{
		{"tx_dropped", a.Device.TxDropped, b.Device.TxDropped}, {"tx_errors", a.Device.TxErrors, b.Device.TxErrors},
	}
	if f.Link.Side == High {
		all = []count{
			{"rx_dropped", a.Device.RxDropped, b.Device.RxDropped}, {"rx_errors", a.Device.RxErrors, b.Device.RxErrors},
			{"rx_missed_errors", a.Device.RxMissed, b.Device.RxMissed}, {"backlog full", a.Backlog, b.Backlog},
			{"UDP buffer full", a.UDPBuffer, b.UDPBuffer}, {"UDP memory spent", a.UDPMemory, b.UDPMemory},
			{"UDP checksum wrong", a.UDPBad, b.UDPBad},
		}
	}
	var now, ever []string
	for _, c := range all {
		if c.now != 0 {
			ever = append(ever, fmt.Sprintf("%s %d", c.name, c.now))
		}
		if c.now != c.before {
			now = append(now, fmt.Sprintf("%s +%d", c.name, c.now-c.before))
		}
	}
	v := verdict{severity: LosesPackets, want: "0", mend: []Step{command("ethtool", "-S", f.base().Name), command("nstat", "-asz", "Udp*")}}
	switch {
	case now != nil:
		v.read = "while the doctor watched: " + strings.Join(now, ", ")
		return v
	case ever != nil:
		v.severity, v.read = Note, "since the start: "+strings.Join(ever, ", ")
		return v
	}
	return good("none")
}
