package sender

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// counters count since the start of the program. Who writes them never waits.
type counters struct {
	packets atomic.Uint64 // datagrams the link took
	wire    atomic.Uint64 // octets of them on the wire
	session atomic.Uint64 // number of the session in use
	content atomic.Uint64 // octets of content of finished first passes
	sent    atomic.Uint64 // transfers
	aborted atomic.Uint64
	refusal atomic.Uint64
	retries atomic.Uint64 // times the link refused packets

	mu    sync.Mutex
	fault string // why the link refuses packets, "" while it takes them
}

// refused notes that the link does not take packets, and logs the first time.
func (c *counters) refused(err error, log *zap.Logger) {
	c.retries.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault == "" {
		log.Error("link refuses packets, trying on", zap.Error(err))
	}
	c.fault = err.Error()
}

// recovered notes that the link takes packets.
func (c *counters) recovered(log *zap.Logger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != "" {
		log.Info("link takes packets again")
		c.fault = ""
	}
}

func (c *counters) linkFault() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault
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
	Retries   uint64    `json:"retries"`     // times the link refused packets
	Queue     int       `json:"queue"`       // transfers that are not finished
	QueueSize uint64    `json:"queue_bytes"` // octets of their content

	Transfers []TransferStatus `json:"transfers"` // those under way or next, at most 100
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
	at := f.state.Load()
	return TransferStatus{
		ID: f.rec.ID, Channel: f.channel.Name, Name: f.rec.Name, State: at.State,
		Pass: at.Pass, Passes: f.rec.Passes, Bytes: f.sent.Load(), Total: f.rec.Content,
		Path: at.Path, Error: at.Reason,
	}
}

// gauge measures the rate of the last second, by the beats.
type gauge struct {
	at   time.Time
	wire uint64
	rate atomic.Uint64 // bit/s
}

func (g *gauge) take(now time.Time, wire uint64) {
	if span := now.Sub(g.at); !g.at.IsZero() && span > 0 {
		g.rate.Store(uint64(float64(wire-g.wire) * 8 / span.Seconds()))
	}
	g.at, g.wire = now, wire
}
