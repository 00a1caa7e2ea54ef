package sender

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pawl/fec"
)

// Names of our own files beside the entry in claimed/<id>/. framing.CheckName refuses the
// prefix ".pawl-", so that no legal entry can have the name of a spool.
const (
	recordFile = "transfer.json"
	reasonFile = "reason.txt"
	planFile   = ".pawl-plan"   // the plan object, as it is sent
	inodesFile = ".pawl-inodes" // inode numbers of the files, 8 octets each, in plan order
	proofFile  = ".pawl-proof"  // the proof object; there as soon as one pass has read everything
)

// State is where a transfer is on the low side.
type State string

// The states of a transfer. Refused means that no packet of it was ever sent.
const (
	StateQueued   State = "queued"
	StateSending  State = "sending"
	StateWaiting  State = "waiting"  // for its echo, or for its next pass
	StateAborting State = "aborting" // the receiver is being told
	StateSent     State = "sent"
	StateAborted  State = "aborted"
	StateRefused  State = "refused"
)

// Final says whether nothing more happens to a transfer in this state.
func (s State) Final() bool {
	return s == StateSent || s == StateAborted || s == StateRefused
}

// geometry is how one object is cut and coded. It is chosen once for a transfer and kept in
// its record, because packets of several passes add up only when it is the same in each.
type geometry struct {
	Length  uint64        `json:"length"`  // octets
	Code    fec.Code      `json:"code"`    // its number on the wire
	K       int           `json:"k"`       // B of RFC 5052: maximum source block length
	R       int           `json:"r"`       // repair symbols a block
	Depth   int           `json:"depth"`   // blocks interleaved, at least
	Copies  int           `json:"copies"`  // how often a pass sends the object
	Spacing time.Duration `json:"spacing"` // ns between the copies
}

// record is a transfer's memory: transfer.json, written with fsync and rename.
type record struct {
	ID         string `json:"id"` // "<channel>-<16 hexadecimal digits>"
	Channel    uint16 `json:"channel"`
	Transfer   uint64 `json:"transfer"`
	Name       string `json:"name"`
	Source     string `json:"source,omitempty"` // submitted: absolute path, read in place, never moved
	Batch      bool   `json:"batch,omitempty"`  // Name is ours, and a folder of several entries of the outbox
	Inside     string `json:"inside,omitempty"` // the one file that was claimed, below the outbox; Name is its first folder
	Created    int64  `json:"created"`          // unix seconds, also in the plan
	SymbolSize int    `json:"symbol_size,omitempty"`

	Entries    uint64   `json:"entries"`
	Files      uint64   `json:"files"`
	Content    uint64   `json:"content"` // octets
	PlanDigest string   `json:"plan_sha256,omitempty"`
	Plan       geometry `json:"plan_object"`
	Body       geometry `json:"content_object"`
	Proof      geometry `json:"proof_object"`

	State  State     `json:"state"`
	Pass   int       `json:"pass"` // passes that were sent to their end
	Passes int       `json:"passes"`
	Next   time.Time `json:"next,omitzero"`   // when the next pass is due
	Ended  int64     `json:"ended,omitempty"` // unix seconds, when the state became final
	Path   string    `json:"path,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// transferID writes the id that names a transfer's folder on both sides.
func transferID(channel uint16, transfer uint64) string {
	return fmt.Sprintf("%d-%016x", channel, transfer)
}

// source is the path of the entry of a transfer whose folder is dir.
func (r *record) source(dir string) string {
	if r.Source != "" {
		return r.Source
	}
	return entryPath(dir, r.Name)
}

// planned says whether the walk has been done and the geometry stands.
func (r *record) planned() bool { return r.Plan.Length > 0 }

func (r *record) store(dir string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write record of %s: %w", r.ID, err)
	}
	if err := writeDurable(filepath.Join(dir, recordFile), append(text, '\n')); err != nil {
		return fmt.Errorf("write record of %s: %w", r.ID, err)
	}
	return nil
}

func loadRecord(dir string) (*record, error) {
	text, err := os.ReadFile(filepath.Join(dir, recordFile))
	if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	r := new(record)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("read record in %q: %w", dir, err)
	}
	if r.ID != filepath.Base(dir) || r.ID != transferID(r.Channel, r.Transfer) {
		return nil, fmt.Errorf("read record in %q: it is of transfer %q", dir, r.ID)
	}
	return r, nil
}

// entryPath is where an entry of a channel's outbox lies inside dir: beside the record, or
// one folder deeper if its name is one of ours.
func entryPath(dir, name string) string {
	ours := strings.HasPrefix(name, ".pawl-")
	for _, own := range []string{recordFile, reasonFile} {
		ours = ours || name == own || name == own+".tmp"
	}
	if ours {
		return filepath.Join(dir, ".pawl-entry", name)
	}
	return filepath.Join(dir, name)
}
