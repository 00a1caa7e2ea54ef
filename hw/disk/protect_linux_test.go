package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// needFlag makes a file immutable until the test has ended.
func needFlag(t *testing.T, f *os.File) {
	t.Helper()
	err := SetImmutable(f, true)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		t.Skipf("here nothing is made immutable: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := SetImmutable(f, false); err != nil {
			t.Error(err)
		}
	})
}

// TestImmutable: the file can't be changed, renamed, linked or removed, and a folder gets no new entry.
func TestImmutable(t *testing.T) {
	dir := t.TempDir()
	f, data := file(t, dir, "f", 5000)
	needFlag(t, f)
	folder, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	needFlag(t, folder)
	for what, err := range map[string]error{
		"write":    os.WriteFile(f.Name(), nil, 0o600),
		"truncate": os.Truncate(f.Name(), 1),
		"chmod":    os.Chmod(f.Name(), 0o644),
		"rename":   os.Rename(f.Name(), f.Name()+"2"),
		"link":     os.Link(f.Name(), f.Name()+"2"),
		"remove":   os.Remove(f.Name()),
		"new":      os.WriteFile(filepath.Join(dir, "new"), nil, 0o600),
	} {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, data) {
		t.Errorf("other content (%v)", err)
	}
}

// TestWithoutImmutable: a file system without the flag, or a user who may not set it, is told so.
func TestWithoutImmutable(t *testing.T) {
	f, _ := file(t, t.TempDir(), "f", 1)
	err := SetImmutable(f, true)
	if err == nil {
		t.Skipf("it can be set here (and cleared: %v)", SetImmutable(f, false))
	}
	if os.Geteuid() == 0 && !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
}
