package nic

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

func sysNet(device string) string { return "sys/class/net/" + device }

func exists(root fs.FS, path string) bool {
	_, err := fs.Stat(root, path)
	return err == nil
}

func readText(root fs.FS, path string) (string, error) {
	data, err := fs.ReadFile(root, path)
	return strings.TrimSpace(string(data)), err
}

func parseUint(text string) (uint64, error) { return strconv.ParseUint(text, 0, 64) }

func readUint(root fs.FS, path string) (uint64, error) {
	text, err := readText(root, path)
	if err != nil {
		return 0, err
	}
	return parseUint(text)
}

func readInt(root fs.FS, path string) (int64, error) {
	text, err := readText(root, path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 0, 64)
}

func (m *Machine) sysctl(key string) Reading[uint64] {
	return reading(readUint(m.Root, "proc/sys/"+key))
}

func (m *Machine) sysctlOrZero(key string) uint64 { return m.sysctl(key).Value }

// lines are the fields of each line of a table in /proc, without its head; nil if it can't be read.
func (m *Machine) lines(path string) (rows [][]string) {
	text, err := readText(m.Root, path)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(text) {
		rows = append(rows, strings.Fields(line))
	}
	return rows[min(1, len(rows)):]
}

// allHosts is joined by everybody and reported by nobody (RFC 2236).
var allHosts = netip.AddrFrom4([4]byte{224, 0, 0, 1})

// groups are the IPv4 multicast groups that an interface reports. /proc/net/igmp has a line for each interface and below
// it one for each group, its address as hexadecimal in the machine's byte order.
func (m *Machine) groups(device string) (found []string) {
	ours := false
	for _, row := range m.lines("proc/net/igmp") {
		switch {
		case len(row) > 3 && row[0] != "" && len(row[0]) != 8:
			ours = row[1] == device
		case ours && len(row) > 0:
			raw, err := hex.DecodeString(row[0])
			if err != nil || len(raw) != 4 {
				continue
			}
			slices.Reverse(raw) // all machines that Pawl is built for are little-endian
			if a, _ := netip.AddrFromSlice(raw); a != allHosts {
				found = append(found, a.String())
			}
		}
	}
	return found
}

// packetSockets are the EtherTypes of the packet sockets that are bound to an interface (packet(7), /proc/net/packet).
func (m *Machine) packetSockets(device string) (found []uint16) {
	index, err := readText(m.Root, sysNet(device)+"/ifindex")
	if err != nil {
		return nil
	}
	for _, row := range m.lines("proc/net/packet") {
		if len(row) < 5 || row[4] != index {
			continue
		}
		if proto, err := strconv.ParseUint(row[3], 16, 16); err == nil {
			found = append(found, uint16(proto))
		}
	}
	return found
}

// moment reads all counters.
func (m *Machine) moment(device string) (t Moment, err error) {
	if t.Device, err = readCounters(m.Root, device); err != nil {
		return t, err
	}
	if text, err := readText(m.Root, "proc/net/softnet_stat"); err == nil {
		for line := range strings.Lines(text) { // a line for each processor; the second column is "dropped"
			if row := strings.Fields(line); len(row) > 1 {
				n, _ := strconv.ParseUint(row[1], 16, 64)
				t.Backlog += n
			}
		}
	}
	text, err := readText(m.Root, "proc/net/snmp")
	if err != nil {
		return t, fmt.Errorf("read UDP's counters: %w", err)
	}
	udp := snmpTable(text, "Udp:")
	t.UDPBuffer, t.UDPMemory, t.UDPBad = udp["RcvbufErrors"], udp["MemErrors"], udp["InCsumErrors"]
	return t, nil
}

// snmpTable reads a pair of lines of /proc/net/snmp: names, then values.
func snmpTable(text, name string) map[string]uint64 {
	var names []string
	for line := range strings.Lines(text) {
		row := strings.Fields(line)
		if len(row) == 0 || row[0] != name {
			continue
		}
		if names == nil {
			names = row
			continue
		}
		out := map[string]uint64{}
		for i := 1; i < min(len(names), len(row)); i++ {
			out[names[i]], _ = parseUint(row[i])
		}
		return out
	}
	return nil
}
