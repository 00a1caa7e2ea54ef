//go:build linux && (amd64 || arm64)

package confine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// daemon is what a long-running program does: it is held, and works then. Its arguments are a folder to try in and the pid that it must keep.
func daemon(args []string) int {
	dir := args[0]
	flag, held := strings.CutPrefix(args[len(args)-1], "--held=")
	if !held {
		fmt.Fprintln(os.Stderr, Hold("--held", Reach{
			Read: []string{filepath.Join(dir, "read"), filepath.Join(dir, "absent")}, Write: []string{filepath.Join(dir, "write")}, Datagrams: true,
		}))
		return 1
	}
	applied, err := ParseApplied(flag)
	if err == nil {
		err = Held(applied, true)
	}
	if err == nil {
		err = work(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(os.Getpid())
	return 0
}

// work does what is allowed, and tries what is not from several threads at once.
func work(dir string) error {
	at := func(name string) string { return filepath.Join(dir, name) }
	_, err := os.ReadFile(at("read/below/file"))
	err = errors.Join(err, os.WriteFile(at("write/new"), []byte("x"), 0o600), os.Mkdir(at("write/sub"), 0o700), os.Rename(at("write/new"), at("write/sub/new")),
		os.Truncate(at("write/sub/new"), 0), os.Remove(at("write/sub/new")))
	err = errors.Join(err, closed(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)), closed(unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)))
	if err != nil {
		return fmt.Errorf("what is allowed: %w", err)
	}
	tries := map[string]func() error{
		"read a secret":        func() error { _, err := os.ReadFile(at("secret")); return err },
		"write into a secret":  func() error { return os.WriteFile(at("secret"), nil, 0o600) },
		"write where it reads": func() error { return os.WriteFile(at("read/below/file"), nil, 0o600) },
		"make where it reads":  func() error { return os.WriteFile(at("read/new"), nil, 0o600) },
		"move what it reads": func() error {
			if err := os.Rename(at("read/below/file"), at("write/file")); !errors.Is(err, unix.EXDEV) { // as Landlock has it
				return err
			}
			return unix.EACCES
		},
		"take a secret in": func() error { return os.Rename(at("secret"), at("write/secret")) },
		"link a secret in": func() error {
			if err := os.Link(at("secret"), at("write/secret")); !errors.Is(err, unix.EXDEV) { // as Landlock has it
				return err
			}
			return unix.EACCES
		},
		"a symbolic link":  func() error { return os.Symlink(at("secret"), at("write/link")) },
		"run a program":    func() error { return exec.Command("/bin/true").Run() },
		"a device":         func() error { return unix.Mknod(at("write/device"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))) }, // Linux 6.1 lets a whiteout (0, 0) through
		"look into memory": func() error { return unix.PtraceAttach(os.Getppid()) },
		"a packet socket":  func() error { return closed(unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)) },
		"see its parent":   func() error { _, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", os.Getppid())); return err },
	}
	var wait sync.WaitGroup
	found := make(chan error, len(tries))
	for what, try := range tries {
		wait.Go(func() {
			runtime.LockOSThread() // and never unlocked: a thread of its own, made after the start
			if err := refused(what, try()); err != nil {
				found <- err
			}
		})
	}
	wait.Wait()
	close(found)
	for one := range found {
		err = errors.Join(err, one)
	}
	return err
}

// TestHoldOfALink: a held daemon stays the same process, does what it was given, and nothing else from any thread, also as root.
func TestHoldOfALink(t *testing.T) {
	if v := Landlock(); v < moveSince {
		t.Skipf("Landlock %d: a program that moves files is held from version %d on", v, moveSince)
	}
	dir := t.TempDir()
	for _, one := range []string{"read/below", "write"} {
		if err := os.MkdirAll(filepath.Join(dir, one), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, one := range []string{"read/below/file", "secret"} {
		if err := os.WriteFile(filepath.Join(dir, one), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "daemon", dir)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	var out, words strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &words
	err := cmd.Run()
	if err != nil || out.String() != fmt.Sprintln(cmd.Process.Pid) {
		t.Errorf("%v: %q, pid %d\n%s", err, out.String(), cmd.Process.Pid, words.String())
	}
}
