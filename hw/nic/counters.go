package nic

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
)

// Counters are an interface's, since it was made.
type Counters struct {
	RxPackets uint64 `json:"rx_packets"`
	RxBytes   uint64 `json:"rx_bytes"`
	RxDropped uint64 `json:"rx_dropped"`
	RxErrors  uint64 `json:"rx_errors"`
	RxMissed  uint64 `json:"rx_missed"` // no room in the ring
	TxPackets uint64 `json:"tx_packets"`
	TxBytes   uint64 `json:"tx_bytes"`
	TxDropped uint64 `json:"tx_dropped"`
	TxErrors  uint64 `json:"tx_errors"`
}

// readCounters reads /sys/class/net/DEVICE/statistics.
func readCounters(root fs.FS, device string) (c Counters, err error) {
	for _, f := range []struct {
		name string
		into *uint64
	}{
		{"rx_packets", &c.RxPackets}, {"rx_bytes", &c.RxBytes}, {"rx_dropped", &c.RxDropped}, {"rx_errors", &c.RxErrors},
		{"rx_missed_errors", &c.RxMissed}, {"tx_packets", &c.TxPackets}, {"tx_bytes", &c.TxBytes}, {"tx_dropped", &c.TxDropped},
		{"tx_errors", &c.TxErrors},
	} {
		n, err := readUint(root, sysNet(device)+"/statistics/"+f.name)
		if err != nil {
			return c, fmt.Errorf("read counters of %s: %w", device, err)
		}
		*f.into = n
	}
	return c, nil
}

// ErrLoopback says that an interface is the loopback, whose counters tell nothing about a direction.
var ErrLoopback = errors.New("loopback: what it sends and what it receives is the same")

// Meter reads the counters of the interface that faces the diode: of the hardware at the bottom, if that is a VLAN or
// macvlan. It sends nothing.
type Meter struct {
	root   fs.FS
	device string
}

// Meter opens the meter of the interface that has an address. It fails with [ErrLoopback] and [ErrNoDevice].
func (m *Machine) Meter(listen netip.Addr) (*Meter, error) {
	l, err := m.Find(Link{Side: High, Local: listen})
	if err != nil {
		return nil, err
	}
	if err := m.refuseLoopback(l.Device); err != nil {
		return nil, err
	}
	names := stack(m.Root, l.Device)
	meter := &Meter{root: m.Root, device: names[len(names)-1]}
	_, err = meter.Read()
	return meter, err
}

func (m *Machine) refuseLoopback(device string) error {
	flags, err := readUint(m.Root, sysNet(device)+"/flags")
	if err != nil {
		return fmt.Errorf("read flags of %s: %w", device, err)
	}
	if flags&flagLoopback != 0 {
		return fmt.Errorf("%s is the %w", device, ErrLoopback)
	}
	return nil
}

// Device is the interface whose counters are read.
func (m *Meter) Device() string { return m.device }

// Read returns the counters as they are now.
func (m *Meter) Read() (Counters, error) { return readCounters(m.root, m.device) }
