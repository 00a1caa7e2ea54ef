package disk

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// OpenForWriting says whether anybody, this process included, has the file of f open for writing, under any of its
// names and also as a shared map; f itself must be open for reading only.
//
// It asks for a read lease, which the kernel grants only when there is no writer (fcntl(2), F_SETLEASE), and gives it
// back at once. The error wraps [errors.ErrUnsupported] where that is not to be known: a network file system, one
// without leases, or a file of another owner without CAP_LEASE.
func OpenForWriting(f *os.File) (bool, error) {
	_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return true, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.EOPNOTSUPP),
		errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOLCK):
		return false, fmt.Errorf("writers of %s: %w: %w", f.Name(), errors.ErrUnsupported, err)
	case err != nil:
		return false, fmt.Errorf("writers of %s: %w", f.Name(), err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK); err != nil {
		return false, fmt.Errorf("give back lease of %s: %w", f.Name(), err)
	}
	return false, nil
}
