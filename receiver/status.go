package receiver

import (
	"cmp"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

// Status is what a receiver tells of itself: all counts since it was started. Text in it that came from the low side is
// marked in the field's comment and must be escaped where it is shown.
type Status struct {
	Time         time.Time            `json:"time"` // high side's clock
	Started      time.Time            `json:"started"`
	Ledger       LedgerReport         `json:"ledger"`
	KernelDrops  uint64               `json:"kernel_drops"`           // datagrams lost because the sockets' buffers were full
	SocketDrops  []uint64             `json:"socket_drops,omitempty"` // kernel_drops of each socket, where there are several
	PacketsLost  uint64               `json:"packets_lost"`           // packet numbers that never came, kernel drops included
	Sessions     []SessionStatus      `json:"sessions"`
	Warnings     []string             `json:"warnings"`       // what somebody should look at; nothing in it is the low side's text
	Arrivals     map[string]time.Time `json:"arrivals"`       // by channel: when a transfer was last complete, or since when one is expected
	Beat         *quarantine.Beat     `json:"beat,omitempty"` // the low side as last heard
	Transfers    []TransferStatus     `json:"transfers"`      // arriving, the first maxShown by id
	Arriving     int                  `json:"arriving"`
	Completed    uint64               `json:"completed"`              // transfers that went to complete
	Incomplete   uint64               `json:"incomplete"`             // transfers that were put aside
	WrittenBytes uint64               `json:"written_bytes"`          // octets of objects written to the quarantine
	Rebuilt      uint64               `json:"rebuilt"`                // blocks that needed repair symbols
	Margin       *float64             `json:"fec_margin"`             // of the rebuilt block lately that was closest to being lost: repair symbols left of its R, 0 to 1; nil: none was rebuilt
	Parked       uint64               `json:"parked"`                 // times that a short block went from memory to the disk
	Forgotten    uint64               `json:"forgotten"`              // symbols dropped because disk or memory had no room, or the disk changed them
	Memory       uint64               `json:"memory"`                 // octets of block buffers in use
	DiskTrouble  bool                 `json:"disk_trouble"`           // the quarantine's disk refuses what arrives
	ReadErrors   uint64               `json:"read_errors"`            // times that a socket could not be read
	LinkFault    string               `json:"link_fault,omitempty"`   // why a socket can't be read, "" while all can
	OneWay       []OneWayStatus       `json:"one_way"`                // evidence that nothing goes back, an entry for each watched interface
	Account      *quarantine.Account  `json:"account,omitempty"`      // the ledger held against the interfaces' counters
	Strays       *uint64              `json:"stray_frames,omitempty"` // frames on the watched interfaces that were not the link's; nil: not known
}

// SessionStatus is one open session.
type SessionStatus struct {
	Session     uint64  `json:"session"`
	Link        uint8   `json:"link"`
	Packets     uint64  `json:"packets"`
	FirstHeard  uint64  `json:"first_heard"` // packet numbers
	Highest     uint64  `json:"highest"`
	Lost        uint64  `json:"lost"`
	SilentForMS float64 `json:"silent_for_ms"`
}

// beatStatus shows a beat.
func beatStatus(b *framing.Beat, ago time.Duration) *quarantine.Beat {
	s := &quarantine.Beat{
		HeardAgoMS: milliseconds(ago), Clock: b.Clock, UptimeS: b.Uptime.Seconds(), Version: b.Version,
		Config: hex.EncodeToString(b.Config[:]), Rate: b.Rate, Queue: b.Queue, QueueBytes: b.QueueBytes, Packets: b.Packets,
		Bytes: b.Bytes, Sent: b.Sent, Aborted: b.Aborted, Flights: len(b.Flights), Refused: b.Refused, OldestS: b.Oldest.Seconds(),
		Loss: float64(b.Loss) / 1e6, BurstMS: milliseconds(b.Burst), Room: b.Room, Fault: b.Fault, LogSize: b.LogSize,
	}
	if b.Fault != "" {
		s.FaultAgoS = b.FaultAge.Seconds()
	}
	if b.LogSize > 0 {
		s.LogRoot = hex.EncodeToString(b.LogRoot[:])
	}
	return s
}

// TransferStatus is one arriving transfer.
type TransferStatus struct {
	ID            string    `json:"id"`
	Channel       string    `json:"channel"`
	Begun         time.Time `json:"begun"`
	SilentForMS   float64   `json:"silent_for_ms"`
	Length        uint64    `json:"length"` // octets of content, 0 while unknown
	Blocks        uint32    `json:"blocks"`
	BlocksWritten uint32    `json:"blocks_written"`
	BlocksOpen    int       `json:"blocks_open"`
	Plan          bool      `json:"plan"` // is whole
	Proof         bool      `json:"proof"`
}

// maxShown bounds the transfers in a Status.
const maxShown = 100

// Status returns the state as last published, at most Config.StatusEvery old.
func (r *Receiver) Status() Status {
	if s := r.status.Load(); s != nil {
		return *s
	}
	return Status{}
}

// publish makes a new Status.
func (r *Receiver) publish(now time.Time) {
	s := &Status{
		Time: now, Started: r.started, Ledger: r.ledger.report(), PacketsLost: r.sessions.lost(), Arriving: len(r.transfers),
		Completed: r.completed, Incomplete: r.putAsides, WrittenBytes: r.written.Load(), Rebuilt: r.rebuilt.Load(), Margin: r.margin.since(now), Parked: r.parkings,
		Forgotten: r.forgotten, Memory: uint64(r.pool.inUse()), DiskTrouble: r.trouble,
		ReadErrors: r.faults.count, LinkFault: r.faults.last,
		Warnings: r.warnings(now), Arrivals: maps.Clone(r.low.arrivals), Sessions: []SessionStatus{}, Transfers: []TransferStatus{},
	}
	if c, ok := r.source.(dropCounter); ok {
		s.KernelDrops = c.KernelDrops()
	}
	if c, ok := r.source.(interface{ SocketDrops() []uint64 }); ok {
		s.SocketDrops = c.SocketDrops()
	}
	s.OneWay = r.watchOneWay(now)
	s.Account = r.balance(now)
	s.Strays = strays(s.OneWay, s.Ledger.Received.Packets, s.KernelDrops)
	for _, n := range r.sessions.open {
		s.Sessions = append(s.Sessions, SessionStatus{
			Session: n.number, Link: n.link, Packets: n.packets, FirstHeard: n.gaps.first, Highest: n.gaps.highest, Lost: n.gaps.lost(),
			SilentForMS: milliseconds(now.Sub(n.lastHeard)),
		})
	}
	slices.SortFunc(s.Sessions, func(a, b SessionStatus) int { return cmp.Compare(a.Session, b.Session) })
	if r.beat != nil {
		s.Beat = beatStatus(r.beat, now.Sub(r.beatHeard))
	}
	for _, t := range r.transfers {
		s.Transfers = append(s.Transfers, t.report(now))
	}
	slices.SortFunc(s.Transfers, func(a, b TransferStatus) int { return cmp.Compare(a.ID, b.ID) })
	if len(s.Transfers) > maxShown {
		s.Transfers = s.Transfers[:maxShown]
	}
	r.status.Store(s)
}

// report describes an arriving transfer.
func (t *transfer) report(now time.Time) TransferStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := TransferStatus{
		ID: t.id.String(), Channel: t.channel.Name, Begun: t.begun, SilentForMS: milliseconds(now.Sub(t.lastHeard)), Length: t.contentLength(),
	}
	if o := t.objects[framing.ObjectContent]; o != nil {
		s.Blocks, s.BlocksWritten, s.BlocksOpen = o.part.Blocks(), o.written, len(o.open)
	}
	if o := t.objects[framing.ObjectPlan]; o != nil {
		s.Plan = o.whole()
	}
	if o := t.objects[framing.ObjectProof]; o != nil {
		s.Proof = o.whole()
	}
	return s
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
