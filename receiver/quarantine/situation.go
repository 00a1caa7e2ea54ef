package quarantine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"pawl/hw/disk"
)

// SituationFile is where pawl-receive tells pawl-release, below the folder that they share, what it hears. It lies in a folder of its own, so
// that pawl-receive need not be able to write where the states are.
const (
	situationFolder = "receiving"
	SituationFile   = situationFolder + "/receiving.json"
)

// maxSituation bounds the file, octets: a hundred transfers and sessions take a tenth of it.
const maxSituation = 1 << 20

// Situation is what pawl-receive says of the link and the low side: news for people, never a reason to release. Text in it
// that came from the low side is marked and must be escaped where it is shown.
type Situation struct {
	Time        time.Time  `json:"time"`    // of the writing, high side's clock
	Started     time.Time  `json:"started"` // pawl-receive
	Warnings    []string   `json:"warnings"`
	Beat        *Beat      `json:"beat,omitempty"` // the low side as last heard; nil: never
	Arriving    int        `json:"arriving"`       // transfers
	Transfers   []Arriving `json:"transfers"`      // the first hundred of them
	Completed   uint64     `json:"completed"`      // transfers since the start
	Incomplete  uint64     `json:"incomplete"`     // times a transfer was put aside since the start
	PacketsLost uint64     `json:"packets_lost"`
	KernelDrops uint64     `json:"kernel_drops"`
	Written     uint64     `json:"written_bytes"` // octets
	Rebuilt     uint64     `json:"rebuilt"`       // blocks that needed repair symbols
	Margin      *float64   `json:"fec_margin"`    // of the block lately that was closest to being lost: repair symbols left of those it was sent, 0 to 1; nil: none needed any
	DiskTrouble bool       `json:"disk_trouble"`
	Ledger      Ledger     `json:"ledger"`
	Account     *Account   `json:"account,omitempty"` // the newest that is settled; nil: none yet
}

// Beat is the low side as last heard. Everything in it but HeardAgoMS is the low side's word.
type Beat struct {
	HeardAgoMS float64 `json:"heard_ago_ms"`
	Clock      int64   `json:"clock_unix_ms"` // low side's, never relied on; a number, because not every number is a date
	UptimeS    float64 `json:"uptime_s"`
	Version    string  `json:"version"` // low side's text: escape
	Config     string  `json:"config"`  // SHA-256 of its configuration, hexadecimal
	Rate       uint64  `json:"rate_bps"`
	Queue      uint64  `json:"queue"` // transfers waiting
	QueueBytes uint64  `json:"queue_bytes"`
	Packets    uint64  `json:"packets"` // sent
	Bytes      uint64  `json:"bytes"`
	Sent       uint64  `json:"sent"` // transfers
	Aborted    uint64  `json:"aborted"`
	Flights    int     `json:"flights"`               // transfers it tells of
	Refused    uint64  `json:"refused"`               // entries of outboxes
	OldestS    float64 `json:"oldest_s"`              // how long the transfer that waits longest has waited
	Loss       float64 `json:"loss"`                  // random loss it plans for, 0 to 1
	BurstMS    float64 `json:"burst_ms"`              // outage it plans for
	Room       uint64  `json:"room"`                  // octets free where the outboxes are
	Fault      string  `json:"fault,omitempty"`       // its last error; low side's text: escape
	FaultAgoS  float64 `json:"fault_ago_s,omitempty"` // before it was heard
	LogSize    uint64  `json:"log_size"`              // entries in its audit log
	LogRoot    string  `json:"log_root,omitempty"`    // hash of that log, hexadecimal
}

// Arriving is a transfer on its way in.
type Arriving struct {
	ID            string    `json:"id"`
	Channel       string    `json:"channel"`
	Begun         time.Time `json:"begun"`
	SilentForMS   float64   `json:"silent_for_ms"`
	Length        uint64    `json:"length"` // octets of content, 0 while unknown
	Blocks        uint32    `json:"blocks"`
	BlocksWritten uint32    `json:"blocks_written"`
}

// Ledger is the account of what was received since pawl-receive started: received is the sum of all other columns.
type Ledger struct {
	Received  Count            `json:"received"`
	Delivered Count            `json:"delivered"`
	Repair    Count            `json:"repair"`
	Duplicate Count            `json:"duplicate"`
	Control   Count            `json:"control"`
	Rejected  map[string]Count `json:"rejected"` // by reason
}

// Count is one column of a ledger.
type Count struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// ErrNoSituation says that pawl-receive has not written one yet.
var ErrNoSituation = errors.New("pawl-receive has not run with this quarantine")

// ReadSituation reads what pawl-receive last said in the quarantine folder root. The error wraps ErrNoSituation where it has
// said nothing yet.
func ReadSituation(root string) (*Situation, error) {
	path := filepath.Join(root, SituationFile)
	f, err := disk.OpenRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not there: %w", path, ErrNoSituation)
	}
	if err != nil {
		return nil, fmt.Errorf("read what pawl-receive says: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSituation {
		return nil, fmt.Errorf("%s: %d octets are too many", path, info.Size())
	}
	s := new(Situation)
	if err := json.NewDecoder(io.LimitReader(f, maxSituation)).Decode(s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
