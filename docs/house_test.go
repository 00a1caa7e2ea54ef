package docs_test

import (
	"bytes"
	"go/ast"
	"go/build"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

const module = "pawl"

// A house is the source as its import lines show it. It is read from the files
// and not asked of `go list`, whose answer inside `go test` is cached over a violation.
type house map[string]*room

// A room is one folder with Go files; paths are relative to the module.
type room struct {
	imports, testImports map[string]string // import path -> a file that has it
	constrained          string            // a file with a build constraint, "" if none has one
	code                 bool              // it has files that are not tests
}

func read(src fs.FS) (house, error) {
	h := house{}
	err := fs.WalkDir(src, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			base := d.Name()
			if name != "." && (base == "testdata" || base == "bin" || base[0] == '.' || base[0] == '_') {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		return h.add(src, name)
	})
	return h, err
}

func (h house) add(src fs.FS, name string) error {
	text, err := fs.ReadFile(src, name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	if h[dir] == nil {
		h[dir] = &room{imports: map[string]string{}, testImports: map[string]string{}}
	}
	test := strings.HasSuffix(name, "_test.go")
	into := h[dir].imports
	h[dir].code = h[dir].code || !test
	if test {
		into = h[dir].testImports
	}
	for _, spec := range file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		into[p] = name
	}
	if !test && isConstrained(name, text, file) {
		h[dir].constrained = name
	}
	return nil
}

// isConstrained: the file has a //go:build line, or its name keeps it from one of two very different machines.
func isConstrained(name string, text []byte, file *ast.File) bool {
	for _, group := range file.Comments {
		for _, line := range group.List {
			if line.Pos() < file.Package && constraint.IsGoBuild(line.Text) {
				return true
			}
		}
	}
	for _, machine := range [][2]string{{"linux", "amd64"}, {"plan9", "mips"}} {
		ctx := build.Context{GOOS: machine[0], GOARCH: machine[1], Compiler: "gc",
			OpenFile: func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }}
		if ok, err := ctx.MatchFile(path.Dir(name), path.Base(name)); err != nil || !ok {
			return true
		}
	}
	return false
}

// ours is the part of an import path inside the module, "" for other people's.
func ours(imported string) string {
	inside, _ := strings.CutPrefix(imported, module+"/")
	if inside == imported {
		return ""
	}
	return inside
}

// matches: x/... is x and all below, x/* one level below, anything else is itself.
func matches(pattern, p string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return p == base || strings.HasPrefix(p, base+"/")
	}
	if base, ok := strings.CutSuffix(pattern, "/*"); ok {
		return path.Dir(p) == base
	}
	return p == pattern
}

func matchesAny(patterns []string, p string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, p) })
}

// closure is every package of ours that a package links, with the way there.
func (h house) closure(from string) map[string]string {
	way := map[string]string{from: from}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if h[queue[0]] == nil {
			continue
		}
		for imported := range h[queue[0]].imports {
			if p := ours(imported); p != "" && way[p] == "" {
				way[p] = way[queue[0]] + " -> " + p
				queue = append(queue, p)
			}
		}
	}
	return way
}
