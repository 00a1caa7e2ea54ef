package watch

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func open(t testing.TB, dir string) *Folder {
	t.Helper()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func expect(t testing.TB, f *Folder, want ...Event) {
	t.Helper()
	for _, w := range want {
		if e, err := f.Next(); e != w || err != nil {
			t.Fatalf("%v, %v, want %v", e, err, w)
		}
	}
}

// TestEvents: each way into a folder has its event, in order, and nothing else does.
func TestEvents(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, "before"), "x")
	write(t, filepath.Join(other, "moved"), "x")
	f := open(t, dir)
	long := strings.Repeat("ü", 127)
	do := []func() error{
		func() error { return os.WriteFile(filepath.Join(dir, "written"), nil, 0o600) },
		func() error { return os.Rename(filepath.Join(other, "moved"), filepath.Join(dir, "moved")) },
		func() error { return os.Mkdir(filepath.Join(dir, "folder"), 0o700) },
		func() error { return os.WriteFile(filepath.Join(dir, "folder", "inside"), nil, 0o600) },
		func() error { return os.Symlink("before", filepath.Join(dir, "link")) },
		func() error { _, err := os.ReadFile(filepath.Join(dir, "before")); return err },
		func() error { return os.Remove(filepath.Join(dir, "before")) },
		func() error { return os.Rename(filepath.Join(dir, "moved"), filepath.Join(other, "moved")) },
		func() error { return os.Rename(filepath.Join(dir, "folder"), filepath.Join(dir, long)) },
		func() error { return os.WriteFile(filepath.Join(dir, "new\nline"), []byte("x"), 0o600) },
	}
	for i, step := range do {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	expect(t, f,
		Event{Created, "written", false}, Event{Closed, "written", false},
		Event{Moved, "moved", false},
		Event{Created, "folder", true},
		Event{Created, "link", false},
		Event{Moved, long, true},
		Event{Created, "new\nline", false}, Event{Closed, "new\nline", false})
}

// TestRescan fills the kernel's queue: the loss is said, and the watch goes on.
func TestRescan(t *testing.T) {
	limit, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Skipf("the queue's length is not to be had: %v", err)
	}
	most := 0
	for _, c := range strings.TrimSpace(string(limit)) {
		most = most*10 + int(c-'0')
	}
	if most > 20000 {
		t.Skipf("a queue of %d events takes too long to fill", most)
	}
	dir := t.TempDir()
	f := open(t, dir)
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, a, "")
	for i := 0; i <= most; i++ { // equal neighbours are merged, so two names
		if err := os.Rename(a, b); err != nil {
			t.Fatal(err)
		}
		a, b = b, a
	}
	seen := 0
	for e := (Event{}); e.Kind != Rescan; seen++ {
		if e, err = f.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if seen != most+1 {
		t.Errorf("%d events before the rescan, the queue holds %d", seen-1, most)
	}
	write(t, filepath.Join(dir, "after"), "")
	expect(t, f, Event{Created, "after", false}, Event{Closed, "after", false})
}

// TestGone: a folder that goes ends its watch, after the events before.
func TestGone(t *testing.T) {
	for name, leave := range map[string]func(dir string) error{
		"deleted": os.RemoveAll,
		"moved":   func(dir string) error { return os.Rename(dir, dir+".away") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "outbox")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			f := open(t, dir)
			write(t, filepath.Join(dir, "last"), "")
			if err := leave(dir); err != nil {
				t.Fatal(err)
			}
			expect(t, f, Event{Created, "last", false}, Event{Closed, "last", false})
			for range 2 {
				if e, err := f.Next(); !errors.Is(err, ErrGone) {
					t.Fatalf("%v, %v, want gone", e, err)
				}
			}
		})
	}
}

// TestClose wakes a Next that waits.
func TestClose(t *testing.T) {
	f := open(t, t.TempDir())
	woken := make(chan error)
	go func() {
		_, err := f.Next()
		woken <- err
	}()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-woken; !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "")
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "file")); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("a file: %v", err)
	}
}

// FuzzParse: whatever is read, parse ends without a panic and without a bad name.
func FuzzParse(f *testing.F) {
	event := func(mask uint32, length uint32, name string) []byte {
		b := make([]byte, unix.SizeofInotifyEvent, 64)
		binary.NativeEndian.PutUint32(b[4:], mask)
		binary.NativeEndian.PutUint32(b[12:], length)
		return append(b, name...)
	}
	f.Add(event(unix.IN_MOVED_TO, 16, "name\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(append(event(unix.IN_CREATE|unix.IN_ISDIR, 4, "abc\x00"), event(unix.IN_Q_OVERFLOW, 0, "")...))
	f.Add(event(unix.IN_DELETE_SELF, 0, ""))
	f.Add(event(unix.IN_CREATE, 1<<32-1, "short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		events, _, _ := parse(nil, b)
		for _, e := range events {
			if e.Kind < Created || e.Kind > Rescan || (e.Name == "") != (e.Kind == Rescan) || strings.ContainsRune(e.Name, 0) {
				t.Fatalf("event %+v", e)
			}
		}
	})
}
