package sender

import (
	"strings"

	"golang.org/x/text/cases"
)

// rules say what a walk lets pass.
type rules struct {
	symlinks Symlinks
	skipped  func(path string) // told of each link left out
	intake   *Intake           // limits and name filters
	// left is told of each path, in the plan, that the filters leave behind, and why.
	left func(path, why string) error
}

// filtered says why the channel's name filters don't let a path of the plan pass.
func (w *walker) filtered(path string, folder bool) string {
	if w.batch {
		var below bool
		if _, path, below = strings.Cut(path, "/"); !below {
			return ""
		}
	}
	return w.intake.Filtered(path, folder)
}

// within holds a file, or none, and what was listed to the channel's limits.
func (w *walker) within(path string, size uint64) error {
	in := w.intake
	switch {
	case in.MaxFile > 0 && size > in.MaxFile:
		return refuse(path, "has %d octets; the channel takes files of at most %d", size, in.MaxFile)
	case in.MaxTransfer > 0 && w.content > in.MaxTransfer:
		return refuse("", "more than %d octets at %q; the channel takes no more in one transfer", in.MaxTransfer, path)
	case in.MaxEntries > 0 && w.count >= in.MaxEntries:
		return refuse("", "more than %d files and folders at %q; the channel takes no more in one transfer", in.MaxEntries, path)
	}
	return nil
}

// twins refuses names of a folder, path in the plan, that differ only in case.
func (w *walker) twins(names []string, path string) error {
	if !w.intake.FoldCase {
		return nil
	}
	fold := cases.Fold()
	seen := make(map[string]string, len(names))
	for _, name := range names {
		folded := fold.String(name)
		if other, twin := seen[folded]; twin {
			return refuse(path+"/"+name, "differs only in case from %q beside it", other)
		}
		seen[folded] = name
	}
	return nil
}
