//go:build !linux

package disk

import "io/fs"

// NonBlock opens a pipe without waiting for its other end: here there is no such flag.
const NonBlock = 0

// Inode tells the inode number and the change time of a file: not known here.
func Inode(fs.FileInfo) (inode uint64, change int64) { return 0, 0 }
