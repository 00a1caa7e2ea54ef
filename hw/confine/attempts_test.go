//go:build linux && (amd64 || arm64)

package confine

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// victim is a file that would be there to remove.
const victim = "/tmp/pawl-confine-victim"

// attempts are what a taken-over checker would try, as Go code does it and not as the package tries itself.
var attempts = map[string]func() error{
	"read a file": func() error { _, err := os.ReadFile("/etc/passwd"); return err },
	"list a folder": func() error {
		_, err := os.ReadDir("/")
		return err
	},
	"write a file":  func() error { return os.WriteFile("/tmp/pawl-confine-test", nil, 0o600) },
	"remove a file": func() error { return os.Remove(victim) },
	"make a folder": func() error { return os.Mkdir("/tmp/pawl-confine-test", 0o700) },
	"make a link":   func() error { return os.Symlink("/etc/passwd", "/tmp/pawl-confine-test") },
	"tcp":           func() error { _, err := net.DialTimeout("tcp", "127.0.0.1:9", time.Second); return err },
	"listen":        func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err },
	"udp":           func() error { _, err := net.ListenPacket("udp", "127.0.0.1:0"); return err },
	"local socket":  func() error { _, err := net.Dial("unix", "/run/clamav/clamd.ctl"); return err },
	"trace":         func() error { return unix.PtraceAttach(os.Getppid()) },
	"process group": func() error { return unix.Setpgid(0, 0) },
	"namespace":     func() error { return unix.Unshare(unix.CLONE_NEWUSER | unix.CLONE_NEWNET) },
	"mount":         func() error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") },
	"capability":    func() error { return unix.Sethostname([]byte("x")) },
	"truncate":      func() error { return os.Truncate(victim, 0) },
	"mode":          func() error { return os.Chmod(victim, 0o777) },
	"owner":         func() error { return os.Chown(victim, 1, 1) },
	"times":         func() error { return os.Chtimes(victim, time.Time{}, time.Unix(1, 0)) },
	"attribute":     func() error { return unix.Setxattr(victim, "user.x", []byte("x"), 0) },
	// Signals that would do nothing.
	"signal parent":    func() error { return unix.Kill(os.Getppid(), unix.SIGURG) },
	"signal thread":    func() error { return unix.Tgkill(os.Getppid(), os.Getppid(), unix.SIGURG) },
	"limits of parent": func() error { var l unix.Rlimit; return unix.Prlimit(os.Getppid(), unix.RLIMIT_NOFILE, nil, &l) },
}

// pipeAttempts would have the kernel signal the parent when a pipe can be read. Landlock forbids the signal, from version 6 on, and the filter before
// that the asking for it.
var pipeAttempts = map[string]func() error{
	"owner of a pipe":  func() error { _, err := unix.FcntlInt(0, unix.F_SETOWN, os.Getppid()); return err },
	"signal of a pipe": func() error { _, err := unix.FcntlInt(0, unix.F_SETSIG, int(unix.SIGKILL)); return err },
}

// sealedAttempts are forbidden to this program's own checkers beyond that.
var sealedAttempts = map[string]func() error{
	"run a program":    func() error { return exec.Command("/bin/true").Run() },
	"run itself":       func() error { return unix.Exec(self, []string{"x"}, nil) },
	"read its program": func() error { _, err := os.ReadFile(self); return err },
	"look":             func() error { _, err := os.Stat("/"); return err },
	"code": func() error {
		_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
		return err
	},
	"raise a limit": func() error { return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: 1 << 40, Max: 1 << 40}) },
}

func tryWith(name string) error {
	var err error
	for _, all := range []map[string]func() error{attempts, pipeAttempts, sealedAttempts} {
		if attempt := all[name]; attempt != nil {
			err = attempt()
		}
	}
	if err == nil {
		return errors.New("it worked")
	}
	fmt.Println(err)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return nil
	}
	return fmt.Errorf("failed for another reason: %w", err)
}
