//go:build linux && (amd64 || arm64)

package confine

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// clockFiles are what every program reads that tells the time, and nobody's secret.
var clockFiles = []string{"/etc/localtime"}

// rightsWriting are those in a folder that a daemon works in: files and folders, and sockets, but no links and no devices.
const rightsWriting = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
	unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
	unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_TRUNCATE

// Hold confines this program and starts it again in its own place (execve: the process stays the same one), with [HeldFlag] at the end of its command
// line. It returns only an error; one that wraps [ErrAbsent] means that the kernel can't and that nothing has changed.
//
// Landlock holds a thread and what it becomes. Set right before an exec, it holds every thread that the program will ever have, and nothing
// depends on reaching the threads of a running Go program.
func Hold(d Daemon) error {
	if err := Holds(); err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	version := Landlock()
	runtime.LockOSThread() // never unlocked: exec makes this thread the only one
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("confine: no_new_privs: %w", err)
	}
	attr, size := rulesetFor(version)
	attr.Scoped &^= unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET // the service manager may listen on one
	if d.Listen == nil {
		attr.Handled_access_net = 0 // it must have sockets; and of TCP's kin (MPTCP) Landlock knows nothing: OnlyAnswers does
	}
	set, err := newRuleset(attr, size)
	if err != nil {
		return err
	}
	defer set.close()
	program, err := os.Readlink(self)
	if err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	for _, path := range slices.Concat(libraries, clockFiles, d.Read, []string{program}) {
		if err := set.allow(path, rightReading); err != nil {
			return err
		}
	}
	for _, path := range d.Write {
		if err := set.allow(path, rightsWriting&attr.Handled_access_fs); err != nil {
			return err
		}
	}
	for _, port := range d.Listen {
		if version < tcpSince {
			break // nothing forbids it
		}
		if err := set.listen(port); err != nil {
			return err
		}
	}
	if err := set.restrict(); err != nil {
		return err
	}
	return fmt.Errorf("confine: start again: %w", unix.Exec(self, append(slices.Clone(os.Args), heldArgument(version)), os.Environ()))
}

// Held tries that a program which was started again by [Hold] is held: it may see neither the root folder nor make a file there. An error means that it
// is not, and it must end.
func Held(version int) error {
	if version < minHold {
		return errNotHeld
	}
	if err := refused("open /", closed(unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0))); err != nil {
		return errors.Join(errNotHeld, err)
	}
	err := closed(unix.Open("/pawl-confine-tries-this", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600))
	if err := refused("a new file", err); err != nil && !errors.Is(err, unix.EROFS) {
		return errors.Join(errNotHeld, err)
	}
	return nil
}
