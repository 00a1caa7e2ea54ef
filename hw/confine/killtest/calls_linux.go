//go:build amd64 || arm64

package killtest

import (
	"slices"

	"golang.org/x/sys/unix"

	"pawl/hw/confine"
)

// shape says where a call has what it is about: numbers of arguments, -1 for none.
type shape struct {
	name  string
	fd    int   // a descriptor
	paths []arg // paths
}

// arg is a path among the arguments.
type arg struct {
	folder int // a descriptor that the path begins at
	path   int
}

const none = -1

func onFile(name string, fd int) shape         { return shape{name, fd, nil} }
func onPath(name string, path int) shape       { return shape{name, none, []arg{{none, path}}} }
func onPathAt(name string, at, path int) shape { return shape{name, none, []arg{{at, path}}} }
func onTwoPaths(name string, a, b arg) shape   { return shape{name, none, []arg{a, b}} }

// merged has both tables in one, and the calls of it that are asked about whatever their flags.
func merged(a, b map[uint32]shape) (all []uint32, both map[uint32]shape) {
	both = map[uint32]shape{}
	for _, m := range []map[uint32]shape{a, b} {
		for call, s := range m {
			both[call] = s
			if !slices.ContainsFunc(opening, func(o confine.Bits) bool { return o.Call == call }) {
				all = append(all, call)
			}
		}
	}
	slices.Sort(all)
	return all, both
}

// writing are the flags of an open that changes something, or that a later write needs.
const writing = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC

// asked are the calls that are asked about always, shapes all of them by number. Of opening only those that write are.
var asked, shapes = merged(machineShapes, map[uint32]shape{
	unix.SYS_WRITE:           onFile("write", 0),
	unix.SYS_PWRITE64:        onFile("pwrite64", 0),
	unix.SYS_WRITEV:          onFile("writev", 0),
	unix.SYS_PWRITEV:         onFile("pwritev", 0),
	unix.SYS_PWRITEV2:        onFile("pwritev2", 0),
	unix.SYS_FSYNC:           onFile("fsync", 0),
	unix.SYS_FDATASYNC:       onFile("fdatasync", 0),
	unix.SYS_SYNC_FILE_RANGE: onFile("sync_file_range", 0),
	unix.SYS_SYNCFS:          onFile("syncfs", 0),
	unix.SYS_FTRUNCATE:       onFile("ftruncate", 0),
	unix.SYS_FALLOCATE:       onFile("fallocate", 0),
	unix.SYS_SENDFILE:        onFile("sendfile", 0),
	unix.SYS_COPY_FILE_RANGE: onFile("copy_file_range", 2),
	unix.SYS_SPLICE:          onFile("splice", 2),
	unix.SYS_FCHMOD:          onFile("fchmod", 0),
	unix.SYS_FCHOWN:          onFile("fchown", 0),
	unix.SYS_IOCTL:           onFile("ioctl", 0), // clones, chattr, fs-verity
	unix.SYS_FSETXATTR:       onFile("fsetxattr", 0),
	unix.SYS_FREMOVEXATTR:    onFile("fremovexattr", 0),

	unix.SYS_TRUNCATE:     onPath("truncate", 0),
	unix.SYS_SETXATTR:     onPath("setxattr", 0),
	unix.SYS_LSETXATTR:    onPath("lsetxattr", 0),
	unix.SYS_REMOVEXATTR:  onPath("removexattr", 0),
	unix.SYS_LREMOVEXATTR: onPath("lremovexattr", 0),

	unix.SYS_OPENAT:        onPathAt("openat", 0, 1),
	unix.SYS_OPENAT2:       onPathAt("openat2", 0, 1),
	unix.SYS_MKDIRAT:       onPathAt("mkdirat", 0, 1),
	unix.SYS_MKNODAT:       onPathAt("mknodat", 0, 1),
	unix.SYS_UNLINKAT:      onPathAt("unlinkat", 0, 1),
	unix.SYS_FCHMODAT:      onPathAt("fchmodat", 0, 1),
	unix.SYS_FCHMODAT2:     onPathAt("fchmodat2", 0, 1),
	unix.SYS_FCHOWNAT:      onPathAt("fchownat", 0, 1),
	unix.SYS_UTIMENSAT:     onPathAt("utimensat", 0, 1),
	unix.SYS_SETXATTRAT:    onPathAt("setxattrat", 0, 1),
	unix.SYS_REMOVEXATTRAT: onPathAt("removexattrat", 0, 1),

	unix.SYS_RENAMEAT:  onTwoPaths("renameat", arg{0, 1}, arg{2, 3}),
	unix.SYS_RENAMEAT2: onTwoPaths("renameat2", arg{0, 1}, arg{2, 3}),
	unix.SYS_LINKAT:    onTwoPaths("linkat", arg{0, 1}, arg{2, 3}),
	unix.SYS_SYMLINKAT: onPathAt("symlinkat", 1, 2), // the first is text
})

// opening are asked about when their flags say so; those of openat2 lie in memory, where a filter can't look.
var opening = append([]confine.Bits{{Call: unix.SYS_OPENAT, Arg: 2, Bits: writing}}, machineOpening...)
