//go:build linux && (amd64 || arm64)

package confine

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// OnlyAnswers takes from a daemon that is held, and that [Daemon].Listen binds to its ports, what it could reach others with: it starts no program, has local
// sockets and TCP only, and connects nowhere by TCP. It tries that; an error means that something of it is still possible, and the process must end.
//
// What it does not take is a connection to a local socket: which of those are its business, file modes say.
func OnlyAnswers() error {
	if err := onlyStreams().install(allow); err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	tries := []struct {
		what string
		do   func() error
	}{
		{"a datagram socket", func() error { return closed(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)) }},
		{"MPTCP", func() error { return closed(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP)) }},
		{"a raw socket", func() error { return closed(unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)) }},
		{"tracing its parent", func() error { return unix.PtraceAttach(os.Getppid()) }},
		{"a new namespace", func() error { return unix.Unshare(unix.CLONE_NEWUSER) }},
		{"another program", func() error { return unix.Exec(self, []string{"x"}, nil) }},
	}
	if Landlock() >= tcpSince {
		tries = append(tries, struct {
			what string
			do   func() error
		}{"a connection", connects})
	}
	for _, t := range tries {
		if err := refused(t.what, t.do()); err != nil {
			return err
		}
	}
	return nil
}

// connects tries this machine's port 9: Landlock refuses before the network is asked.
func connects() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}})
}

// onlyStreams forbids to start a program, and all that noOutside does but for local sockets and TCP. Landlock's rules for TCP say nothing of MPTCP, with which Go
// listens where it can, and of other streams: those are forbidden here, and Go falls back.
func onlyStreams() *filter {
	f := newFilter()
	f.on(deny, strangeCalls...)
	f.on(deny, unix.SYS_EXECVE, unix.SYS_EXECVEAT)
	f.on(none, unix.SYS_CLONE3) // see noOutside
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, unix.SYS_SOCKET, 0, 13)
	f.load(dataArgs)
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, unix.AF_UNIX, 3, 0)
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, unix.AF_INET, 2, 0)
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, unix.AF_INET6, 1, 0)
	f.answer(deny)
	f.load(dataArgs + 8)
	f.step(unix.BPF_JMP|unix.BPF_JSET|unix.BPF_K, unix.SOCK_DGRAM, 0, 1) // the bit that datagram and raw sockets have, and streams have not
	f.answer(deny)
	f.load(dataArgs + 16)
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, 0, 2, 0)
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, unix.IPPROTO_TCP, 1, 0)
	f.answer(deny)
	f.answer(allow)
	return f
}
