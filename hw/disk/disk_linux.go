package disk

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// RenameNoReplace renames entry from of the open folder fromDir to entry to of the open
// folder toDir, in one step, and refuses with an error that wraps [os.ErrExist] when to is
// there, whatever it is. Both names are single components. The error wraps
// [errors.ErrUnsupported] where the file system has no such rename.
func RenameNoReplace(fromDir *os.File, from string, toDir *os.File, to string) error {
	err := unix.Renameat2(int(fromDir.Fd()), from, int(toDir.Fd()), to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) {
		// renameat2(2): EINVAL is what a file system without the flag answers.
		err = errors.ErrUnsupported
	}
	if err != nil {
		return fmt.Errorf("rename %q to %q: %w", from, to, err)
	}
	return nil
}

// SyncFileSystem writes back everything of the file system that f lies on, and tells of
// write errors since f was opened (syncfs(2), Linux 5.8 and later). One call for ten
// thousand small files takes as long as a handful of fsyncs.
func SyncFileSystem(f *os.File) error {
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync file system of %s: %w", f.Name(), err)
	}
	return nil
}

// Lock takes the exclusive lock of an open file or folder without waiting; it is given back
// when f is closed. Two opens of the same file exclude each other also inside one process.
func Lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return nil
}
