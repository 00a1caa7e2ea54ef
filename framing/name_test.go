package framing

import (
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var nameMessage = message{
	name:  "name",
	about: "Paths: octets of UTF-8, or what should be.",
	cases: nameCases,
	parse: func(octets []byte) (map[string]any, []byte, error) {
		if err := CheckPath(string(octets)); err != nil {
			return nil, nil, err
		}
		return map[string]any{"path": string(octets)}, octets, nil
	},
}

func nameCases(testing.TB) []vectorCase {
	var cases []vectorCase
	add := func(class, about string, paths ...string) {
		for _, path := range paths {
			name := fmt.Sprintf("%+.40q", path)
			cases = append(cases, vectorCase{name[1 : len(name)-1], about, class, []byte(path), false})
		}
	}
	add("", "", "a", "a/b/c", "Makefile", "with space", ".hidden", "..a", "a..b", "...a", "~", "-rf", "$HOME", "a:b", "*?<>|\"'`")
	add("", "other scripts in normal form C", "ünïcödé", "名前", "имя", "اسم", "שם", "नाम", "이름", "🙂", "👩\u200d👩\u200d👧", "\u00e9", "ﷺ", "ẞ")
	add("", "nearly a device", "CONSOLE", "COM", "COM0", "COM10", "LPTA", "nul_", "auxiliary", "xCON", "a/CON1")
	add("", "nearly ours", ".pawl", ".pawl_x", "pawl-x")
	add("", "as long as it may be", strings.Repeat("n", 255), strings.Repeat("é", 127), strings.Repeat("a/", 127)+"a")
	add("", "private use and unassigned code points", "\ue000", "\u0378")

	add("name", "empty component", "", "/", "/a", "a/", "a//b", "//")
	add("name", "not a name", ".", "..", "a/.", "a/..", "../a", "a/../b", "./a")
	add("name", "backslash", `a\b`, `..\a`, `C:\a`)
	add("name", "control characters", "a\x00b", "\n", "a\rb", "a\tb", "a\x1bb", "a\x7f", "a\u0080", "a\u009f")
	add("name", "not UTF-8", "\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82")
	add("name", "not in normal form C", "e\u0301", "\u212b", "\u1100\u1161", "a\u0328\u0301\u0323", "\uf900")
	add("name", "turns the direction of writing", "a\u061c", "a\u200eb", "a\u200fb", "a\u202ab", "gpj.\u202eexe", "a\u2066b", "a\u2069b")
	add("name", "separators and marks", "a\u2028b", "a\u2029b", "\ufeffa", "a\ufeff")
	add("name", "noncharacters", "\ufffe", "\uffff", "\ufdd0", "\ufdef", "\U0001fffe", "\U0010ffff")
	add("name", "our own", ".pawl-", ".pawl-x", ".PAWL-x", "a/.pawl-tmp/b")
	add("name", "devices", "CON", "con", "Prn", "AUX", "nul", "COM1", "com9", "LPT1", "lpt9", "COM¹", "LPT³", "con.txt", "NUL.tar.gz", "aux .c", "a/con/b", "com1.")
	add("name", "ends with a space or a dot", "a ", "a.", "a/b.", "a /b", " ", "...")
	add("name", "too long", strings.Repeat("n", 256), strings.Repeat("é", 128), strings.Repeat("a/", 128)+"a", strings.Repeat(strings.Repeat("d", 255)+"/", 16)+"f")
	return cases
}

func TestCheckNameRefusesPaths(t *testing.T) {
	for _, name := range []string{"a/b", "/", "a/", "/a", ""} {
		if err := CheckName(name); !errors.Is(err, ErrName) {
			t.Errorf("CheckName(%q) = %v", name, err)
		}
	}
	if err := CheckName("a"); err != nil {
		t.Error(err)
	}
}

func TestCheckPathQuotesAndCaps(t *testing.T) {
	err := CheckPath(strings.Repeat("\x1b[2J", 5000))
	if err == nil || len(err.Error()) > 1000 || strings.ContainsRune(err.Error(), 0x1b) {
		t.Errorf("error is %q", err)
	}
}

// goTree returns the paths of the Go tree the test was built with, as a plan
// names them, directories first.
func goTree(t testing.TB) (paths []string, entries []Entry) {
	root := os.DirFS(build.Default.GOROOT)
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path = "go/" + path
		if path == "go/." {
			path = "go"
		}
		paths = append(paths, path)
		entries = append(entries, Entry{Path: path, Dir: d.IsDir()})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 10_000 {
		t.Fatalf("only %d names in %s", len(paths), build.Default.GOROOT)
	}
	return paths, entries
}

func TestGoTreePasses(t *testing.T) {
	paths, _ := goTree(t)
	for _, path := range paths {
		if err := CheckPath(path); err != nil {
			t.Error(err)
		}
	}
	if !slices.IsSortedFunc(paths, ComparePaths) {
		t.Error("a walk is not in the order of a plan")
	}
}

// TestPlanOfGoTree makes a plan as a sender does, from a walk, and reads it.
func TestPlanOfGoTree(t *testing.T) {
	_, entries := goTree(t)
	fields, again, err := planMessage.parse(planOf(t, entries...))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(fields["list"].([]any)); n != len(entries) || len(again) == 0 {
		t.Errorf("%d entries of %d", n, len(entries))
	}
}

func BenchmarkCheckPath(b *testing.B) {
	for _, path := range []string{"go/src/cmd/compile/internal/ssa/rewrite.go", "tree/ünïcödé 名前/имя файла.txt"} {
		b.Run(filepath.Base(path), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := CheckPath(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
