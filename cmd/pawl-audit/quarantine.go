package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"pawl/framing/merkle"
	"pawl/receiver/audit"
)

// settled is a quarantine folder, whose released transfers the log must know.
type settled struct {
	folder string
	found  int
}

// releasedFolder is the state's folder in a quarantine, and transferName the name of a transfer in it.
const releasedFolder = "released"

var transferName = regexp.MustCompile(`^[1-9][0-9]{0,4}-[0-9a-f]{16}$`)

// verify verifies a high side's log, and that it tells of each transfer that the quarantine has as released. The folder is read first: an entry is made
// before what it tells of.
func (q *settled) verify(files fs.FS, key merkle.Public, kept []merkle.Checkpoint) (*audit.Summary, error) {
	if q.folder == "" {
		return audit.Verify(files, key, kept, nil)
	}
	names, err := os.ReadDir(filepath.Join(q.folder, releasedFolder))
	if err != nil {
		return nil, err
	}
	left := map[string]bool{}
	for _, d := range names {
		if transferName.MatchString(d.Name()) {
			left[d.Name()] = true
		}
	}
	q.found = len(left)
	s, err := audit.Verify(files, key, kept, func(_ int64, e *audit.Entry) error {
		if e.State != nil && e.State.To == releasedFolder {
			delete(left, e.State.Transfer)
		}
		return nil
	})
	if err != nil || len(left) == 0 {
		return s, err
	}
	var all []string
	for name := range left {
		all = append(all, name)
	}
	slices.Sort(all)
	return s, notf("%d transfers are released in %s and not in the log, the first is %s: the log was put back, or is not the one of that quarantine", len(all), q.folder, all[0])
}

// say tells what the quarantine said.
func (q *settled) say(out io.Writer) error {
	if q.folder == "" {
		return nil
	}
	_, err := fmt.Fprintf(out, "tells of the %d transfers that are released in the quarantine\n", q.found)
	return err
}
