package disk

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOpenForWriting sees each kind of writer, under another name too, and sees it gone.
func TestOpenForWriting(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "file"), filepath.Join(dir, "hard link")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, other); err != nil {
		t.Fatal(err)
	}
	probe := func(want bool, when string) {
		t.Helper()
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got, err := OpenForWriting(f); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", when, got, err, want)
		}
	}
	probe(false, "nobody")
	for name, flag := range map[string]int{"write": os.O_WRONLY, "append": os.O_WRONLY | os.O_APPEND, "both": os.O_RDWR} {
		for _, at := range []string{path, other} {
			w, err := os.OpenFile(at, flag, 0)
			if err != nil {
				t.Fatal(err)
			}
			probe(true, name+" "+at)
			w.Close()
			probe(false, "after "+name)
		}
	}
	w, err := os.OpenFile(other, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := unix.Mmap(int(w.Fd()), 0, 4, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	probe(true, "map")
	if err := unix.Munmap(m); err != nil {
		t.Fatal(err)
	}
	probe(false, "after the map")
	r, err := os.Open(other)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	probe(false, "a reader")
}
