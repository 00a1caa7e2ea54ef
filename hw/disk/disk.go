// Package disk holds the few file-system calls that Go's os package does not have: a rename
// that never replaces, one sync for a whole file system, an open that takes plain files only,
// and a lock that ends with its process. On top of them, [Folder] writes files whole and lastingly.
//
// On Linux they are renameat2(2), syncfs(2), open(2) with O_NOFOLLOW, and flock(2). Elsewhere
// the package builds, and the calls refuse with an error that wraps [errors.ErrUnsupported]:
// a gateway that guessed would overwrite.
package disk

import "errors"

var (
	// ErrLocked is wrapped by Lock when the lock is held by somebody else.
	ErrLocked = errors.New("locked by another")
	// ErrNotRegular is wrapped by OpenRegular, AppendRegular and OpenIn for what is no plain file.
	ErrNotRegular = errors.New("not a plain file")
)
