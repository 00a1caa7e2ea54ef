package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/cmd/internal/daemon/daemontest"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/framing/seal"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// small mounts a file system of two mebibytes.
func small(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a disk to fill can't be mounted here (it takes root): %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
}

// fill leaves no room in a folder; empty gives it back.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	if err := os.WriteFile(path, make([]byte, 4<<20), 0o600); err == nil {
		t.Fatalf("%s is not full", dir)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

// says runs a command until what it prints has all the texts and its exit code is right, which it must within a minute.
func says(t *testing.T, dir string, code int, texts []string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		cmd := exec.Command("pawl-release", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		right := err == nil && code == 0 || errors.As(err, &exit) && exit.ExitCode() == code
		for _, text := range texts {
			right = right && strings.Contains(string(out), text)
		}
		if right {
			return string(out)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%q: %v, want code %d and %q:\n%s", args, err, code, texts, out)
		}
	}
}

func put(t *testing.T, root string, key *seal.SenderKey, id quarantine.ID) {
	t.Helper()
	store, err := quarantine.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := store.Create(id)
	if err != nil {
		t.Fatal(err)
	}
	name := "f" + id.String()
	checktest.Build(t, id, key, []checktest.Entry{{Path: name, Data: make([]byte, 100<<10)}}).Write(t, dir)
	if err := store.Move(id, quarantine.Incoming, quarantine.Complete); err != nil {
		t.Fatal(err)
	}
}

// TestFullLogAndFullInbox: a log and an inbox on real disks that are full stop releasing; status, show and /healthz say so and why; and it goes
// on by itself.
func TestFullLogAndFullInbox(t *testing.T) {
	dir := t.TempDir()
	key := checktest.Key(t)
	log, err := merkle.GenerateKey("example.org/high")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(keyfile.SaveSender(filepath.Join(dir, "sender.key"), key, time.Now()), keyfile.SaveAudit(filepath.Join(dir, "audit.key"), log, time.Now())); err != nil {
		t.Fatal(err)
	}
	book, inbox, socket := filepath.Join(dir, "audit"), filepath.Join(dir, "inbox"), filepath.Join(dir, "m")
	small(t, book)
	small(t, inbox)
	text := "quarantine = \"q\"\nsender = \"sender.key.pub\"\nrescan = \"1s\"\n[audit]\nfolder = \"audit\"\nkey = \"audit.key\"\n[metrics]\nlisten = \"unix:" + socket +
		"\"\n[[channel]]\nid = 1\nname = \"a\"\nrelease = \"auto\"\ninbox = \"" + inbox + "\"\n"
	daemontest.Write(t, filepath.Join(dir, "c.toml"), text)
	d := daemontest.Start(t, dir, "pawl-release", "run", "-c", "c.toml")
	d.Hear("WATCHDOG=1")
	says(t, dir, 1, []string{"pawl-receive has not run"}, "status", "-c", "c.toml") // nothing else

	one := quarantine.ID{Channel: 1, Transfer: 1}
	empty := fill(t, book)
	put(t, filepath.Join(dir, "q"), key, one)
	says(t, dir, 1, []string{"WARNING", "the audit log can't be written since", "no space left on device", one.String() + " of channel a can't be moved on", "warnings of pawl-release run"}, "status", "-c", "c.toml")
	says(t, dir, 0, []string{"complete since", "no space left on device"}, "show", "-c", "c.toml", one.String())
	says(t, dir, 0, []string{"audit: append to log"}, "list", "-c", "c.toml")
	if code, body := daemontest.Get(t, socket, "/healthz"); code != 200 || !strings.Contains(body, "the audit log can't be written") {
		t.Errorf("/healthz: %d %s", code, body)
	}
	empty()
	says(t, dir, 0, []string{"released since"}, "show", "-c", "c.toml", one.String())
	if out := says(t, dir, 1, []string{"pawl-receive has not run"}, "status", "-c", "c.toml"); strings.Contains(out, "WARNING") {
		t.Errorf("after it: %s", out)
	}

	two := quarantine.ID{Channel: 1, Transfer: 2}
	empty = fill(t, inbox)
	put(t, filepath.Join(dir, "q"), key, two)
	out := says(t, dir, 1, []string{"WARNING", two.String() + " of channel a can't be moved on", "no space left on device"}, "status", "-c", "c.toml")
	if strings.Contains(out, "audit log can't") {
		t.Errorf("an inbox is no log: %s", out)
	}
	says(t, dir, 0, []string{"checking since", "no space left on device"}, "show", "-c", "c.toml", two.String())
	empty()
	says(t, dir, 0, []string{"released since"}, "show", "-c", "c.toml", two.String())
	d.Stop()
}
