package conftest

import (
	"flag"
	"os"
	"strings"
	"testing"
)

// Reload holds a page to a program: it must have the row of a table that names the keys which SIGHUP takes and those which need a
// restart, as the program itself has them. Lists of tables change as one. With the test's flag -update the row is written anew.
func Reload(t *testing.T, page, program string, keys []string, locked func(key string) bool) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var restart, live []string
	for _, key := range keys {
		for _, table := range []string{"channel", "link.more"} {
			if strings.HasPrefix(key, table+".") {
				key = table
			}
		}
		list := &live
		if locked(key) {
			list = &restart
		}
		if name := "`" + key + "`"; len(*list) == 0 || (*list)[len(*list)-1] != name {
			*list = append(*list, name)
		}
	}
	row := "| `" + program + "` | " + strings.Join(live, ", ") + " | " + strings.Join(restart, ", ") + " |\n"
	if strings.Contains(string(text), row) {
		return
	}
	head, rest, found := strings.Cut(string(text), "\n| program | taken by SIGHUP | needs a restart |\n")
	at := strings.Index(rest, "| `"+program+"` |")
	if !found || at < 0 {
		t.Fatalf("%s has no row for %s", page, program)
	}
	if f := flag.Lookup("update"); f == nil || f.Value.String() != "true" {
		t.Fatalf("%s lacks the row\n%s: go test ./cmd/%s -run ReloadKeys -update", page, row, program)
	}
	end := at + strings.IndexByte(rest[at:], '\n') + 1
	next := head + "\n| program | taken by SIGHUP | needs a restart |\n" + rest[:at] + row + rest[end:]
	if err := os.WriteFile(page, []byte(next), 0o644); err != nil {
		t.Fatal(err)
	}
}
