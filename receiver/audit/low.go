package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"pawl/framing/lowlog"
	"pawl/framing/merkle"
)

// IsLow says whether a log is a low side's: its first entry tells. A log without entries is taken for a high side's.
func IsLow(view *merkle.View) (low bool, err error) {
	err = view.Entries(0, func(_ int64, data []byte) bool {
		_, wrong := lowlog.Parse(data)
		low = wrong == nil
		return false
	})
	return low, err
}

// VerifyLow is Verify of a low side's log, which has entries of its own.
func VerifyLow(files fs.FS, key merkle.Public, kept []merkle.Checkpoint) (*Summary, error) {
	s := &Summary{Kinds: map[string]int64{}}
	err := s.verify(files, key, kept, func(index int64, data []byte) error {
		e, err := lowlog.Parse(data)
		if err != nil {
			return fmt.Errorf("%w: %w", merkle.ErrEdited, err)
		}
		s.Kinds[e.Body().Kind()]++
		if e.Missed != nil {
			s.Missed += e.Missed.Entries
		}
		s.clock(index, e.When)
		return nil
	})
	return s, err
}

// Witnessed are the checkpoints of the low side's log that a high side's log tells of, verified on the way, oldest first. They
// carry the high side's word only: beats have no signature of the low side's log.
func Witnessed(files fs.FS, key merkle.Public, kept []merkle.Checkpoint) (all []merkle.Checkpoint, err error) {
	_, err = Verify(files, key, kept, func(_ int64, e *Entry) error {
		if e.Witness == nil || e.Witness.Size == 0 {
			return nil
		}
		root, err := hex.DecodeString(e.Witness.Root)
		if err != nil || len(root) != len(merkle.Hash{}) {
			return fmt.Errorf("%w: witness: root %.80q", ErrEntry, e.Witness.Root)
		}
		all = append(all, merkle.Checkpoint{Size: int64(e.Witness.Size), Root: merkle.Hash(root)})
		return nil
	})
	return all, err
}

// Bears says whether a log contains what was witnessed of it: each of the checkpoints is of its past. The error wraps merkle.ErrTruncated
// or ErrForked, says how many checkpoints don't fit, and names the first.
func Bears(files fs.FS, key merkle.Public, witnessed []merkle.Checkpoint) error {
	view, err := merkle.OpenView(files, key)
	if err != nil {
		return err
	}
	var first error
	wrong := 0
	last := merkle.Checkpoint{Size: -1}
	for _, at := range witnessed {
		if at.Size == last.Size && at.Root == last.Root {
			continue
		}
		last = at
		err := view.Extends(at)
		if err == nil {
			continue
		}
		if !errors.Is(err, merkle.ErrTruncated) && !errors.Is(err, merkle.ErrForked) {
			return err
		}
		if wrong++; first == nil {
			first = fmt.Errorf("what the high side heard at %d entries: %w", at.Size, err)
		}
	}
	if wrong > 1 {
		return fmt.Errorf("%w (and %d more)", first, wrong-1)
	}
	return first
}
