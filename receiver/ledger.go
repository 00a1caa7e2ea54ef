package receiver

// Column is where a received datagram stands in the byte ledger. Every datagram is entered in exactly one.
type Column uint8

// The columns of the byte ledger. From RejectedSize on they are reasons for which a datagram was refused.
const (
	Delivered        Column = iota // a source symbol, put into its place
	Repair                         // a repair symbol, whether it was needed or not
	Duplicate                      // a symbol that was here already, or whose block or transfer is whole
	Control                        // a session packet or a beat
	RejectedSize                   // not the link's datagram length
	RejectedMagic                  // not a Pawl packet
	RejectedVersion                // a version that this receiver does not speak
	RejectedType                   // an unknown packet type
	RejectedField                  // a header field that no sender writes
	RejectedSession                // of a session that was not announced (yet), or one announced too fast to be looked at
	RejectedReplay                 // announces a session number from the past: a recording
	RejectedAuth                   // tag, signature or sender's key is wrong
	RejectedMessage                // authentic, but a beat or announcement that does not parse
	RejectedChannel                // a channel that is not configured
	RejectedGeometry               // does not agree with the object's geometry, or an impossible one
	RejectedQuota                  // transfer larger than the channel allows, or no room in the channel's quota, on the disk or in memory
	columns                        // how many there are
)

// columnNames are the words for the columns in status, logs and docs.
var columnNames = [columns]string{
	"delivered", "repair", "duplicate", "control", "size", "magic", "version", "type", "field", "session", "replay", "auth",
	"message", "channel", "geometry", "quota",
}

// String gives the column's word.
func (c Column) String() string {
	if c >= columns {
		return "unknown"
	}
	return columnNames[c]
}

// Rejected says whether the column is a reason for refusal.
func (c Column) Rejected() bool { return c >= RejectedSize }

// Count is a number of datagrams and the octets of UDP payload in them.
type Count struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

func (c *Count) add(bytes int) {
	c.Packets++
	c.Bytes += uint64(bytes)
}

// Ledger is the byte ledger: Received is the sum of all columns, to the byte.
type Ledger struct {
	received Count
	column   [columns]Count
}

// enter books one datagram.
func (l *Ledger) enter(c Column, bytes int) {
	l.received.add(bytes)
	l.column[c].add(bytes)
}

// LedgerReport is the ledger as it is shown: see [Ledger].
type LedgerReport struct {
	Received  Count            `json:"received"`
	Delivered Count            `json:"delivered"`
	Repair    Count            `json:"repair"`
	Duplicate Count            `json:"duplicate"`
	Control   Count            `json:"control"`
	Rejected  map[string]Count `json:"rejected"` // by reason; only those that occurred
}

// report copies the ledger into its shown form.
func (l *Ledger) report() LedgerReport {
	r := LedgerReport{
		Received: l.received, Delivered: l.column[Delivered], Repair: l.column[Repair], Duplicate: l.column[Duplicate],
		Control: l.column[Control], Rejected: map[string]Count{},
	}
	for c := RejectedSize; c < columns; c++ {
		if l.column[c].Packets > 0 {
			r.Rejected[c.String()] = l.column[c]
		}
	}
	return r
}

// Balanced says whether every received byte is in exactly one column.
func (r LedgerReport) Balanced() bool {
	sum := Count{}
	add := func(c Count) { sum.Packets += c.Packets; sum.Bytes += c.Bytes }
	add(r.Delivered)
	add(r.Repair)
	add(r.Duplicate)
	add(r.Control)
	for _, c := range r.Rejected {
		add(c)
	}
	return sum == r.Received
}
