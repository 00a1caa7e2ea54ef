package docs_test

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A row is one line of a table on the page.
type row struct {
	left  string
	verb  string // of the links table
	right []string
	later bool
}

// table reads a fenced block; every line of it must be understood.
func table(page, name string, line *regexp.Regexp) ([]row, error) {
	_, rest, ok := strings.Cut(page, "\n```"+name+"\n")
	block, _, closed := strings.Cut(rest, "\n```")
	if !ok || !closed {
		return nil, fmt.Errorf("the page has no ```%s table", name)
	}
	var rows []row
	for text := range strings.Lines(block) {
		text, later := strings.CutSuffix(strings.TrimSpace(text), "(later)")
		m := line.FindStringSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("the ```%s table has a line that is no row: %q", name, text)
		}
		rows = append(rows, row{left: m[1], verb: m[2], right: strings.Fields(m[3]), later: later})
	}
	return rows, nil
}

var (
	colonRow = regexp.MustCompile(`^(\S+)\s*(:)(.*)$`)
	linkRow  = regexp.MustCompile(`^(\S+)\s+(never|only|needs)\s(.+)$`)
)

// violations compares a source tree with the tables of a page.
func violations(src fs.FS, page string) ([]string, error) {
	h, err := read(src)
	if err != nil {
		return nil, err
	}
	var rows [3][]row
	for i, t := range []struct {
		name string
		line *regexp.Regexp
	}{{"imports", colonRow}, {"links", linkRow}, {"only-in", colonRow}} {
		if rows[i], err = table(page, t.name, t.line); err != nil {
			return nil, err
		}
	}
	imports, links, onlyIn := rows[0], rows[1], rows[2]
	found := slices.Concat(h.checkImports(imports), h.checkLinks(links), h.checkOnlyIn(onlyIn),
		h.checkNames(imports, slices.Concat(imports, links, onlyIn)))
	slices.Sort(found)
	return found, nil
}

// idle reports rows whose left side fits nothing, and "(later)" rows that have come true.
func (h house) idle(rows []row, fits func(row, string) bool) (found []string) {
	for _, r := range rows {
		used := false
		for dir := range h {
			used = used || fits(r, dir)
		}
		switch {
		case !used && !r.later:
			found = append(found, fmt.Sprintf("the row %q fits no package: it guards nothing", r.left))
		case used && r.later:
			found = append(found, fmt.Sprintf("the row %q says (later), but the package is there", r.left))
		}
	}
	return found
}

// checkNames reports what stands on the right of a row and is neither a
// package nor the left side of an imports row: a slip of the pen there would forbid nothing.
func (h house) checkNames(imports, rows []row) (found []string) {
	for _, r := range rows {
		for _, pattern := range r.right {
			known := slices.ContainsFunc(imports, func(other row) bool { return matches(pattern, other.left) })
			for dir := range h {
				known = known || matches(pattern, dir)
			}
			if !known {
				found = append(found, fmt.Sprintf("the row %q names %q, which is nothing we have", r.left, pattern))
			}
		}
	}
	return found
}

func (h house) checkImports(rows []row) []string {
	found := h.idle(rows, func(r row, dir string) bool { return matches(r.left, dir) && h[dir].code })
	for dir, room := range h {
		if !room.code {
			continue // a folder of tests only
		}
		best := -1
		for i, r := range rows {
			if matches(r.left, dir) && (best < 0 || exactness(r.left) > exactness(rows[best].left)) {
				best = i
			}
		}
		if best < 0 {
			found = append(found, fmt.Sprintf("%s has no row in the imports table: decide what it may lean on", dir))
			continue
		}
		allowed := rows[best].right
		for _, files := range []map[string]string{room.imports, room.testImports} {
			for imported, file := range files {
				p := ours(imported)
				isTest := strings.HasSuffix(file, "_test.go")
				forTests := isTest && (p == dir || strings.HasSuffix(p, "test") || p == "hw/testbed")
				if p != "" && !forTests && !matchesAny(allowed, p) {
					found = append(found, fmt.Sprintf("%s imports %s: %s may import only %v", file, p, dir, allowed))
				}
			}
		}
	}
	return found
}

// exactness orders patterns: a plain path before any pattern, then the one with more literal text.
func exactness(pattern string) int {
	literal := strings.TrimRight(pattern, ".*")
	if literal == pattern {
		return math.MaxInt
	}
	return len(literal)
}

func (h house) checkLinks(rows []row) []string {
	found := h.idle(rows, func(r row, dir string) bool { return r.left == dir })
	for _, r := range rows {
		if h[r.left] == nil {
			continue
		}
		linked := h.closure(r.left)
		for p, way := range linked {
			if r.verb == "never" && matchesAny(r.right, p) {
				found = append(found, fmt.Sprintf("%s must never link %s, and does: %s", r.left, p, way))
			}
			if r.verb == "only" && p != r.left && !matchesAny(r.right, p) {
				found = append(found, fmt.Sprintf("%s links only %v, but also %s: %s", r.left, r.right, p, way))
			}
		}
		for _, want := range r.right {
			if _, ok := linked[want]; r.verb == "needs" && !ok {
				found = append(found, fmt.Sprintf("%s must link %s and does not", r.left, want))
			}
		}
	}
	return found
}

func (h house) checkOnlyIn(rows []row) (found []string) {
	for dir, room := range h {
		for _, r := range rows {
			if matchesAny(r.right, dir) {
				continue
			}
			for imported, file := range room.imports {
				if matches(r.left, imported) {
					found = append(found, fmt.Sprintf("%s imports %s, which belongs in %v only", file, imported, r.right))
				}
			}
			if r.left == "build" && room.constrained != "" {
				found = append(found, fmt.Sprintf("%s has a build constraint, which belongs in %v only", room.constrained, r.right))
			}
		}
	}
	return found
}

func TestTheSourceKeepsToTheTables(t *testing.T) {
	page, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	found, err := violations(os.DirFS(".."), string(page))
	if err != nil {
		t.Fatal(err)
	}
	for _, violation := range found {
		t.Errorf("%s (docs/architecture.md)", violation)
	}
}
