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
	rightsFiles1   = 1<<13 - 1 // version 1: execute, write, read, read folder, remove, make
	rightReading   = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	rightsOfFiles  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE // the others are of folders
	rightDeviceNul = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE
)

// tcpSince is the version that can forbid TCP.
const tcpSince = 4

// landlockRulePort is LANDLOCK_RULE_NET_PORT, and portRule its struct landlock_net_port_attr (linux/landlock.h).
const landlockRulePort = 2

type portRule struct{ allowed, port uint64 }

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
	if version >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
		size = unsafe.Offsetof(attr.Quiet_access_fs)
	}
	return attr, size
}

// landlock forbids this thread, and what it becomes by exec, all files but those below the paths that are given to read, and all
// of TCP.
func landlock(version int, read []string) error {
	set, err := newRuleset(rulesetFor(version))
	if err != nil {
		return err
	}
	defer set.close()
	for _, path := range read {
		rights := uint64(rightReading)
		if path == "/dev/null" {
			rights = rightDeviceNul
		}
		if err := set.allow(path, rights); err != nil {
			return err
		}
	}
	return set.restrict()
}

// ruleset is what is allowed of what a version of Landlock forbids; the descriptor of it.
type ruleset int

func newRuleset(attr unix.LandlockRulesetAttr, size uintptr) (ruleset, error) {
	fd, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return 0, fmt.Errorf("landlock: %w", errno)
	}
	return ruleset(fd), nil
}

func (r ruleset) close() { _ = unix.Close(int(r)) } // nothing is lost with it

// restrict holds this thread to the rules, for good.
func (r ruleset) restrict() error {
	if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(r), 0, 0); errno != 0 {
		return fmt.Errorf("landlock: %w", errno)
	}
	return nil
}

// allow gives rights to a file, or to a folder and all below it. A path that is not there is left out.
func (r ruleset) allow(path string, rights uint64) error {
	if err := r.allowBeneath(path, rights); err != nil {
		return fmt.Errorf("landlock: %s: %w", path, err)
	}
	return nil
}

// listen lets TCP be listened for on a port; 0 is one that the kernel chooses.
func (r ruleset) listen(port uint16) error {
	rule := portRule{allowed: unix.LANDLOCK_ACCESS_NET_BIND_TCP, port: uint64(port)}
	if _, _, errno := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r), landlockRulePort, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return fmt.Errorf("landlock: port %d: %w", port, errno)
	}
	return nil
}

func (r ruleset) allowBeneath(path string, rights uint64) error {
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
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= rightsOfFiles
	}
	rule := unix.LandlockPathBeneathAttr{Parent_fd: int32(fd), Allowed_access: rights}
	if _, _, errno := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
