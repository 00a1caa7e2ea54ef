package sender

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// counters count since the start of the program. Who writes them never waits.
type counters struct {
	content atomic.Uint64 // octets of content of finished first passes
	sent    atomic.Uint64 // transfers
	aborted atomic.Uint64
	refusal atomic.Uint64
}

// lineCounters are those of one link.
type lineCounters struct {
	packets atomic.Uint64 // datagrams the link took
	wire    atomic.Uint64 // octets of them on the wire
	session atomic.Uint64 // number of the session in use
	retries atomic.Uint64 // times the link refused packets
	givenUp atomic.Uint64 // packets it was not waited for with

	mu    sync.Mutex
	fault string // why the link refuses packets, "" while it takes them
	down  bool   // it was given up
}

// lost notes that the link was given up, with packets of which some were symbols or not.
func (c *lineCounters) lost(symbols bool, packets int) {
	if symbols {
		c.givenUp.Add(uint64(packets))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = true
}

// refused notes that the link does not take packets, and logs the first time.
func (c *lineCounters) refused(err error, log *zap.Logger) {
	c.retries.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault == "" {
		log.Error("link refuses packets, trying on", zap.Error(err))
	}
	c.fault = err.Error()
}

// recovered notes that the link takes packets.
func (c *lineCounters) recovered(log *zap.Logger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != "" {
		log.Info("link takes packets again")
		c.fault, c.down = "", false
	}
}

func (c *lineCounters) linkFault() (why string, down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault, c.down
}

// Status is what the daemon says of itself. Counters count since it started.
type Status struct {
	Version   string    `json:"version"`
	Started   time.Time `json:"started"`
	Seal      string    `json:"seal"`
	Warning   string    `json:"warning,omitempty"` // what nobody should overlook
	Method    string    `json:"method"`            // how packets are handed to the kernel
	LinkFault string    `json:"link_fault,omitempty"`
	Rate      uint64    `json:"rate"`        // configured, bit/s on the wire
	RateNow   uint64    `json:"rate_now"`    // of the last second, bit/s on the wire
	Session   uint64    `json:"session"`     // number of the session in use
	Packets   uint64    `json:"packets"`     // datagrams sent
	WireBytes uint64    `json:"wire_bytes"`  // octets of them on the wire
	Bytes     uint64    `json:"bytes"`       // octets of content, first passes only
	Sent      uint64    `json:"sent"`        // transfers
	Aborted   uint64    `json:"aborted"`     // transfers
	Refused   uint64    `json:"refused"`     // entries
	Retries   uint64    `json:"retries"`     // times a link refused packets
	Queue     int       `json:"queue"`       // transfers that are not finished
	QueueSize uint64    `json:"queue_bytes"` // octets of their content

	Clock   time.Time `json:"clock"`
	Config  string    `json:"config"`          // SHA-256 of the configuration, hexadecimal
	Loss    float64   `json:"loss"`            // planned for: random loss, 0 to 1
	BurstMS int64     `json:"burst_ms"`        // planned for: outage
	Oldest  time.Time `json:"oldest,omitzero"` // when the transfer was claimed that waits longest
	Room    uint64    `json:"room"`            // octets free where the outboxes are, the least of them
	Fault   *Fault    `json:"fault,omitempty"` // the last error

	Channels []ChannelStatus `json:"channels"`
	Audit    *AuditStatus    `json:"audit,omitempty"` // the low side's own audit log; nil: none is kept

	Links     []LinkStatus     `json:"links,omitempty"` // each of several; above are their sums, and method and session of the first
	Transfers []TransferStatus `json:"transfers"`       // those under way or next, at most 100
	Intake    []IntakeStatus   `json:"intake"`          // the outbox of each channel
}

// LinkStatus is one of several links.
type LinkStatus struct {
	Link      uint8  `json:"link"` // its number
	Method    string `json:"method"`
	Fault     string `json:"fault,omitempty"`
	Down      bool   `json:"down"` // given up: the others go on without it
	Rate      uint64 `json:"rate"` // configured, bit/s on the wire
	Session   uint64 `json:"session"`
	Packets   uint64 `json:"packets"`
	WireBytes uint64 `json:"wire_bytes"`
	Retries   uint64 `json:"retries"`
	GivenUp   uint64 `json:"given_up"` // packets that were not sent because it was down
}

// status of a line.
func (l *line) status() LinkStatus {
	c := l.counters
	s := LinkStatus{
		Link: l.number, Rate: l.rate, Session: c.session.Load(), Packets: c.packets.Load(), WireBytes: c.wire.Load(),
		Retries: c.retries.Load(), GivenUp: c.givenUp.Load(),
	}
	s.Fault, s.Down = c.linkFault()
	if l.method != nil {
		s.Method = l.method()
	}
	return s
}

// addLinks enters what the lines say.
func (s *Status) addLinks(lines []*line) {
	for _, l := range lines {
		one := l.status()
		s.Packets += one.Packets
		s.WireBytes += one.WireBytes
		s.Retries += one.Retries
		s.Links = append(s.Links, one)
		if one.Fault == "" {
			continue
		}
		if len(lines) > 1 {
			one.Fault = fmt.Sprintf("link %d: %s", one.Link, one.Fault)
		}
		if s.LinkFault != "" {
			one.Fault = s.LinkFault + "; " + one.Fault
		}
		s.LinkFault = one.Fault
	}
	s.Method, s.Session = s.Links[0].Method, s.Links[0].Session
	if len(lines) == 1 {
		s.Links = nil
	}
}

// TransferStatus is where one transfer is.
type TransferStatus struct {
	ID      string `json:"id"`
	Channel string `json:"channel"` // its name
	Name    string `json:"name"`
	State   State  `json:"state"`
	Pass    int    `json:"pass"` // under way or last done, from 1; 0 before the first
	Passes  int    `json:"passes"`
	Bytes   uint64 `json:"bytes"` // octets of content sent in this pass
	Total   uint64 `json:"total"` // octets of content
	Path    string `json:"path,omitempty"`
	Error   string `json:"error,omitempty"` // reason of an abort or a refusal
}

// status of a flight.
func (f *flight) status() TransferStatus {
	at := f.shown()
	return TransferStatus{
		ID: f.rec.ID, Channel: f.channel.Name, Name: f.rec.Name, State: at.State,
		Pass: at.Pass, Passes: f.rec.Passes, Bytes: f.sent.Load(), Total: f.rec.Content,
		Path: at.Path, Error: at.Reason,
	}
}

// gauge measures the rate of the last second, by the beats of all lines.
type gauge struct {
	mu   sync.Mutex
	at   time.Time
	wire uint64
	rate atomic.Uint64 // bit/s
}

func (g *gauge) take(now time.Time, wire uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	span := now.Sub(g.at)
	if span < beatEvery/2 && !g.at.IsZero() {
		return // another line's beat was just now
	}
	if !g.at.IsZero() {
		g.rate.Store(uint64(float64(wire-g.wire) * 8 / span.Seconds()))
	}
	g.at, g.wire = now, wire
}
