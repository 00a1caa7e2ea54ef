package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func openFolder(t *testing.T, path string) *Folder {
	t.Helper()
	f, err := OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestFolderShowsOldOrNew: whatever system call of a Put fails, a reader sees all of the old bytes or all of the new.
func TestFolderShowsOldOrNew(t *testing.T) {
	errStop := errors.New("stopped")
	for n := 1; ; n++ {
		f := openFolder(t, t.TempDir())
		if err := f.Put("a/b/c", []byte("old bytes")); err != nil {
			t.Fatal(err)
		}
		left := n
		f.Before = func(string) error {
			if left--; left <= 0 {
				return errStop
			}
			return nil
		}
		err := f.Put("a/b/c", []byte("new"))
		got, errRead := fs.ReadFile(f.FS(), "a/b/c")
		if errRead != nil || string(got) != "old bytes" && string(got) != "new" {
			t.Fatalf("call %d: %q, %v", n, got, errRead)
		}
		if err == nil {
			if string(got) != "new" || n < 5 {
				t.Errorf("put without an error after %d calls: %q", n-1, got)
			}
			return
		}
		if !errors.Is(err, errStop) {
			t.Fatal(err)
		}
	}
}

// TestFolderStaysInside: links lead nowhere.
func TestFolderStaysInside(t *testing.T) {
	outside, inside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(inside, "tile")); err != nil {
		t.Fatal(err)
	}
	f := openFolder(t, inside)
	if err := f.Put("tile/x", []byte("x")); err == nil {
		t.Error("written through a link")
	}
	if names, err := os.ReadDir(outside); err != nil || len(names) != 0 {
		t.Errorf("outside is %v, %v", names, err)
	}
	if err := f.Rename("a/b", "c/d"); err == nil {
		t.Error("renamed into another folder")
	}
}

func TestFolderRemovesEmptyFolders(t *testing.T) {
	f := openFolder(t, t.TempDir())
	for _, name := range []string{"a/1", "a/2"} {
		if err := f.Put(name, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"a/1", "a/2"} {
		if err := f.Remove(name); err != nil {
			t.Fatal(err)
		}
		if _, err := fs.Stat(f.FS(), "a"); (err == nil) != (i == 0) {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

// TestFolderLockWaits: who comes second gets the lock when the first is done.
func TestFolderLockWaits(t *testing.T) {
	path := t.TempDir()
	unlock, err := openFolder(t, path).Lock()
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	second := openFolder(t, path)
	go func() {
		unlock, err := second.Lock()
		if err == nil {
			unlock()
		}
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("two have the lock: %v", err)
	default:
	}
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}
