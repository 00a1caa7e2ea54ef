package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/cmd/internal/daemon/daemontest"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/person"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// TestFilesThatChange: from the moment that the file of people or a policy says something else, the daemon releases nothing by what it read
// before. It says so, and SIGHUP is enough.
func TestFilesThatChange(t *testing.T) {
	dir := t.TempDir()
	key := checktest.Key(t)
	tables := map[string]string{}
	for _, name := range []string{"alice", "bob", "carol"} {
		k, err := person.Generate(name)
		if err != nil {
			t.Fatal(err)
		}
		tables[name] = fmt.Sprintf("[[person]]\nname = \"%s\"\nkey = \"%s\"\nroles = [\"approver\"]\n", name, k.Public())
	}
	if err := errors.Join(keyfile.SaveSender(filepath.Join(dir, "sender.key"), key, time.Now()), os.Mkdir(filepath.Join(dir, "inbox"), 0o700)); err != nil {
		t.Fatal(err)
	}
	all := tables["alice"] + tables["bob"] + tables["carol"]
	write := func(name, text string) { daemontest.Write(t, filepath.Join(dir, name), text) }
	write("people.toml", all)
	write("p.toml", "[names]\nmax_files = 10\n")
	text := "quarantine = \"q\"\nsender = \"sender.key.pub\"\npeople = \"people.toml\"\nrescan = \"1s\"\n[audit]\noff = true\n[[channel]]\nid = 1\nname = \"a\"\nrelease = \"auto\"\npolicy = \"p.toml\"\ninbox = \"" +
		filepath.Join(dir, "inbox") + "\"\n"
	write("c.toml", text)
	write("c.ok.toml", strings.Replace(text, "policy = \"p.toml\"\n", "", 1)) // for who looks while the policy is broken
	d := daemontest.Start(t, dir, "pawl-release", "run", "-c", "c.toml")
	d.Hear("WATCHDOG=1")
	for n, change := range []struct{ name, text string }{
		{"p.toml", "[names]\nmax_files = 9\n"},
		{"people.toml", strings.Replace(all, "approver", "viewer", 1)},
		{"people.toml", tables["bob"] + tables["carol"]},
		{"p.toml", "[nam"},
		{"p.toml", "[names]\nmax_files = 7\n"},
	} {
		id := quarantine.ID{Channel: 1, Transfer: uint64(n + 1)}
		write(change.name, change.text)
		put(t, filepath.Join(dir, "q"), key, id)
		says(t, dir, 1, []string{"WARNING", "nothing is released: ", change.name + " is not what this program goes by any more", "SIGHUP", id.String() + " of channel a"}, "status", "-c", "c.ok.toml")
		says(t, dir, 0, []string{"checking since", "SIGHUP"}, "show", "-c", "c.ok.toml", id.String())
		if change.text == "[nam" {
			if said := d.Reload(); !strings.Contains(said, "refused") {
				t.Errorf("taken: %s", said)
			}
			continue
		}
		if said := d.Reload(); strings.Contains(said, "refused") {
			t.Error(said)
		}
		says(t, dir, 0, []string{"released since"}, "show", "-c", "c.ok.toml", id.String())
	}
	// A comment is no change.
	write("p.toml", "# ten years of this\n[names]\nmax_files = 7\n")
	id := quarantine.ID{Channel: 1, Transfer: 100}
	put(t, filepath.Join(dir, "q"), key, id)
	says(t, dir, 0, []string{"released since"}, "show", "-c", "c.ok.toml", id.String())
	d.Stop()
}
