package disk

import (
	"io/fs"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// NonBlock opens a pipe without waiting for its other end; on a file it changes nothing (open(2)).
const NonBlock = unix.O_NONBLOCK

// Inode tells the inode number and the change time (Unix nanoseconds) of a file, from what Stat gave. The change time
// moves with every write, chmod and rename, and nobody can set it back. Both are 0 for what no file system gave.
func Inode(info fs.FileInfo) (inode uint64, change int64) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0
	}
	return st.Ino, time.Unix(st.Ctim.Unix()).UnixNano()
}
