//go:build !linux

package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// RenameNoReplace is not to be had here.
func RenameNoReplace(_ *os.File, from string, _ *os.File, to string) error {
	return fmt.Errorf("rename %q to %q without replacing: %w", from, to, errors.ErrUnsupported)
}

// SyncFileSystem is not to be had here.
func SyncFileSystem(f *os.File) error {
	return fmt.Errorf("sync file system of %s: %w", f.Name(), errors.ErrUnsupported)
}

// Lock is not to be had here.
func Lock(f *os.File) error {
	return fmt.Errorf("lock %s: %w", f.Name(), errors.ErrUnsupported)
}

// OpenRegular is not to be had here.
func OpenRegular(path string) (*os.File, error) {
	return nil, fmt.Errorf("open %s: %w", path, errors.ErrUnsupported)
}

// AppendRegular is not to be had here.
func AppendRegular(path string, _ fs.FileMode) (*os.File, error) {
	return nil, fmt.Errorf("open %s: %w", path, errors.ErrUnsupported)
}

// OpenIn is not to be had here.
func OpenIn(_ *os.Root, name string) (*os.File, error) {
	return nil, fmt.Errorf("open %s: %w", name, errors.ErrUnsupported)
}
