package killtest

import (
	"golang.org/x/sys/unix"

	"pawl/hw/confine"
)

// machineShapes are the calls that only this machine has: those from before there were folders' descriptors.
var machineShapes = map[uint32]shape{
	unix.SYS_OPEN:      onPath("open", 0),
	unix.SYS_CREAT:     onPath("creat", 0),
	unix.SYS_MKDIR:     onPath("mkdir", 0),
	unix.SYS_MKNOD:     onPath("mknod", 0),
	unix.SYS_RMDIR:     onPath("rmdir", 0),
	unix.SYS_UNLINK:    onPath("unlink", 0),
	unix.SYS_CHMOD:     onPath("chmod", 0),
	unix.SYS_CHOWN:     onPath("chown", 0),
	unix.SYS_LCHOWN:    onPath("lchown", 0),
	unix.SYS_UTIME:     onPath("utime", 0),
	unix.SYS_UTIMES:    onPath("utimes", 0),
	unix.SYS_FUTIMESAT: onPathAt("futimesat", 0, 1),
	unix.SYS_RENAME:    onTwoPaths("rename", arg{none, 0}, arg{none, 1}),
	unix.SYS_LINK:      onTwoPaths("link", arg{none, 0}, arg{none, 1}),
	unix.SYS_SYMLINK:   onPath("symlink", 1),
}

var machineOpening = []confine.Bits{{Call: unix.SYS_OPEN, Arg: 1, Bits: writing}}
