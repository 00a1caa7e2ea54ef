package release

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pawl/hw/disk"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// can says what the inbox's file system, and this user, can do with a file: give it fs-verity, and then make it immutable.
func can(t *testing.T, dir string) (verity, flag bool) {
	t.Helper()
	path := filepath.Join(dir, "try")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(path)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := disk.EnableVerity(f); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	} else if err != nil {
		t.Logf("here is no fs-verity: %v", err)
	}
	verity = disk.EnableVerity(f) == nil
	if err := disk.SetImmutable(f, true); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) {
		t.Fatal(err)
	} else if err != nil {
		t.Logf("here nothing is made immutable: %v", err)
		return verity, false
	}
	if err := disk.SetImmutable(f, false); err != nil {
		t.Fatal(err)
	}
	return verity, true
}

// protected builds a house whose inbox can be removed again, and what its file system can.
func protected(t *testing.T, how Immutable) (h *house, verity, flag bool) {
	t.Helper()
	h = build(t, true)
	t.Cleanup(func() { unprotect(h.inbox) })
	verity, flag = can(t, h.inbox)
	h.change(func(c *Channel) { c.Immutable = how })
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	return h, verity, flag
}

func TestImmutable(t *testing.T) {
	for _, how := range []Immutable{Best, Required} {
		h, verity, flag := protected(t, how)
		st, err := h.gate.Run(t.Context(), id, quarantine.Complete)
		if how == Required && !flag {
			if err == nil || st != quarantine.Checking || !strings.Contains(err.Error(), "immutable") ||
				!errors.Is(err, errors.ErrUnsupported) && !strings.Contains(err.Error(), "needs CAP_LINUX_IMMUTABLE") {
				t.Errorf("required where it can't be had: %s, %v", st, err)
			}
			h.wantEmptyInbox(t)
			continue
		}
		if err != nil || st != quarantine.Released {
			t.Fatalf("%s: %s, %v", how, st, err)
		}
		h.wantProtected(t, verity, flag)
		if err := os.WriteFile(filepath.Join(h.inbox, "tree", "a", "run.sh"), nil, 0o600); (err != nil) != (flag || verity) {
			t.Errorf("written to: %v, flag %t, fs-verity %t", err, flag, verity)
		}
	}
}

// wantProtected looks at the whole tree and at what was said of it.
func (h *house) wantProtected(t *testing.T, verity, flag bool) {
	t.Helper()
	if err := diff(h.inbox, checktest.Tree()); err != nil {
		t.Error(err)
	}
	entries, files := 0, 0
	for _, e := range checktest.Tree() {
		entries++
		if e.Dir {
			continue
		}
		files++
		f, err := os.Open(filepath.Join(h.inbox, e.Path))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if digest, err := disk.Verity(f); (digest != nil) != verity {
			t.Errorf("%s: fs-verity %x, %v, want it %t", e.Path, digest, err, verity)
		}
	}
	count := func(yes bool, n int) int { return map[bool]int{true: n}[yes] }
	want := fmt.Sprintf("; immutable: %d of %d with chattr +i, %d of %d files with fs-verity", count(flag, entries), entries, count(verity, files), files)
	if reason := h.reason(t, id); !strings.Contains(reason, want) || flag && !strings.HasSuffix(reason, want) {
		t.Errorf("reason %q, want %q", reason, want)
	}
}

// TestImmutableAgain: killed after it was made immutable, before that was written down, a transfer is still said to be all that it is.
func TestImmutableAgain(t *testing.T) {
	h, verity, flag := protected(t, Best)
	died := errors.New("died")
	h.gate.step = func(step string) {
		if step == "made immutable" {
			panic(died)
		}
	}
	func() {
		defer func() {
			if got := recover(); got != died {
				t.Fatalf("not killed: %v", got)
			}
		}()
		_, _ = h.gate.Run(t.Context(), id, quarantine.Complete)
	}()
	h.gate.step = func(string) {}
	h.run(t, id, quarantine.Checking, quarantine.Released)
	h.wantProtected(t, verity, flag)
}

// ext4 mounts one of its own, whose journal is written when it is asked to be and not before. lose drops what isn't on the disk, as when the
// power fails, and mounts it again.
func ext4(t *testing.T) (dir string, lose func()) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	dir = t.TempDir()
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 32<<20)); err != nil {
		t.Fatal(err)
	}
	command := func(name string, args ...string) error {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%s: %w: %s", name, err, out)
		}
		return err
	}
	mount := func() error { return command("mount", "-o", "loop,commit=300", image, dir) }
	if err := errors.Join(command("mkfs.ext4", "-q", "-b", "4096", "-O", "verity", image), mount()); err != nil {
		t.Skipf("no ext4 can be made and mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := command("umount", dir); err != nil {
			t.Error(err)
		}
	})
	return dir, func() {
		f, err := os.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		const shutdown, withoutJournal = 0x8004587d, 2 // EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH (fs/ext4/ext4.h)
		err = unix.IoctlSetPointerInt(int(f.Fd()), shutdown, withoutJournal)
		f.Close()
		if err := errors.Join(err, command("umount", dir), mount()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestImmutableIsOnDisk: a transfer that is released stays immutable when the power fails right then.
func TestImmutableIsOnDisk(t *testing.T) {
	h, _, _ := protected(t, Best)
	dir, lose := ext4(t)
	h.inbox = filepath.Join(dir, "inbox")
	if err := os.Mkdir(h.inbox, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unprotect(h.inbox) })
	verity, flag := can(t, h.inbox)
	if !flag {
		t.Skip("here nothing is made immutable")
	}
	h.change(func(c *Channel) { c.Inbox = h.inbox })
	h.run(t, id, quarantine.Complete, quarantine.Released)
	lose()
	h.wantProtected(t, verity, flag)
	if err := os.WriteFile(filepath.Join(h.inbox, "tree", "a", "run.sh"), nil, 0o600); err == nil {
		t.Error("not immutable on the disk")
	}
}
