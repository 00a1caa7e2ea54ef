package quarantine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pawl/hw/disk"
)

// Event is one line of a transfer's history.
type Event struct {
	When   time.Time `json:"when"` // the high side's clock; Record fills in a zero one
	Who    string    `json:"who"`  // a program, or the person who gave the command
	From   State     `json:"from,omitempty"`
	To     State     `json:"to,omitempty"` // equal to From, or empty, when nothing moved
	Reason string    `json:"reason,omitempty"`
}

// historyMost is how much of a history is read, from its end, in octets: thousands of changes. Who made the folder faces the wire and may
// have put there what it likes.
const historyMost = 1 << 20

// Record appends a line to the history of transfer id, which is in state st now, and syncs
// it. It is written before the move that it tells of, so that no state was reached without
// a line; after a crash the folder is the truth and the line may be there twice.
func (s *Store) Record(id ID, st State, e Event) error {
	if e.When.IsZero() {
		e.When = time.Now()
	}
	e.When = e.When.UTC()
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("record %s: %w", id, err)
	}
	if err := s.appendHistory(s.Dir(st, id), line); err != nil {
		return fmt.Errorf("record %s: %w", id, err)
	}
	return nil
}

func (s *Store) appendHistory(dir string, line []byte) (err error) {
	// Plain files only: what faces the wire made this folder, and a link planted in it must not
	// turn our lines into a write elsewhere.
	f, err := disk.AppendRegular(filepath.Join(dir, HistoryFile), FileMode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size > 0 {
		// A crash can leave half a line; it must not swallow this one.
		var last [1]byte
		if _, err := f.ReadAt(last[:], size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if size == 0 {
		return syncDir(dir)
	}
	return nil
}

// History reads the last lines that Record wrote, a mebibyte of them, oldest first; half a line that a crash left is
// passed over. A transfer without a history has none, and that is not an error.
func (s *Store) History(id ID, st State) ([]Event, error) {
	f, err := disk.OpenRegular(filepath.Join(s.Dir(st, id), HistoryFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", id, err)
	}
	defer f.Close()
	data, err := tail(f, historyMost)
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", id, err)
	}
	var events []Event
	for line := range bytes.Lines(data) {
		var e Event
		if json.Unmarshal(line, &e) == nil {
			events = append(events, e)
		}
	}
	return events, nil
}

// tail reads the end of a file.
func tail(f *os.File, most int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, max(info.Size()-most, 0), most))
}
