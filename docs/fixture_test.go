package docs_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const fixturePage = "\n```imports\n" + `low        : bytes machine
high       : bytes
bytes      :
bytes/deep : bytes
machine    :
cmd/*      : low high bytes
soon       :  (later)
` + "```\n\n```links\n" + `cmd/one never high
cmd/one needs low
cmd/two only  high bytes
` + "```\n\n```only-in\n" + `unsafe : machine
build  : machine
os/... : low high machine
` + "```\n"

// sources makes a tree of one-file packages from "file: imports" lines.
func sources(lines ...string) fstest.MapFS {
	src := fstest.MapFS{}
	for _, line := range lines {
		name, imports, _ := strings.Cut(line, ":")
		text := "package p\n"
		for _, p := range strings.Fields(imports) {
			text += "import _ \"" + p + "\"\n"
		}
		src[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return src
}

var lawful = []string{
	"low/l.go: pawl/bytes pawl/machine os/exec",
	"low/l_test.go: pawl/low pawl/bytes/bytestest unsafe",
	"high/h.go: pawl/bytes",
	"bytes/b.go: io",
	"bytes/deep/d.go: pawl/bytes",
	"machine/m_linux.go: unsafe",
	"cmd/one/main.go: pawl/low",
	"cmd/two/main.go: pawl/high",
	"low/testdata/x.go: pawl/high",
	"onlytests/x_test.go: pawl/low pawl/high",
}

func TestALawfulTreeHasNoViolations(t *testing.T) {
	found, err := violations(sources(lawful...), fixturePage)
	if err != nil || len(found) != 0 {
		t.Errorf("%v, %q; want none", err, found)
	}
}

func TestEachViolationIsFoundWithItsReason(t *testing.T) {
	tagged := func(src fstest.MapFS) {
		src["high/tagged.go"] = &fstest.MapFile{Data: []byte("//go:build !race\n\npackage p\n")}
	}
	for name, broken := range map[string]struct {
		files  []string
		change func(fstest.MapFS)
		want   string
	}{
		"import":          {[]string{"high/h.go: pawl/low"}, nil, "high/h.go imports low: high may import only [bytes]"},
		"import of child": {[]string{"high/h.go: pawl/bytes/deep"}, nil, "high/h.go imports bytes/deep: high may import only [bytes]"},
		"import in test":  {[]string{"high/h_test.go: pawl/low"}, nil, "high/h_test.go imports low: high may import only [bytes]"},
		"test package":    {[]string{"low/x.go: pawl/bytes/bytestest"}, nil, "low/x.go imports bytes/bytestest: low may import only [bytes machine]"},
		"no row":          {[]string{"stray/s.go:"}, nil, "stray has no row in the imports table: decide what it may lean on"},
		"link, by a way":  {[]string{"low/x.go: pawl/high"}, nil, "cmd/one must never link high, and does: cmd/one -> low -> high"},
		"link not in only": {[]string{"cmd/two/x.go: pawl/low"}, nil,
			"cmd/two links only [high bytes], but also low: cmd/two -> low"},
		"link missing":         {[]string{"cmd/one/main.go: pawl/bytes"}, nil, "cmd/one must link low and does not"},
		"unsafe":               {[]string{"high/u.go: unsafe"}, nil, "high/u.go imports unsafe, which belongs in [machine] only"},
		"below a pattern":      {[]string{"bytes/u.go: os/exec"}, nil, "bytes/u.go imports os/exec, which belongs in [low high machine] only"},
		"build by name":        {[]string{"high/h_windows.go:"}, nil, "high/h_windows.go has a build constraint, which belongs in [machine] only"},
		"build by line":        {nil, tagged, "high/tagged.go has a build constraint, which belongs in [machine] only"},
		"row without package":  {nil, func(src fstest.MapFS) { delete(src, "bytes/deep/d.go") }, `the row "bytes/deep" fits no package: it guards nothing`},
		"program not there":    {nil, func(src fstest.MapFS) { delete(src, "cmd/two/main.go") }, `the row "cmd/two" fits no package: it guards nothing`},
		"later has come":       {[]string{"soon/s.go:"}, nil, `the row "soon" says (later), but the package is there`},
		"only tests is no row": {nil, func(src fstest.MapFS) { delete(src, "low/l.go") }, `the row "low" fits no package: it guards nothing`},
	} {
		t.Run(name, func(t *testing.T) {
			src := sources(append(slices.Clone(lawful), broken.files...)...)
			if broken.change != nil {
				broken.change(src)
			}
			found, err := violations(src, fixturePage)
			if err != nil || !slices.Contains(found, broken.want) {
				t.Errorf("%v, found:\n%s\nwant among them:\n%s", err, strings.Join(found, "\n"), broken.want)
			}
		})
	}
}

func TestABrokenPageIsRefused(t *testing.T) {
	for name, change := range map[string][2]string{
		"no table":       {"```links", "```lynx"},
		"open table":     {"```\n\n```only-in", "\n```x only-in"},
		"line no row":    {"high       : bytes", "high bytes"},
		"unknown verb":   {"never high", "seldom high"},
		"slip of a name": {"never high", "never hihg"},
	} {
		t.Run(name, func(t *testing.T) {
			page := strings.Replace(fixturePage, change[0], change[1], 1)
			if page == fixturePage {
				t.Fatal("the change changes nothing")
			}
			if found, err := violations(sources(lawful...), page); err == nil && len(found) == 0 {
				t.Error("no complaint")
			}
		})
	}
}
