package conf

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// misused is an error about the value of one key, found after the file was read.
type misused struct {
	key   string
	cause error
}

func (e *misused) Error() string { return e.key + ": " + e.cause.Error() }
func (e *misused) Unwrap() error { return e.cause }

// Wrong is fmt.Errorf for what a program finds wrong with a key: as in Wrong("link.rate", "is missing: ..."). In lists of
// tables the key may have the place in the list, from 0, as in "channel[2].inbox".
func Wrong(key, format string, args ...any) error {
	return &misused{key, fmt.Errorf(format, args...)}
}

// At marks an error as one about a key, as [Wrong] does; nil stays nil, and an error that has a key keeps it.
func At(key string, err error) error {
	var inner *misused
	if err == nil || errors.As(err, &inner) {
		return err
	}
	return &misused{key, err}
}

// Locate gives an error of [Wrong] or [At] its place in the file at path: the line of the key, or where the file does not have
// it the line of the nearest table around. Any other error gets the file's name.
func Locate(path string, err error) error {
	if err == nil {
		return nil
	}
	var (
		wrong *misused
		done  *located
	)
	if errors.As(err, &done) {
		return err // it has a place already
	}
	if !errors.As(err, &wrong) {
		return fmt.Errorf("%s: %w", path, err)
	}
	text, readErr := os.ReadFile(path)
	if readErr != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	line, column, width := find(text, split(wrong.key))
	return &located{path, line, []string{index.ReplaceAllString(wrong.key, "")}, wrong.cause, draw(text, line, column, width)}
}

// index is a place in a list: in a file people look for the line.
var index = regexp.MustCompile(`\[\d+\]`)

// step is one part of a key; at is the place in a list of tables, -1 for none.
type step struct {
	name string
	at   int
}

// split takes a key such as "channel[2].fec.k" apart.
func split(key string) []step {
	var all []step
	for part := range strings.SplitSeq(key, ".") {
		s := step{part, -1}
		if name, place, ok := strings.Cut(part, "["); ok {
			if n, err := strconv.Atoi(strings.TrimSuffix(place, "]")); err == nil {
				s = step{name, n}
			}
		}
		all = append(all, s)
	}
	return all
}

// find is the place of a key, else of the deepest table on the way to it, else line 1. The text parses.
func find(text []byte, key []step) (line, column, width int) {
	var p unstable.Parser
	p.Reset(text)
	line, column, width = 1, 1, 1
	best := 0
	seen := map[string]int{} // of lists of tables
	var table []step
	see := func(at []step, node *unstable.Node) {
		if n := matches(at, key); n == len(at) && n > best {
			best = n
			first, last := ends(node)
			start := p.Shape(first).Start
			line, column, width = start.Line, start.Column, int(last.Offset+last.Length-first.Offset)
		}
	}
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.ArrayTable:
			table = steps(parts(e), seen)
			name := strings.Join(parts(e), ".")
			table[len(table)-1].at = seen[name]
			seen[name]++
			see(table, e)
		case unstable.Table:
			table = steps(parts(e), seen)
			see(table, e)
		case unstable.KeyValue:
			see(append(table[:len(table):len(table)], steps(parts(e), nil)...), e)
		}
	}
	return line, column, width
}

// steps are the parts of a table's key, with the newest place of each list on the way.
func steps(names []string, seen map[string]int) []step {
	var all []step
	for i, name := range names {
		s := step{name, -1}
		if n := seen[strings.Join(names[:i+1], ".")]; n > 0 {
			s.at = n - 1
		}
		all = append(all, s)
	}
	return all
}

// matches is how many of the first parts agree; a key without a place in a list agrees with the first.
func matches(at, key []step) int {
	n := 0
	for n < len(at) && n < len(key) && strings.EqualFold(at[n].name, key[n].name) && max(at[n].at, 0) == max(key[n].at, 0) {
		n++
	}
	return n
}

// ends are the first and the last part of a dotted key as they stand in the text.
func ends(node *unstable.Node) (first, last unstable.Range) {
	for it := node.Key(); it.Next(); {
		if last = it.Node().Raw; first.Length == 0 {
			first = last
		}
	}
	return first, last
}
