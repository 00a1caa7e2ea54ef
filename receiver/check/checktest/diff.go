package checktest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Diff compares a released transfer with what was sent, in everything that must be kept.
func Diff(inbox string, want []Entry) error {
	expect := map[string]Entry{}
	for _, e := range want {
		expect[e.Path] = e
	}
	var faults []error
	err := filepath.WalkDir(filepath.Join(inbox, want[0].Path), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(inbox, path)
		e, known := expect[name]
		delete(expect, name)
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		switch {
		case e.Dir:
			mode = fs.ModeDir | 0o755
		case e.Exec:
			mode = 0o755
		}
		if !known || info.Mode() != mode || info.ModTime().UnixNano() != e.ModTime {
			faults = append(faults, fmt.Errorf("%q: known %t, mode %v, time %d, want %v, %d", name, known, info.Mode(), info.ModTime().UnixNano(), mode, e.ModTime))
		}
		if !e.Dir {
			if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, e.Data) {
				faults = append(faults, fmt.Errorf("%q: wrong bytes (%v)", name, err))
			}
		}
		return nil
	})
	if len(expect) != 0 {
		faults = append(faults, fmt.Errorf("%d entries are missing", len(expect)))
	}
	return errors.Join(err, errors.Join(faults...))
}
