package release

import (
	"fmt"
	"strings"
	"time"

	"pawl/receiver/audit"
)

// scansFile keeps when a transfer was checked and by which engines, each time. Approvals are not bound to it: an engine that has learnt something
// since and says the same takes no approval away, and that it looked again is kept all the same.
const scansFile = "scans.json"

// maxScans is how many are kept, the last ones.
const maxScans = 100

// Scan is one time that a transfer was checked.
type Scan struct {
	When    time.Time      `json:"when"`
	Pass    bool           `json:"pass"`
	Reason  string         `json:"reason,omitempty"`  // did not pass: why
	Engines []audit.Engine `json:"engines,omitempty"` // of the checks that said something
}

// Scans reads the scans from a transfer's folder, oldest first.
func Scans(dir string) ([]Scan, error) {
	var all []Scan
	_, err := readJSON(dir, scansFile, &all)
	return all, err
}

// scanOf is the scan that an answer comes from. The version of an engine has that of its signatures and their date, where it has signatures.
func scanOf(a Answer) Scan {
	s := Scan{When: a.When, Pass: a.Pass}
	said := a.Checks
	if v := a.Verdict; v != nil {
		s.Reason, said = audit.Text(v.Error()), v.Findings
	}
	for _, f := range said {
		if f.Engine != "" && len(s.Engines) < audit.MaxEngines {
			s.Engines = append(s.Engines, audit.Engine{Check: short(f.Check), Name: short(f.Engine), Version: short(f.Version)})
		}
	}
	return s
}

// short bounds a text so that all engines fit into one entry.
func short(text string) string { return audit.Text(text[:min(len(text), 256)]) }

// engines is what looked, in one text.
func (s *Scan) engines() string {
	var b strings.Builder
	for _, e := range s.Engines {
		fmt.Fprintf(&b, "%q %q %q ", e.Check, e.Name, e.Version)
	}
	return b.String()
}

// addScan keeps one more.
func addScan(dir string, s Scan) error {
	all, err := Scans(dir)
	if err != nil {
		return err
	}
	all = append(all, s)
	return writeJSON(dir, scansFile, all[max(len(all)-maxScans, 0):])
}
