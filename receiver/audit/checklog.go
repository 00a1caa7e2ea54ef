package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"pawl/framing/merkle"
)

// Summary is what a verified log holds.
type Summary struct {
	Checkpoint merkle.Checkpoint
	Kinds      map[string]int64 // entries of each kind
	First      time.Time        // of the first entry
	Last       time.Time        // of the last one
	Backwards  int64            // entries whose clock is before the entry above: the clock was set
	Unbalanced int64            // ledgers with bytes in no column
	Missed     uint64           // entries that a low side's log says it lost
	Restored   int64            // times that a person accepted a log which did not go on from the one before
	Beyond     int64            // entries beyond the checkpoint that files speak of: see merkle.Beyond
}

// Verify reads a whole log and proves it: every entry parses and is the one whose hash is in the tree, every tile follows from the ones
// below, and the root is the one that the key signed. Whoever has the key can sign another history: only checkpoints that were
// kept elsewhere (kept) tell, and the log must go on from each of them. visit, which may be nil, sees each entry.
//
// The high side enters one entry at a time: files that speak of more beyond the checkpoint are a log that was put back.
//
// Errors wrap merkle.ErrEdited, ErrTruncated, ErrForked or ErrSigned.
func Verify(files fs.FS, key merkle.Public, kept []merkle.Checkpoint, visit func(index int64, e *Entry) error) (*Summary, error) {
	s := &Summary{Kinds: map[string]int64{}}
	err := s.verify(files, key, kept, func(index int64, data []byte) error {
		e, err := ParseEntry(data)
		if err != nil {
			return fmt.Errorf("%w: %w", merkle.ErrEdited, err)
		}
		s.add(index, e)
		if visit != nil {
			return visit(index, e)
		}
		return nil
	})
	if err == nil && s.Beyond > 1 {
		err = fmt.Errorf("%w: its checkpoint is of %d entries, and files in its folder of %d more: an older checkpoint was put in place of a newer one",
			merkle.ErrTruncated, s.Checkpoint.Size, s.Beyond)
	}
	return s, err
}

// verify proves a log whose entries parse reads, and that it goes on from the kept checkpoints.
func (s *Summary) verify(files fs.FS, key merkle.Public, kept []merkle.Checkpoint, parse func(index int64, data []byte) error) (err error) {
	if s.Checkpoint, err = merkle.Check(files, key, parse); err != nil {
		return err
	}
	view, err := merkle.OpenView(files, key)
	if err != nil {
		return err
	}
	for _, old := range kept {
		err = errors.Join(err, view.Extends(old))
	}
	return errors.Join(err, s.beyond(files, key))
}

// beyond looks what lies beyond the checkpoint, the one that is there after the look: the log may be growing.
func (s *Summary) beyond(files fs.FS, key merkle.Public) error {
	end, err := merkle.Beyond(files, s.Checkpoint.Size)
	if err != nil {
		return err
	}
	now, err := merkle.ReadCheckpoint(files, key)
	s.Beyond = max(end-now.Size, 0)
	return err
}

// clock notes the time of an entry.
func (s *Summary) clock(index int64, when time.Time) {
	if index == 0 {
		s.First = when
	} else if when.Before(s.Last) {
		s.Backwards++
	}
	s.Last = when
}

func (s *Summary) add(index int64, e *Entry) {
	s.Kinds[e.Body().Kind()]++
	s.clock(index, e.When)
	if e.Ledger != nil && e.Ledger.Off != 0 {
		s.Unbalanced++
	}
	if e.Restored != nil {
		s.Restored++
	}
}

// lookBack is how many entries LastConfig reads at a time.
const lookBack = 1024

// LastConfig is the digest of the configuration of a program that counted last; "" when the log tells of none. It
// reads the log from its end.
func LastConfig(view *merkle.View, program string) (string, error) {
	for end := view.Checkpoint().Size; end > 0; {
		from, digest := max(end-lookBack, 0), ""
		var wrong error
		err := view.Entries(from, func(index int64, data []byte) bool {
			if index >= end {
				return false
			}
			if !bytes.Contains(data, []byte(`"config":{`)) {
				return true // a text that looks so has its quotes escaped
			}
			var e *Entry
			if e, wrong = ParseEntry(data); wrong == nil && e.Config != nil && e.Config.Program == program {
				digest = e.Config.Digest
			}
			return wrong == nil
		})
		if err := errors.Join(err, wrong); err != nil || digest != "" {
			return digest, err
		}
		end = from
	}
	return "", nil
}
