package release

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/zap"

	"pawl/framing/person"
	"pawl/hw/disk"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// small mounts a file system of a mebibyte, which can be made larger.
func small(t *testing.T) (dir string, grow func()) {
	t.Helper()
	dir = t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a disk to fill can't be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir, func() {
		if out, err := exec.Command("mount", "-o", "remount,size=64m", dir).CombinedOutput(); err != nil {
			t.Fatalf("remount: %v: %s", err, out)
		}
	}
}

var large = []checktest.Entry{{Path: "large", Data: bytes.Repeat([]byte("x"), 3<<20), ModTime: 7}}

// TestFullInbox: it is said, nothing half is seen, and it goes on by itself when there is room.
func TestFullInbox(t *testing.T) {
	h := build(t, true)
	var grow func()
	h.inbox, grow = small(t)
	h.change(func(c *Channel) { c.Inbox = h.inbox })
	h.put(t, id, checktest.Build(t, id, h.key, large))
	log := new(events)
	nudges := h.start(t, log, h.gate.channels[id.Channel])
	log.until(t, "trying again", id.String(), "no space left on device")
	h.is(t, id, quarantine.Checking)
	h.wantEmptyInbox(t)
	grow()
	nudges <- struct{}{}
	log.until(t, "transfer released", id.String())
	if err := diff(h.inbox, large); err != nil {
		t.Error(err)
	}
}

// TestFullQuarantine: a decision that can't be kept is refused, and is as if it had not been made.
func TestFullQuarantine(t *testing.T) {
	h := build(t, false)
	dir, grow := small(t)
	var err error
	if h.store, err = quarantine.Open(filepath.Join(dir, "quarantine")); err != nil {
		t.Fatal(err)
	}
	channel, all := h.gate.channels[id.Channel], h.gate.people
	h.gate = NewGate(h.store, h.key.Public(), []Channel{channel}, "test", zap.NewNop())
	h.gate.People(all)
	h.gate.now = clock()
	h.put(t, id, checktest.Build(t, id, h.key, []checktest.Entry{{Path: "f", Data: []byte("x"), ModTime: 7}}))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 2<<20), 0o600); !disk.IsFull(err) {
		t.Fatalf("not full: %v", err)
	}
	if err := h.decide(t, id, "alice", person.Approve); !disk.IsFull(err) {
		t.Errorf("decided on a full disk: %v", err)
	}
	if h.counts(t, id) != 0 || h.gate.ready(id) {
		t.Error("a decision that was refused counts")
	}
	if _, err := h.gate.Run(t.Context(), id, quarantine.Held); !errors.Is(err, ErrState) {
		t.Errorf("run: %v", err)
	}
	grow()
	h.approve(t, id, "alice")
	h.run(t, id, quarantine.Held, quarantine.Released)
}
