package sender

import (
	"io/fs"
	"os"

	"pawl/hw/disk"
)

// openFlags open a file for reading. os.Root adds O_NOFOLLOW; O_NONBLOCK keeps a pipe that
// was put in the place of a file from holding us for ever.
const openFlags = os.O_RDONLY | disk.NonBlock

// identity is what tells that a file is the same file with the same bytes, as far as a file
// system can tell: what fstat gives before and after the bytes were read.
type identity struct {
	size   uint64
	mtime  int64 // Unix nanoseconds
	inode  uint64
	change int64 // ctime, Unix nanoseconds: moves with every write, chmod and rename
}

func identify(info fs.FileInfo) identity {
	id := identity{size: uint64(info.Size()), mtime: info.ModTime().UnixNano()}
	id.inode, id.change = disk.Inode(info)
	return id
}

// difference names the first thing in which two identities differ, "" when they do not.
func (id identity) difference(other identity) string {
	switch {
	case id.inode != other.inode:
		return "another file is in its place"
	case id.size != other.size:
		return "its size changed"
	case id.mtime != other.mtime:
		return "its modification time changed"
	case id.change != other.change:
		return "it was changed"
	}
	return ""
}
