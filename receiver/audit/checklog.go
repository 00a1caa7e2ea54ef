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
}

// Verify reads a whole log and proves it: every entry parses and is the one whose hash is in the tree, every tile follows from the ones
// below, and the root is the one that the key signed. Whoever has the key can sign another history: only checkpoints that were
// kept elsewhere (kept) tell, and the log must go on from each of them. visit, which may be nil, sees each entry.
//
// Errors wrap merkle.ErrEdited, ErrTruncated, ErrForked or ErrSigned.
func Verify(files fs.FS, key merkle.Public, kept []merkle.Checkpoint, visit func(index int64, e *Entry) error) (*Summary, error) {
	s := &Summary{Kinds: map[string]int64{}}
	at, err := merkle.Check(files, key, func(index int64, data []byte) error {
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
	if err != nil {
		return nil, err
	}
	s.Checkpoint = at
	view, err := merkle.OpenView(files, key)
	if err != nil {
		return nil, err
	}
	for _, old := range kept {
		err = errors.Join(err, view.Extends(old))
	}
	return s, err
}

func (s *Summary) add(index int64, e *Entry) {
	s.Kinds[e.Body().Kind()]++
	if index == 0 {
		s.First = e.When
	} else if e.When.Before(s.Last) {
		s.Backwards++
	}
	s.Last = e.When
	if e.Ledger != nil && e.Ledger.Off != 0 {
		s.Unbalanced++
	}
}

// lookBack is how many entries LastConfig reads at a time.
const lookBack = 1024

// LastConfig is the digest of the configuration of a program that counted last; "" when the log tells of none. It
// reads the log from its end.
func LastConfig(view *merkle.View, program string) (string, error) {
	return last(view, (*Config)(nil).Kind(), func(e *Entry) string {
		if e.Config == nil || e.Config.Program != program {
			return ""
		}
		return e.Config.Digest
	})
}

// LastPolicy is the digest of the policy of a channel that counted last, as LastConfig is of a configuration.
func LastPolicy(view *merkle.View, channel uint16) (string, error) {
	return last(view, (*Policy)(nil).Kind(), func(e *Entry) string {
		if e.Policy == nil || e.Policy.Channel != channel {
			return ""
		}
		return e.Policy.Digest
	})
}

// last is what find says of the last entry of a kind that it says something of.
func last(view *merkle.View, kind string, find func(e *Entry) string) (string, error) {
	for end := view.Checkpoint().Size; end > 0; {
		from, found := max(end-lookBack, 0), ""
		var wrong error
		err := view.Entries(from, func(index int64, data []byte) bool {
			if index >= end {
				return false
			}
			if !bytes.Contains(data, []byte(`"`+kind+`":{`)) {
				return true // a text that looks so has its quotes escaped
			}
			var e *Entry
			if e, wrong = ParseEntry(data); wrong == nil {
				if is := find(e); is != "" {
					found = is
				}
			}
			return wrong == nil
		})
		if err := errors.Join(err, wrong); err != nil || found != "" {
			return found, err
		}
		end = from
	}
	return "", nil
}
