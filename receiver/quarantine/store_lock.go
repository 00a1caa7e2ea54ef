package quarantine

import (
	"fmt"
	"os"

	"pawl/hw/disk"
)

// ErrLocked is wrapped by Lock while another program or goroutine works on the transfer.
var ErrLocked = disk.ErrLocked

// Lock is the right to move one transfer. It is held on the transfer's folder itself, goes
// with it through renames and ends with the process, so that a crash leaves nothing behind.
type Lock struct {
	dir *os.File
}

// Lock takes a transfer that is in state st. It does not wait: the error wraps [ErrLocked]
// when somebody else has it, and [fs.ErrNotExist] when it is not in st (any more).
func (s *Store) Lock(id ID, st State) (*Lock, error) {
	dir, err := os.Open(s.Dir(st, id))
	if err != nil {
		return nil, fmt.Errorf("lock transfer %s: %w", id, err)
	}
	if err := disk.Lock(dir); err != nil {
		dir.Close()
		return nil, fmt.Errorf("lock transfer %s: %w", id, err)
	}
	// Between the open and the lock it may have been moved by who held it.
	mine, err := dir.Stat()
	if err == nil {
		var there os.FileInfo
		if there, err = os.Lstat(s.Dir(st, id)); err == nil && !os.SameFile(mine, there) {
			err = os.ErrNotExist
		}
	}
	if err != nil {
		dir.Close()
		return nil, fmt.Errorf("lock transfer %s: %w", id, err)
	}
	return &Lock{dir: dir}, nil
}

// Unlock gives the transfer back.
func (l *Lock) Unlock() { l.dir.Close() }

// Turn waits for the right to change what is decided about transfers, or where they lie, and gives the end of it. A change of state and a person's
// word each take one turn, of milliseconds: so a word never falls between the last look at the words and the release, and waits for
// nobody who holds a transfer's [Lock] for the hours of a slow copy. A Lock is never waited for in a turn.
func (s *Store) Turn() (end func(), err error) {
	// The folder of a state, not of a transfer: that one moves, and who faces the wire may put another in its place.
	dir, err := os.Open(s.folder(Held))
	if err == nil {
		if err = disk.LockSoon(dir); err != nil {
			dir.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("take a turn: %w", err)
	}
	return func() { dir.Close() }, nil
}
