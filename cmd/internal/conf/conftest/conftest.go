// Package conftest holds example configurations to what their comments say.
package conftest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Uncommented writes a copy of an example configuration in which every commented setting ("# key = value") counts, and
// returns its path. It fails the test where there are fewer than least of them: then it would show nothing.
func Uncommented(t *testing.T, example string, least int) string {
	t.Helper()
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "# ") && strings.Contains(line, " = ") {
			line, n = line[2:], n+1
		}
		all.WriteString(line)
	}
	if n < least {
		t.Fatalf("%s has %d commented settings, fewer than %d", example, n, least)
	}
	path := filepath.Join(t.TempDir(), "all.toml")
	if err := os.WriteFile(path, []byte(all.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
