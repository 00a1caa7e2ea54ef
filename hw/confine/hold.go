//go:build linux && (amd64 || arm64)

package confine

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// Hold confines this process to a reach and becomes this program anew, with its own arguments and one more, arg=WHAT, which [ParseApplied] reads and
// which [Held] must be told. It returns only an error, and then the process must end; it must be called before anything is opened.
// Where the kernel lacks what it takes it is [ErrAbsent], and the process is as it was.
func Hold(arg string, r Reach) error {
	applied := Applied{Landlock: Landlock()}
	if applied.Landlock == 0 {
		return fmt.Errorf("%w: no Landlock (CONFIG_SECURITY_LANDLOCK, lsm=)", ErrAbsent)
	}
	if len(r.Write) > 0 && applied.Landlock < moveSince {
		return fmt.Errorf("%w: its Landlock is version %d, and files can be moved from version %d on (Linux 5.19)", ErrAbsent, applied.Landlock, moveSince)
	}
	runtime.LockOSThread() // never unlocked, see Enter
	if r.Datagrams {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("confine: no_new_privs: %w", err)
		}
	} else if err := disarm(); err != nil {
		return err
	}
	// Time zones are below /usr/share, where /etc/localtime points to.
	r.Read = slices.Concat(r.Read, libraries, []string{self, "/etc/localtime"})
	if err := landlock(applied.Landlock, r); err != nil {
		return err
	}
	return fmt.Errorf("confine: run this program: %w", unix.Exec(self, append(slices.Clone(os.Args), arg+"="+applied.argument()), os.Environ()))
}

// Held takes from a process that came through [Hold] what it needed until now: it starts no program, and has no sockets but those of its kind, streams or
// datagrams as its [Reach] had it. Then it tries that all of it holds; the process must end when there is an error.
func Held(applied Applied, datagrams bool) error {
	// Who did not come through Hold may not even set a filter, unless he is root.
	if set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err != nil || set != 1 || applied.Landlock == 0 {
		return fmt.Errorf("%w: not held", ErrLoose)
	}
	sockets := onlyStreams
	if datagrams {
		sockets = onlyLinks
	}
	if err := sockets().install(allow); err != nil {
		return err
	}
	for _, path := range []string{"/", "/etc/passwd", "/proc/self/status"} {
		if err := refused("open "+path, closed(unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0))); err != nil {
			return err
		}
	}
	tries := []try{
		{"a new file", func() error {
			return closed(unix.Open("/pawl-confine-tries-this", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600))
		}},
		{"a packet socket", func() error { return closed(unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)) }},
		{"tracing its parent", func() error { return unix.PtraceAttach(os.Getppid()) }},
		{"a new namespace", func() error { return unix.Unshare(unix.CLONE_NEWUSER) }},
		{"another program", func() error { return unix.Exec(self, []string{"x"}, nil) }},
	}
	if !datagrams {
		tries = append(tries,
			try{"a datagram socket", func() error { return closed(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)) }},
			try{"MPTCP", func() error { return closed(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP)) }})
		if applied.Landlock >= tcpSince {
			tries = append(tries, try{"a connection", connects})
		}
	}
	for _, t := range tries {
		if err := refused(t.what, t.do()); err != nil {
			return err
		}
	}
	if datagrams {
		return nil // it keeps its capabilities
	}
	return powerless()
}

// try is something that must be refused.
type try struct {
	what string
	do   func() error
}

// connects tries the port that nobody has (RFC 863's is an old one): a refusal by the filter comes before the network is asked.
func connects() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrInet4{Port: 9, Addr: [4]byte(net.IPv4(127, 0, 0, 1).To4())})
}

// noPrograms forbids to start a program, and what no server of ours has a use for.
func noPrograms() *filter {
	f := newFilter()
	f.on(deny, strangeCalls...)
	f.on(deny, unix.SYS_EXECVE, unix.SYS_EXECVEAT)
	f.on(none, unix.SYS_CLONE3) // see noOutside
	return f
}

// onlyStreams forbids to start a program, and all that noOutside does but for local sockets and TCP. What they may reach is Landlock's business, which knows
// nothing of MPTCP and other streams: those are forbidden here.
func onlyStreams() *filter {
	f := noPrograms()
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

// onlyLinks forbids to start a program, and all that noOutside does but for what a program on a link needs: local and internet sockets, and netlink.
func onlyLinks() *filter {
	f := noPrograms()
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, unix.SYS_SOCKET, 0, 7)
	f.load(dataArgs)
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, unix.AF_UNIX, 4, 0)
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, unix.AF_INET, 3, 0)
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, unix.AF_INET6, 2, 0)
	f.step(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, unix.AF_NETLINK, 1, 0)
	f.answer(deny)
	f.answer(allow)
	return f
}
