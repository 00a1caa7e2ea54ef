package disk

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Free tells how many octets an ordinary user may still write on the file system that path lies on.
func Free(path string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, fmt.Errorf("free room at %s: %w", path, err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// IsUnfit says whether a system call failed because the file system will never take such a name: it is too long, or has characters that it has not.
func IsUnfit(err error) bool {
	return errors.Is(err, unix.ENAMETOOLONG) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EILSEQ)
}

// IsFull says whether err is the file system's word that there is no room, or none for this user.
func IsFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}
