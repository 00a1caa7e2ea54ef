package main

import (
	"path/filepath"
	"strings"
	"testing"

	"pawl/cmd/internal/daemon/daemontest"
	"pawl/receiver/quarantine"
)

// TestNeedsRoomForArrivalsOnly: of the quarantine it can write where transfers arrive, and not where pawl-release keeps what it has taken, refused or released.
func TestNeedsRoomForArrivalsOnly(t *testing.T) {
	dir := keys(t)
	path := filepath.Join(dir, "pawl-receive.toml")
	daemontest.Write(t, path, doctorConfig)
	c, err := load(path)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "q")
	store, err := quarantine.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	writes := c.needs(path, store).Write
	room := func(folder string) bool {
		for _, w := range writes {
			if rest, err := filepath.Rel(w, folder); err == nil && rest != ".." && !strings.HasPrefix(rest, "../") {
				return true
			}
		}
		return false
	}
	for _, st := range quarantine.States() {
		arrives := st == quarantine.Incoming || st == quarantine.Incomplete || st == quarantine.Complete
		if room(store.Folder(st)) != arrives {
			t.Errorf("%s: can be written to %v, want %v; %q", st, !arrives, arrives, writes)
		}
	}
	if room(root) || !room(filepath.Dir(filepath.Join(root, quarantine.SituationFile))) {
		t.Errorf("the root, or not the situation: %q", writes)
	}
}
