package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/receiver/audit"
)

// witness is the high side's log, which tells what it heard of the low side's.
type witness struct {
	folder, keyPath string
	heard           int
}

// errNotLow says that only the low side's log has a witness.
var errNotLow = errors.New("is not a low side's log: only of that a high side is the witness")

// verifyLog verifies a log of either side, and holds a low side's against its witness, a high side's against its quarantine, if there is one.
func verifyLog(dir string, key merkle.Public, kept []merkle.Checkpoint, w *witness, q *settled) (*audit.Summary, error) {
	files := os.DirFS(dir)
	view, err := merkle.OpenView(files, key)
	if errors.Is(err, merkle.ErrEmpty) && len(kept) > 0 {
		err = fmt.Errorf("%w: %w, where %d entries were", merkle.ErrTruncated, err, kept[0].Size)
	}
	if err != nil {
		return nil, said{dir, err}
	}
	low, err := audit.IsLow(view)
	if err != nil {
		return nil, said{dir, err}
	}
	if low && q.folder != "" {
		return nil, cli.Usagef("%s: is a low side's log: what was released is in the high side's", dir)
	}
	if !low && w.folder != "" {
		return nil, cli.Usagef("%s: %w", dir, errNotLow)
	}
	var s *audit.Summary
	if low {
		s, err = audit.VerifyLow(files, key, kept)
	} else {
		s, err = q.verify(files, key, kept)
	}
	if err != nil {
		return nil, said{dir, err}
	}
	if w.folder == "" {
		return s, nil
	}
	high, err := keyfile.AuditPublic(w.keyPath)
	if err != nil {
		return nil, err
	}
	heard, err := audit.Witnessed(os.DirFS(w.folder), high, nil)
	if err != nil {
		return nil, said{w.folder, err}
	}
	if w.heard = len(heard); w.heard == 0 {
		return nil, notf("%s: tells of no checkpoint of a low side's log: it is witness of nothing", w.folder)
	}
	if err := audit.Bears(files, key, heard); err != nil {
		return nil, said{dir, err}
	}
	return s, nil
}

// say tells what the witness said.
func (w *witness) say(out io.Writer) error {
	if w.folder == "" {
		return nil
	}
	_, err := fmt.Fprintf(out, "contains the %d checkpoints that the high side witnessed\n", w.heard)
	return err
}
