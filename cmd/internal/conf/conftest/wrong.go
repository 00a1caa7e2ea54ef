package conftest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Table is a table of a good configuration: its head as it stands in the file ("" for the top), its key as in "link.more", and its
// lines.
type Table struct {
	Head, Key string
	Lines     []string
}

// Row is one mistake: the line is put in place of the key's own, and Want is what the error must say after file, line and key. A Line
// of "" leaves the key out.
type Row struct{ Key, Line, Want string }

// Refused makes each row's mistake in the good configuration and holds the error to file, line, key and words. Every key must have a
// row: a new one is not finished before it is known what can be wrong with it.
func Refused(t *testing.T, good []Table, rows []Row, keys []string, load func(path string) error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.toml")
	write := func(row Row) (line int) {
		text, line := build(t, good, row)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return line
	}
	write(Row{})
	if err := load(path); err != nil {
		t.Fatalf("the good configuration: %v", err)
	}
	covered := map[string]bool{}
	for _, row := range rows {
		covered[row.Key] = true
		line := write(row)
		want := fmt.Sprintf("%s:%d: %s: ", path, line, row.Key)
		if err := load(path); err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), row.Want) {
			t.Errorf("%s, %q:\n%v\nwant %s... %s", row.Key, row.Line, err, want, row.Want)
		}
	}
	for _, key := range keys {
		if !covered[key] {
			t.Errorf("no row says what can be wrong with %s", key)
		}
	}
}

// build writes the configuration with a row's mistake, and returns the line where the error belongs.
func build(t *testing.T, good []Table, row Row) (text string, at int) {
	t.Helper()
	dot := strings.LastIndex(row.Key, ".")
	table, name := row.Key[:max(dot, 0)], row.Key[dot+1:]
	var lines []string
	at = 1 // of what is missing at the top
	for _, tb := range good {
		if tb.Head != "" {
			lines = append(lines, tb.Head)
		}
		mine := tb.Key == table && name != ""
		if mine && tb.Head != "" {
			at = len(lines)
		}
		for _, line := range tb.Lines {
			if key, _, _ := strings.Cut(line, " "); !mine || key != name {
				lines = append(lines, line)
			}
		}
		if mine && row.Line != "" {
			lines = append(lines, row.Line)
			at = len(lines)
		}
	}
	if row.Key != "" && !slices.ContainsFunc(good, func(tb Table) bool { return tb.Key == table }) {
		t.Fatalf("the good configuration has no table for %s", row.Key)
	}
	return strings.Join(lines, "\n") + "\n", at
}
