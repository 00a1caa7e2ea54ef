package sender

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
)

// progressFile says how far a pass had come; see progress.
const progressFile = ".pawl-progress"

// The objects of a pass in the order in which they are sent.
const (
	phasePlan = iota
	phaseContent
	phasePlanAgain
	phaseProof
)

// progress is a place in a pass from which it can go on as if it had never stopped: all
// before it has left on every link. It is kept in the transfer's folder, as of half a second
// ago, while the pass lasts.
type progress struct {
	Transfer uint64 `json:"transfer"`
	Pass     int    `json:"pass"`  // passes that had been sent to their end
	Phase    int    `json:"phase"` // object
	Group    uint32 `json:"group"` // of the object, the first that was not wholly sent
	Skip     uint32 `json:"skip"`  // symbols of it that were, in the order of the interleaver

	// Content only.
	Files  uint64 `json:"files,omitempty"`  // that were read to their end
	Into   uint64 `json:"into,omitempty"`   // octets of the next one that were
	Change int64  `json:"change,omitempty"` // its change time, Unix nanoseconds
	Hash   []byte `json:"hash,omitempty"`   // state of its SHA-256
	Proof  int64  `json:"proof,omitempty"`  // octets of the proof that is being written
}

// mark is a progress that holds when its group has left and was hashed.
type mark struct {
	progress
	trace *trace
	seq   uint32       // of the group that comes next
	needs atomic.Int32 // what is still to be done
}

// done says that one of the things that it needs is done. Both come in the order of the
// groups, so the last mark stored is the farthest.
func (m *mark) done() {
	if m.needs.Add(-1) == 0 {
		m.trace.last.Store(m)
	}
}

// trace is where a pass is while it is sent. The lines write it, each its own place, and the
// journal reads it.
type trace struct {
	last  atomic.Pointer[mark]
	first atomic.Pointer[mark] // where the object begins that is sent now
	at    []atomic.Uint64      // by line: number of the group that it sends << 32 | symbols of it seen to
}

func newTrace(lines int, from progress) *trace {
	t := &trace{at: make([]atomic.Uint64, lines)}
	t.last.Store(&mark{progress: from, trace: t, seq: 1})
	return t
}

// note is called by a line when a batch was written.
func (t *trace) note(line int, seq, symbols uint32) {
	t.at[line].Store(uint64(seq)<<32 | uint64(symbols))
}

// progress is how far the pass is on the slowest line.
func (t *trace) progress() progress {
	m := t.last.Load()
	p := m.progress
	if b := t.first.Load(); b != nil && b.seq == m.seq && b.Phase != m.Phase {
		p = b.progress // all of the object before has left
	}
	least := uint32(math.MaxUint32)
	for i := range t.at {
		at := t.at[i].Load()
		switch seq := uint32(at >> 32); {
		case seq == m.seq:
			least = min(least, uint32(at))
		case seq < m.seq:
			least = 0
		}
	}
	if least == math.MaxUint32 {
		return p // all lines are ahead of the mark: the next one comes at once
	}
	p.Skip = max(p.Skip*b2u(m.seq == 1), least)
	return p
}

func b2u(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// equal says whether nothing has moved.
func (p progress) equal(q progress) bool {
	return p.Pass == q.Pass && p.Phase == q.Phase && p.Group == q.Group && p.Skip == q.Skip
}

func (p progress) store(dir string) error {
	text, err := json.Marshal(&p)
	if err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	if p.Proof > 0 {
		if err := syncFile(filepath.Join(dir, proofFile+".tmp")); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("write progress: %w", err)
		}
	}
	if err := writeDurable(filepath.Join(dir, progressFile), append(text, '\n')); err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	return nil
}

// loadProgress reads how far the pass that rec is in had come. What is missing, of another
// pass or not to be read means from the start: that costs packets, not files.
func loadProgress(rec *record, dir string) progress {
	start := progress{Transfer: rec.Transfer, Pass: rec.Pass}
	text, err := os.ReadFile(filepath.Join(dir, progressFile))
	if err != nil {
		return start
	}
	var p progress
	if json.Unmarshal(text, &p) != nil || p.Transfer != rec.Transfer || p.Pass != rec.Pass || p.Phase < phasePlan || p.Phase > phaseProof {
		return start
	}
	if _, err := newDigester(nil, p.Hash); err != nil {
		return start // of another version of the library
	}
	if info, err := os.Stat(filepath.Join(dir, proofFile+".tmp")); p.Proof > 0 && (err != nil || info.Size() < p.Proof) {
		if _, err := os.Stat(filepath.Join(dir, proofFile)); err != nil {
			return start
		}
	}
	if _, err := os.Stat(filepath.Join(dir, proofFile)); p.Phase > phaseContent && err != nil {
		return start
	}
	return p
}
