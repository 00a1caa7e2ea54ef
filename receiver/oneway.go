package receiver

import (
	"time"

	"go.uber.org/zap"

	"pawl/hw/nic"
)

// Meter reads the counters of an interface that faces the diode: hw/nic's.
type Meter interface {
	Device() string
	Read() (nic.Counters, error)
}

// Watch is an interface whose silence is evidence that the link is one-way, or why it can't be.
type Watch struct {
	Listen string // address that the receiver listens on
	Meter  Meter  // nil: not watched
	Reason string // why there is no meter, in words
	// From is what the interface had counted before the socket was opened: what is dropped is counted from then on. Zero: from the start of Run.
	From nic.Counters
}

// OneWayStatus is the evidence of one interface: what it has sent since the receiver was started, which must be nothing.
// The counter is the driver's. Frames that a NIC's firmware sends by itself may not be in it.
type OneWayStatus struct {
	Listen    string     `json:"listen"`
	Interface string     `json:"interface,omitempty"`
	Watched   bool       `json:"watched"`
	Reason    string     `json:"reason,omitempty"` // why it is not watched, or can't be read now
	TxAtStart uint64     `json:"tx_packets_at_start"`
	TxNow     uint64     `json:"tx_packets"`
	Moved     uint64     `json:"tx_packets_moved"` // since the start; not 0 is an alarm
	MovedByte uint64     `json:"tx_bytes_moved"`
	LastMoved *time.Time `json:"last_moved,omitempty"`
	Received  uint64     `json:"rx_packets_moved"` // frames since the start, whoever they were for
}

// witness is the watch over one interface.
type witness struct {
	Watch
	last   nic.Counters
	status OneWayStatus
	blind  bool // the last reading failed

	rxBytes uint64 // octets of the frames in status.Received
	missed  uint64 // frames that had no room in the interface
}

// beginWatch takes the counters as they are before the first packet.
func (r *Receiver) beginWatch() {
	r.witnesses = nil
	for _, watch := range r.cfg.Watches {
		w := &witness{Watch: watch, status: OneWayStatus{Listen: watch.Listen, Reason: watch.Reason}}
		r.witnesses = append(r.witnesses, w)
		if watch.Meter == nil {
			continue
		}
		w.status.Interface = watch.Meter.Device()
		c, err := watch.Meter.Read()
		if err != nil {
			w.Meter, w.status.Reason = nil, err.Error()
			r.log.Error("interface can't be watched: there is no evidence that the link is one-way",
				zap.String("interface", w.status.Interface), zap.Error(err))
			continue
		}
		w.last, w.status.Watched = c, true
		if from := watch.From; from != (nic.Counters{}) {
			w.last = from
			w.receive(c)
			w.last = c
		}
		w.status.TxAtStart, w.status.TxNow = c.TxPackets, c.TxPackets
	}
}

// watchOneWay reads all counters and returns the evidence so far. The alarm is logged once for each interface: the status keeps it.
func (r *Receiver) watchOneWay(now time.Time) []OneWayStatus {
	out := make([]OneWayStatus, 0, len(r.witnesses))
	for _, w := range r.witnesses {
		if w.Meter != nil {
			r.see(w, now)
		}
		out = append(out, w.status)
	}
	return out
}

// see takes one reading. A counter that goes back belongs to an interface that was made anew: it counts from 0.
func (r *Receiver) see(w *witness, now time.Time) {
	c, err := w.Meter.Read()
	if err != nil {
		w.status.Watched, w.status.Reason = false, err.Error()
		if !w.blind {
			r.log.Error("interface can't be watched any more", zap.String("interface", w.status.Interface), zap.Error(err))
		}
		w.blind = true
		return
	}
	w.blind, w.status.Watched, w.status.Reason = false, true, ""
	sent := since(w.last.TxPackets, c.TxPackets)
	w.status.TxNow = c.TxPackets
	w.status.MovedByte += since(w.last.TxBytes, c.TxBytes)
	w.receive(c)
	w.last = c
	if sent == 0 {
		return
	}
	first := w.status.Moved == 0
	w.status.Moved += sent
	w.status.LastMoved = &now
	if first {
		r.log.Error("the interface that faces the diode has sent packets: run pawl-receive doctor",
			zap.String("interface", w.status.Interface), zap.Uint64("packets", sent))
	}
}

// receive adds what came in since the last reading.
func (w *witness) receive(c nic.Counters) {
	w.status.Received += since(w.last.RxPackets, c.RxPackets)
	w.rxBytes += since(w.last.RxBytes, c.RxBytes)
	w.missed += since(w.last.RxDropped, c.RxDropped) + since(w.last.RxMissed, c.RxMissed)
}

// since is how far a counter has moved.
func since(before, now uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

// strays is how many frames arrived that the receiver was not given: those of others, and those that were lost on the way
// from the NIC. It is not known (nil) unless all interfaces are watched, and about right only: counters are not read in
// one instant, and a kernel that counts joined packets as one hides some.
func strays(all []OneWayStatus, taken, dropped uint64) *uint64 {
	frames := uint64(0)
	for i := range all {
		if !all[i].Watched {
			return nil
		}
		frames += all[i].Received
	}
	if len(all) == 0 {
		return nil
	}
	n := frames - min(frames, taken+dropped)
	return &n
}
