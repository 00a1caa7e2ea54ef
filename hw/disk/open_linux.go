package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// OpenRegular opens a plain file for reading. A symbolic link, a pipe, a device or a folder
// in its place is refused with an error that wraps [ErrNotRegular], and never waited for.
func OpenRegular(path string) (*os.File, error) {
	return openRegular(path, os.O_RDONLY, 0)
}

// AppendRegular opens a plain file for reading and appending, and makes it with a mode (less the umask) where
// there is none; it refuses what OpenRegular refuses.
func AppendRegular(path string, mode fs.FileMode) (*os.File, error) {
	return openRegular(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, mode)
}

// OpenIn opens a plain file or a folder below a root for reading. A link, also to something in the root, a pipe or a device is refused with an error
// that wraps [ErrNotRegular], and never waited for: others may write to the root.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	there, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !there.IsDir() && !there.Mode().IsRegular() {
		return nil, fmt.Errorf("open %s: %w", name, ErrNotRegular)
	}
	// It may be another by now: O_NONBLOCK returns from the open of a pipe, and what was opened must be what was seen.
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !os.SameFile(info, there) {
		err = fmt.Errorf("open %s: exchanged meanwhile: %w", name, ErrNotRegular)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func openRegular(path string, flag int, mode fs.FileMode) (*os.File, error) {
	// O_NONBLOCK does nothing to a plain file; with it the open of a pipe that nobody feeds returns.
	f, err := os.OpenFile(path, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK, mode)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EISDIR) {
		return nil, fmt.Errorf("open %s: %w", path, ErrNotRegular)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("open %s: %w", path, ErrNotRegular)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
