//go:build linux && (amd64 || arm64)

package confine

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tryOutside tries what no confined process may do. The first thing that works is an error.
func tryOutside(applied Applied) error {
	tries := []struct {
		what string
		do   func() error
	}{
		{"internet socket", func() error { return closed(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)) }},
		{"local socket", func() error { return closed(unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)) }},
		{"raw socket", func() error { return closed(unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)) }},
		{"tracing its parent", func() error { return unix.PtraceAttach(os.Getppid()) }},
		{"a process group of its own", func() error { return unix.Setpgid(0, 0) }},
		{"a new namespace", func() error { return unix.Unshare(unix.CLONE_NEWUSER) }},
		{"a signal to its parent", func() error { return unix.Kill(os.Getppid(), 0) }},
		{"its parent's limits", func() error { return unix.Prlimit(os.Getppid(), unix.RLIMIT_NOFILE, nil, &unix.Rlimit{}) }},
		{"truncating a file", func() error { return unix.Truncate("/pawl-confine-tries-this", 0) }},
		{"a file's mode", func() error { return unix.Fchmodat(unix.AT_FDCWD, "/pawl-confine-tries-this", 0, 0) }},
	}
	for _, t := range tries {
		if err := refused(t.what, t.do()); err != nil {
			return err
		}
	}
	if err := powerless(); err != nil {
		return err
	}
	if applied.Landlock == 0 {
		return nil
	}
	for _, path := range []string{"/", "/etc/passwd", "/proc/self/status"} {
		if err := refused("open "+path, closed(unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0))); err != nil {
			return err
		}
	}
	return refused("a new file", closed(unix.Open("/pawl-confine-tries-this", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)))
}

// trySealed tries what a sealed process may not do beyond that.
func trySealed() error {
	path := [...]byte{'/', 'p', 'r', 'o', 'c', '/', 's', 'e', 'l', 'f', '/', 'e', 'x', 'e', 0}
	argv := [...]*byte{&path[0], nil}
	tries := []struct {
		what string
		do   func() error
	}{
		{"open its own program", func() error { return closed(unix.Open(self, unix.O_RDONLY|unix.O_CLOEXEC, 0)) }},
		{"open a library", func() error { return closed(unix.Open("/lib", unix.O_RDONLY|unix.O_CLOEXEC, 0)) }},
		{"look at a file", func() error { var st unix.Stat_t; return unix.Stat("/", &st) }},
		{"socket", func() error { return closed(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)) }},
		{"memory that is code", func() error {
			_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
			return err
		}},
		{"a new process", func() error { return fork() }},
		{"exec", func() error {
			// No buffer of our own can be handed to a program that does not start.
			_, _, errno := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(&path[0])), uintptr(unsafe.Pointer(&argv[0])), 0)
			return errno
		}},
	}
	for _, t := range tries {
		if err := refused(t.what, t.do()); err != nil {
			return err
		}
	}
	return nil
}

// fork makes a process that ends at once, if it is allowed to.
func fork() error {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
	return nil
}

// powerless asks the kernel whether capabilities are gone and can't come back.
func powerless() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData
	if err := unix.Capget(&header, &have[0]); err != nil {
		return fmt.Errorf("confine: capabilities: %w", err)
	}
	for _, c := range have {
		if c.Effective|c.Permitted != 0 {
			return fmt.Errorf("confine: capabilities: %w", ErrLoose)
		}
	}
	set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil || set != 1 {
		return fmt.Errorf("confine: no_new_privs: %w", ErrLoose)
	}
	return nil
}

// refused turns a try that was refused into nil and one that was not into an error. Only what a filter answers counts: another error
// may come from something that is not there.
func refused(what string, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return nil
	}
	if err == nil {
		return fmt.Errorf("confine: %s: %w", what, ErrLoose)
	}
	return fmt.Errorf("confine: %s: tried, and neither allowed nor refused: %w", what, err)
}

func closed(fd int, err error) error {
	if err == nil {
		unix.Close(fd)
	}
	return err
}
