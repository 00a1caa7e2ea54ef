package quarantine

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pawl/hw/disk"
)

// WriteFile puts a small file into a folder so that a reader, also one after a crash, sees
// the old bytes or the new ones and nothing between: a temporary file, fsync, rename, fsync
// of the folder. It has [FileMode]; one that was there is replaced.
func WriteFile(dir, name string, data []byte) error {
	if filepath.Base(name) != name {
		return fmt.Errorf("write %q: not a plain name", name)
	}
	f, err := os.OpenFile(filepath.Join(dir, ownPrefix+"new-"+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, FileMode)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// ReadFile reads a file of a transfer's folder, whose maker faces the wire: a plain file only, and at most max octets. The error wraps
// [fs.ErrNotExist] when there is none.
func ReadFile(dir, name string, max int64) ([]byte, error) {
	f, err := disk.OpenRegular(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(data)) > max {
		err = fmt.Errorf("larger than %d octets", max)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}

// ClearTemporary removes what a WriteFile that a crash ended has left in a folder.
func ClearTemporary(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("clear temporary files: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ownPrefix+"new-") {
			if err := RemoveFile(dir, e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// RemoveFile removes a file of a folder for good: it stays away also after a crash. One that is
// not there is no error.
func RemoveFile(dir, name string) error {
	if filepath.Base(name) != name {
		return fmt.Errorf("remove %q: not a plain name", name)
	}
	err := os.Remove(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// syncDir makes the entries of a folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
