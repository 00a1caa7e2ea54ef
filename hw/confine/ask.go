//go:build linux && (amd64 || arm64)

package confine

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Bits picks calls by an argument: those that have one of the bits in its low half.
type Bits struct {
	Call, Arg, Bits uint32
}

// Ask has somebody asked before each of the calls that this thread makes, and whatever it becomes by exec or starts. It forbids nothing but calls in the
// manner of another machine: it is for tests that watch a program. The descriptor is where who answers reads the questions, see seccomp_unotify(2); it is closed on exec.
// A call waits until it is answered, and only a signal that ends the process ends the wait (Linux 5.19).
//
// The goroutine must be locked to its thread and must not make any of the calls before somebody answers.
func Ask(calls []uint32, some []Bits) (listener int, err error) {
	f := newFilter()
	f.on(unix.SECCOMP_RET_USER_NOTIF, calls...)
	for _, b := range some {
		f.onBits(b.Call, b.Arg, b.Bits, unix.SECCOMP_RET_USER_NOTIF, allow)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, fmt.Errorf("confine: no_new_privs: %w", err)
	}
	// Without the second flag a signal of Go's scheduler would end the wait, and the call would be asked about twice.
	fd, err := f.set(allow, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
	if err != nil {
		return -1, err
	}
	return int(fd), nil
}
