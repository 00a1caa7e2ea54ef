package quarantine

import (
	"encoding/json"
	"fmt"
	"path/filepath"
)

// Missing is what a transfer still lacks, written down exactly when the sender has moved on (missing.json).
type Missing struct {
	ID      string          `json:"id"`
	Objects []MissingObject `json:"objects"`
}

// MissingObject is one object (plan, content, proof) that is not whole. Unknown means that not one packet of it arrived,
// so that not even its length is known.
type MissingObject struct {
	Object     string `json:"object"`
	Unknown    bool   `json:"unknown,omitempty"`
	Length     uint64 `json:"length,omitempty"`      // octets
	SymbolSize int    `json:"symbol_size,omitempty"` // T, octets
	MaxK       uint16 `json:"max_k,omitempty"`       // B of RFC 5052
	R          uint16 `json:"r,omitempty"`
	Code       uint8  `json:"code,omitempty"`
	Blocks     uint32 `json:"blocks,omitempty"`  // how many source blocks the object has
	Missing    uint32 `json:"missing,omitempty"` // how many of them are missing
	Runs       []Run  `json:"runs,omitempty"`    // which
}

// Run is consecutive missing source blocks, First to Last inclusive, each of which lacks Short symbols.
type Run struct {
	First uint32 `json:"first"`
	Last  uint32 `json:"last"`
	Short uint32 `json:"short"`
}

// Add appends a missing block; blocks come in rising order.
func (m *MissingObject) Add(block uint32, short uint32) {
	m.Missing++
	if n := len(m.Runs); n > 0 && m.Runs[n-1].Last+1 == block && m.Runs[n-1].Short == short {
		m.Runs[n-1].Last = block
		return
	}
	m.Runs = append(m.Runs, Run{First: block, Last: block, Short: short})
}

// Blocks is how many source blocks of the known objects are missing.
func (m *Missing) Blocks() uint32 {
	n := uint32(0)
	for i := range m.Objects {
		n += m.Objects[i].Missing
	}
	return n
}

// WriteMissing writes missing.json into a transfer's folder.
func WriteMissing(dir string, m *Missing) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("encode missing blocks of %s: %w", m.ID, err)
	}
	return WriteFile(dir, MissingFile, append(data, '\n'))
}

// maxMissing bounds missing.json, in octets: some million runs.
const maxMissing = 64 << 20

// ReadMissing reads missing.json from a transfer's folder; fs.ErrNotExist where nothing is missing.
func ReadMissing(dir string) (*Missing, error) {
	data, err := ReadFile(dir, MissingFile, maxMissing)
	if err != nil {
		return nil, fmt.Errorf("read missing blocks: %w", err)
	}
	m := new(Missing)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("read missing blocks %s: %w", filepath.Join(dir, MissingFile), err)
	}
	return m, nil
}
