//go:build linux && (amd64 || arm64)

package confine

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data (linux/seccomp.h): the call's number, the machine, the arguments of 8 octets each, of which both machines
// that are supported have the low half first.
const (
	dataCall    = 0
	dataMachine = 4
	dataArgs    = 16
)

const (
	deny  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	none  = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	allow = unix.SECCOMP_RET_ALLOW
	kill  = unix.SECCOMP_RET_KILL_PROCESS
)

// filter is a seccomp program that is being written. Each rule ends with an answer of its own, so that no jump is longer than a few steps.
type filter []unix.SockFilter

func (f *filter) step(code uint16, k uint32, yes, no uint8) {
	*f = append(*f, unix.SockFilter{Code: code, K: k, Jt: yes, Jf: no})
}

func (f *filter) load(offset uint32)   { f.step(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offset, 0, 0) }
func (f *filter) answer(answer uint32) { f.step(unix.BPF_RET|unix.BPF_K, answer, 0, 0) }

// newFilter kills what calls in the manner of another machine: its numbers mean other things.
func newFilter() *filter {
	f := new(filter)
	f.load(dataMachine)
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, machine, 1, 0)
	f.answer(kill)
	f.load(dataCall)
	f.step(unix.BPF_JMP|unix.BPF_JGE|unix.BPF_K, foreignCalls, 0, 1)
	f.answer(deny)
	return f
}

// on answers the calls.
func (f *filter) on(answer uint32, calls ...uint32) {
	for _, call := range calls {
		f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, call, 0, 1)
		f.answer(answer)
	}
}

// onBits answers yes when the low half of argument arg has one of the bits, and else no.
func (f *filter) onBits(call, arg, bits, yes, no uint32) {
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, call, 0, 4)
	f.load(dataArgs + 8*arg)
	f.step(unix.BPF_JMP|unix.BPF_JSET|unix.BPF_K, bits, 0, 1)
	f.answer(yes)
	f.answer(no)
}

// onValue answers yes when the low half of argument arg is value, and else no.
func (f *filter) onValue(call, arg, value, yes, no uint32) {
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, call, 0, 4)
	f.load(dataArgs + 8*arg)
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, value, 0, 1)
	f.answer(yes)
	f.answer(no)
}

// onAny gives an answer when the low half of argument arg is one of the values, and else goes on to the next rule.
func (f *filter) onAny(answer, call, arg uint32, values ...uint32) {
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, call, 0, uint8(2+2*len(values)))
	f.load(dataArgs + 8*arg)
	for _, v := range values {
		f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, v, 0, 1)
		f.answer(answer)
	}
	f.load(dataCall)
}

// install sets the filter for every thread of the process. no_new_privs must be set.
func (f *filter) install(otherwise uint32) error {
	r, err := f.set(otherwise, unix.SECCOMP_FILTER_FLAG_TSYNC)
	if err == nil && r != 0 {
		err = fmt.Errorf("seccomp: thread %d can't be reached", r)
	}
	return err
}

// set hands the filter to the kernel, for the calling thread unless a flag says more. What the number that it gives means depends on the flags.
func (f *filter) set(otherwise uint32, flags uintptr) (uintptr, error) {
	f.answer(otherwise)
	program := unix.SockFprog{Len: uint16(len(*f)), Filter: &(*f)[0]}
	r, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return 0, fmt.Errorf("seccomp: %w", errno)
	}
	return r, nil
}

// noOutside forbids another program to leave its pipes: no sockets, no looking into or tracing other processes, no mounts, no
// namespaces, no kernel interfaces that go around the filter, and nothing of a file that can be changed without opening it. What is opened is
// Landlock's business. So are signals from its version 6 on (Linux 6.12); before that the process pid, which is the one that the filter is set
// for, may send signals to itself, and what it starts to nobody.
func noOutside(landlock, pid int) *filter {
	f := newFilter()
	f.on(deny, outsideCalls...)
	f.on(deny, keptCalls...)
	f.onValue(unix.SYS_PRLIMIT64, 0, 0, allow, deny) // of another process of this user
	if landlock < landlockSignals {
		f.on(deny, signalCalls...)
		f.onValue(unix.SYS_KILL, 0, uint32(pid), allow, deny)
		f.onValue(unix.SYS_TGKILL, 0, uint32(pid), allow, deny)
		// Whom the kernel tells that a pipe can be read, and by which signal.
		f.onAny(deny, unix.SYS_FCNTL, 1, unix.F_SETOWN, unix.F_SETOWN_EX, unix.F_SETSIG)
	}
	// The flags of clone3 lie in memory, where a filter can't look: "not there" makes a C library fall back to clone.
	f.on(none, unix.SYS_CLONE3)
	f.onBits(unix.SYS_CLONE, 0, unix.CLONE_NEWUSER|unix.CLONE_NEWNS|unix.CLONE_NEWNET|unix.CLONE_NEWPID|unix.CLONE_NEWIPC|
		unix.CLONE_NEWUTS|unix.CLONE_NEWCGROUP, deny, allow)
	return f
}

// onlyCompute allows what Go's runtime needs to read, compute and write: no file is opened, no process made or run, no socket,
// no memory becomes code.
func onlyCompute(pid int) *filter {
	f := newFilter()
	f.on(allow, computeCalls...)
	f.on(none, unix.SYS_CLONE3)
	f.onBits(unix.SYS_CLONE, 0, unix.CLONE_THREAD, allow, deny)
	f.onBits(unix.SYS_MMAP, 2, unix.PROT_EXEC, deny, allow)
	f.onBits(unix.SYS_MPROTECT, 2, unix.PROT_EXEC, deny, allow)
	f.onValue(unix.SYS_TGKILL, 0, uint32(pid), allow, deny) // the scheduler's own signals
	return f
}
