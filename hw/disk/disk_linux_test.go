package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRenameNoReplaceNeverReplaces(t *testing.T) {
	plant := map[string]func(path string) error{
		"file":         func(path string) error { return os.WriteFile(path, []byte("theirs"), 0o600) },
		"empty file":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"empty folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"dead link":    func(path string) error { return os.Symlink("nowhere", path) },
	}
	for name, put := range plant {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			dir, err := os.Open(root)
			if err != nil {
				t.Fatal(err)
			}
			defer dir.Close()
			if err := os.WriteFile(filepath.Join(root, "ours"), []byte("ours"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := put(filepath.Join(root, "there")); err != nil {
				t.Fatal(err)
			}
			if err := RenameNoReplace(dir, "ours", dir, "there"); !errors.Is(err, fs.ErrExist) {
				t.Fatalf("rename onto a %s: %v", name, err)
			}
			if err := RenameNoReplace(dir, "ours", dir, "free"); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(root, "free")); err != nil || string(got) != "ours" {
				t.Fatalf("read %q, %v", got, err)
			}
			if err := SyncFileSystem(dir); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestLockEndsWithItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := Lock(first); err != nil {
		t.Fatal(err)
	}
	if err := Lock(second); !errors.Is(err, ErrLocked) {
		t.Fatalf("second lock: %v", err)
	}
	first.Close()
	if err := Lock(second); err != nil {
		t.Fatalf("after close: %v", err)
	}
}

func TestOnlyPlainFilesAreOpened(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	plant := map[string]func(path string) error{
		"link":   func(path string) error { return os.Symlink(target, path) },
		"pipe":   func(path string) error { return unix.Mkfifo(path, 0o600) },
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"device": func(path string) error { return os.Symlink("/dev/zero", path) },
	}
	for name, put := range plant {
		path := filepath.Join(dir, name)
		if err := put(path); err != nil {
			t.Fatal(err)
		}
		for call, open := range map[string]func(string) (*os.File, error){"OpenRegular": OpenRegular, "AppendRegular": func(path string) (*os.File, error) { return AppendRegular(path, 0o600) }} {
			if f, err := open(path); !errors.Is(err, ErrNotRegular) {
				t.Errorf("%s of a %s: %v, %v", call, name, f, err)
			}
		}
	}
	for _, path := range []string{target, filepath.Join(dir, "new")} {
		f, err := AppendRegular(path, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	if _, err := OpenRegular(filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}

func TestOpenInTakesFilesAndFolders(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o600), os.Mkdir(filepath.Join(dir, "folder"), 0o700),
		os.Symlink("file", filepath.Join(dir, "link")), unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, want := range map[string]error{"file": nil, "folder": nil, "link": ErrNotRegular, "pipe": ErrNotRegular, "none": fs.ErrNotExist} {
		f, err := OpenIn(root, name)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if err == nil {
			f.Close()
		}
	}
}

func TestIsUnfit(t *testing.T) {
	long := make([]byte, 300)
	for i := range long {
		long[i] = 'x'
	}
	_, err := os.Create(filepath.Join(t.TempDir(), string(long)))
	if !IsUnfit(err) {
		t.Errorf("a name of 300 octets: %v", err)
	}
	if _, err = os.Open(filepath.Join(t.TempDir(), "none")); IsUnfit(err) || IsUnfit(nil) || IsUnfit(unix.ENOSPC) {
		t.Errorf("%v is said to be for ever", err)
	}
}
