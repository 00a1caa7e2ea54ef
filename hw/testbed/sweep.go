//go:build linux

package testbed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	prefix = "pawl-"      // of every namespace's name; the pid of its maker follows
	runDir = "/run/netns" // where `ip netns` keeps them
)

// ErrUnavailable says why no bed can be built on this machine.
var ErrUnavailable = errors.New("testbed unavailable")

// Available is nil where Up can work, and else an ErrUnavailable with the reason.
func Available() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: network namespaces need root", ErrUnavailable)
	}
	for tool, debian := range map[string]string{"ip": "iproute2", "nft": "nftables", "ethtool": "ethtool"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w: %s is missing: apt-get install %s", ErrUnavailable, tool, debian)
		}
	}
	return nil
}

// TB is the part of *testing.T that Require needs.
type TB interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
}

// Require skips a test where no bed can be built, and fails it there when
// the environment says CI=true: a test that silently stopped testing helps nobody.
func Require(t TB) {
	t.Helper()
	err := Available()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// Sweep removes what beds of processes that are no longer there have left:
// their namespaces and the programs still running inside.
func Sweep() error {
	names, err := os.ReadDir(runDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("testbed: sweep: %w", err)
	}
	var errs []error
	for _, entry := range names {
		if pid, ok := maker(entry.Name()); ok && !alive(pid) {
			errs = append(errs, remove(entry.Name()))
		}
	}
	return errors.Join(errs...)
}

// maker is the process that named a namespace, ok if the name is a bed's.
func maker(namespace string) (pid int, ok bool) {
	rest, ok := strings.CutPrefix(namespace, prefix)
	if !ok || !(strings.HasSuffix(rest, "-low") || strings.HasSuffix(rest, "-high")) {
		return 0, false
	}
	text, _, _ := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(text)
	return pid, err == nil && pid > 0
}

func alive(pid int) bool { return !errors.Is(unix.Kill(pid, 0), unix.ESRCH) }

// remove kills what runs in a namespace and deletes it. Two processes may sweep at the same time: that it is gone is what
// both want.
func remove(namespace string) error {
	gone := func() bool {
		_, err := os.Lstat(runDir + "/" + namespace)
		return errors.Is(err, fs.ErrNotExist)
	}
	if gone() {
		return nil
	}
	if err := evict(namespace); err != nil && !gone() {
		return err
	}
	return nil
}

// evict does remove's work on a namespace that is there.
func evict(namespace string) error {
	text, err := output("ip", "", "netns", "pids", namespace)
	if err != nil {
		return fmt.Errorf("testbed: %w", err)
	}
	var errs []error
	for _, field := range strings.Fields(string(text)) {
		// Our own process is listed while Do runs on its first thread.
		if pid, err := strconv.Atoi(field); err == nil && pid != os.Getpid() {
			errs = append(errs, kill(pid))
		}
	}
	errs = append(errs, run("ip", "", "netns", "del", namespace))
	return errors.Join(errs...)
}

// kill ends a process and waits for its end, 2 s at most.
func kill(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("testbed: process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("testbed: kill %d: %w", pid, err)
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 2000)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("testbed: wait for %d: %w", pid, err)
		case n == 0:
			return fmt.Errorf("testbed: process %d lives on after SIGKILL", pid)
		default:
			return nil
		}
	}
}
