package check

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"pawl/framing"
)

// NamesRule says what files may be called and how large and many they may be. Zero is no limit.
type NamesRule struct {
	Rule
	Allow   []string `json:"allow,omitempty"`    // patterns of file names; none: all
	Deny    []string `json:"deny,omitempty"`     // patterns of file names; they win
	MaxFile uint64   `json:"max_file,omitempty"` // octets
	Most    uint64   `json:"most,omitempty"`     // files of one transfer
	Depth   int      `json:"depth,omitempty"`    // components of a path
}

// limits asks about names and sizes; it looks at no content and needs no child.
type limits struct {
	rule  *NamesRule
	files uint64
}

func (*limits) Name() string                   { return "limits" }
func (*limits) engine() (name, version string) { return "names and sizes", "1" }
func (*limits) close()                         {}
func (*limits) Content([]byte) error           { return nil }
func (*limits) EndFile() error                 { return nil }
func (*limits) End() error                     { return nil }

func (l *limits) Entry(e *framing.Entry) error {
	r := l.rule
	if n := 1 + strings.Count(e.Path, "/"); r.Depth > 0 && n > r.Depth {
		return fmt.Errorf("lies %d deep, %d are allowed", n, r.Depth)
	}
	if e.Dir {
		return nil
	}
	l.files++
	base := strings.ToLower(path.Base(e.Path))
	switch {
	case r.Most > 0 && l.files > r.Most:
		return fmt.Errorf("more than %d files", r.Most)
	case r.MaxFile > 0 && e.Size > r.MaxFile:
		return fmt.Errorf("%d bytes, %d are allowed", e.Size, r.MaxFile)
	case fits(r.Deny, base):
		return errors.New("files of this name are denied")
	case len(r.Allow) > 0 && !fits(r.Allow, base):
		return errors.New("files of this name are not allowed")
	}
	return nil
}

func fits(patterns []string, base string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(strings.ToLower(p), base); ok && err == nil {
			return true
		}
	}
	return false
}
