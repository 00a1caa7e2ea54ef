package bench

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// survey is what a tree holds, by path from its top ("." is the top itself): all that a
// transfer promises to carry.
type survey map[string]surveyed

type surveyed struct {
	dir     bool
	size    int64 // octets, 0 for a folder
	modTime time.Time
	exec    bool // the owner may run it; false for a folder
	digest  [sha256.Size]byte
}

// takeSurvey reads a file or a tree from end to end.
func takeSurvey(top string) (survey, error) {
	s := survey{}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		found := surveyed{dir: d.IsDir(), modTime: info.ModTime()}
		switch {
		case d.Type().IsRegular():
			found.size, found.exec = info.Size(), info.Mode()&0o100 != 0
			found.digest, err = digestFile(path)
		case !d.IsDir():
			err = fmt.Errorf("survey %q: neither file nor folder: %v", path, d.Type())
		}
		s[name] = found
		return err
	})
	return s, err
}

func digestFile(path string) (digest [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return digest, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err = io.Copy(h, f); err != nil {
		return digest, err
	}
	h.Sum(digest[:0])
	return digest, nil
}

// content is the sum of the files' sizes, files their number.
func (s survey) content() (bytes uint64, files int) {
	for _, found := range s {
		if !found.dir {
			bytes += uint64(found.size)
			files++
		}
	}
	return bytes, files
}

// differences says in what arrived differs from s, one line a path; nil when it is the same.
func (s survey) differences(arrived survey) (lines []string) {
	for name, want := range s {
		got, there := arrived[name]
		switch {
		case !there:
			lines = append(lines, fmt.Sprintf("%q did not arrive", name))
		case got.dir != want.dir:
			lines = append(lines, fmt.Sprintf("%q changed between file and folder", name))
		case got.size != want.size:
			lines = append(lines, fmt.Sprintf("%q has %d octets, not %d", name, got.size, want.size))
		case got.digest != want.digest:
			lines = append(lines, fmt.Sprintf("%q has other bytes", name))
		case !got.modTime.Equal(want.modTime):
			lines = append(lines, fmt.Sprintf("%q was modified %v, not %v", name, got.modTime, want.modTime))
		case got.exec != want.exec:
			lines = append(lines, fmt.Sprintf("%q: executable is %v, not %v", name, got.exec, want.exec))
		}
	}
	for name := range arrived {
		if _, known := s[name]; !known {
			lines = append(lines, fmt.Sprintf("%q was never sent", name))
		}
	}
	return lines
}
