//go:build amd64 || arm64

package killtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Run runs cmd to its end and gives the calls that counted, in their order; the last is the one it was killed before, if it was. The error is that of
// cmd otherwise. What cmd has started and left behind in its process group is killed at its end in any case.
//
// cmd is changed; its ExtraFiles and SysProcAttr must be unset.
func Run(cmd *exec.Cmd, w Watch) (calls []Call, killed bool, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, false, fmt.Errorf("killtest: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "handover")
	err = start(cmd, theirs)
	theirs.Close()
	if err != nil {
		unix.Close(pair[0])
		return nil, false, fmt.Errorf("killtest: %w", err)
	}
	s := &session{Watch: w, leader: cmd.Process.Pid}
	err = s.open(pair[0])
	if err == nil {
		err = s.serve()
	}
	// The program is not waited for yet, so that its number is still its own.
	_ = unix.Kill(-s.leader, unix.SIGKILL)
	s.close()
	if ended := cmd.Wait(); err == nil && !s.killed {
		err = ended
	}
	return s.calls, s.killed, err
}

// start starts cmd by the launcher.
func start(cmd *exec.Cmd, theirs *os.File) error {
	if cmd.Err != nil {
		return cmd.Err
	}
	launcher, err := exec.LookPath(Launcher)
	if err != nil {
		return fmt.Errorf("TestMain offers no launcher: %w", err)
	}
	cmd.Args = append([]string{launcher, cmd.Path}, cmd.Args...)
	cmd.Path = launcher
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd.Start()
}

// session is one program that runs.
type session struct {
	Watch
	leader   int // of its process group
	listener int
	pidfd    int // is readable when the leader has ended
	calls    []Call
	killed   bool
}

// open takes the listener that the launcher sends.
func (s *session) open(socket int) error {
	defer unix.Close(socket)
	s.listener, s.pidfd = -1, -1
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return fmt.Errorf("killtest: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("%w: the launcher says why", ErrAbsent)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return fmt.Errorf("killtest: %w", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return fmt.Errorf("killtest: %w", err)
	}
	s.listener = fds[0]
	if s.pidfd, err = unix.PidfdOpen(s.leader, 0); err != nil {
		return fmt.Errorf("killtest: %w", err)
	}
	return nil
}

func (s *session) close() {
	for _, fd := range []int{s.listener, s.pidfd} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// question is struct seccomp_notif of linux/seccomp.h, and answer is struct seccomp_notif_resp.
type question struct {
	ID    uint64
	PID   uint32
	Flags uint32
	Call  int32
	Arch  uint32
	IP    uint64
	Args  [6]uint64
}

type answer struct {
	ID    uint64
	Val   int64
	Error int32
	Flags uint32
}

// serve answers until the program has ended.
func (s *session) serve() error {
	for {
		fds := []unix.PollFd{{Fd: int32(s.pidfd), Events: unix.POLLIN}, {Fd: int32(s.listener), Events: unix.POLLIN}}
		if s.killed {
			fds[1].Fd = -1 // what is on its way to its end is not told to go on
		}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("killtest: %w", err)
		}
		switch {
		case fds[1].Revents&unix.POLLIN != 0:
			if err := s.answer(); err != nil {
				return err
			}
		case fds[0].Revents != 0:
			return nil
		}
	}
}

// answer takes one question and lets the call go on, or kills.
func (s *session) answer() error {
	var q question
	err := control(s.listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&q))
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINTR) {
		return nil // who asked is gone
	}
	if err != nil {
		return fmt.Errorf("killtest: take a question: %w", err)
	}
	call, counts, err := s.about(&q)
	if err != nil {
		return fmt.Errorf("killtest: %w", err)
	}
	if counts {
		s.calls = append(s.calls, call)
		if s.Before != nil {
			s.Before(call)
		}
		if len(s.calls) == s.At {
			s.killed = true
			err := unix.Kill(-s.leader, unix.SIGKILL)
			_ = unix.Kill(int(q.PID), unix.SIGKILL) // it may be in a group of its own; else it is gone by now
			return err
		}
	}
	err = control(s.listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&answer{ID: q.ID, Flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}))
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("killtest: answer: %w", err)
	}
	return nil
}

func control(fd int, request uintptr, data unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(data)); errno != 0 {
		return errno
	}
	return nil
}
