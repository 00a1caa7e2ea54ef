//go:build linux && (amd64 || arm64)

package confine

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights by the version of Landlock that brought them (Documentation/userspace-api/landlock.rst): a version may only be asked for what it knows.
const (
	rightsFiles1  = 1<<13 - 1 // version 1: execute, write, read, read folder, remove, make
	rightReading  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	rightReadFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE
	rightSockets  = unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE
	rightsWriting = rightReading&^unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG // files and folders: no links, no devices
	rightDeviceNul = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE
)

const (
	// moveSince is the version that can allow a file to be renamed from one folder to another, which is how transfers move: the one before forbids it.
	moveSince = 2
	// tcpSince is the version that can forbid TCP.
	tcpSince = 4
)

// landlockRulePort is LANDLOCK_RULE_NET_PORT, and portRule its struct landlock_net_port_attr (linux/landlock.h).
const landlockRulePort = 2

type portRule struct{ allowed, port uint64 }

// landlockSignals is the version that keeps signals inside.
const landlockSignals = 6

// Landlock is the version of Landlock that the kernel has, 0 if none or if it is switched off.
func Landlock() int {
	version, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// rulesetFor handles, and so forbids, everything that the version knows, and gives the size of what it reads.
func rulesetFor(version int) (unix.LandlockRulesetAttr, uintptr) {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: rightsFiles1}
	size := unsafe.Sizeof(attr.Handled_access_fs)
	if version >= 2 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= tcpSince {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		size = unsafe.Offsetof(attr.Scoped)
	}
	if version >= 5 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if version >= landlockSignals {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
		size = unsafe.Offsetof(attr.Quiet_access_fs)
	}
	return attr, size
}

// landlock forbids this thread, and what it becomes by exec, all files and all of TCP but what is in reach. A path that is not there is left out: it can't
// be read anyway.
func landlock(version int, r Reach) error {
	attr, size := rulesetFor(version)
	if r.Datagrams { // Landlock knows nothing of them, and the service manager may listen on a socket without a path
		attr.Handled_access_net, attr.Scoped = 0, attr.Scoped&^unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
	}
	fd, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return fmt.Errorf("landlock: %w", errno)
	}
	defer unix.Close(int(fd))
	for _, path := range r.Read {
		if err := allowBeneath(int(fd), path, rightReading); err != nil {
			return fmt.Errorf("landlock: %s: %w", path, err)
		}
	}
	writing := uint64(rightsWriting) | attr.Handled_access_fs&(unix.LANDLOCK_ACCESS_FS_REFER|unix.LANDLOCK_ACCESS_FS_TRUNCATE)
	for _, path := range r.Write {
		if err := allowBeneath(int(fd), path, writing); err != nil {
			return fmt.Errorf("landlock: %s: %w", path, err)
		}
	}
	for _, path := range r.Sockets {
		if err := allowBeneath(int(fd), path, rightSockets); err != nil {
			return fmt.Errorf("landlock: sockets in %s: %w", path, err)
		}
	}
	for _, port := range r.Listen {
		rule := portRule{allowed: unix.LANDLOCK_ACCESS_NET_BIND_TCP, port: uint64(port)}
		if attr.Handled_access_net == 0 {
			break // it is not forbidden
		}
		if _, _, errno := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE, fd, landlockRulePort, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
			return fmt.Errorf("landlock: port %d: %w", port, errno)
		}
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("landlock: %w", errno)
	}
	return nil
}

// allowBeneath allows rights of a folder for all that is below it; of those to read, a file has its own.
func allowBeneath(ruleset int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	rule := unix.LandlockPathBeneathAttr{Parent_fd: int32(fd), Allowed_access: rights}
	switch {
	case path == "/dev/null":
		rule.Allowed_access = rightDeviceNul
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		rule.Allowed_access = rightReadFile
	}
	if _, _, errno := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
