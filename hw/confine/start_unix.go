//go:build linux && (amd64 || arm64)

package confine

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes gives the child a process group of its own and has it killed when its parent dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killGroup kills the child and what it started. A child that is gone already is none of our business.
func killGroup(p *os.Process) {
	_ = unix.Kill(-p.Pid, unix.SIGKILL)
	_ = p.Kill()
}

// awaitExit returns when the child has ended and leaves it to be waited for: its number, and that of its group, are not given to another before.
func awaitExit(p *os.Process) {
	for {
		if err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != unix.EINTR {
			return
		}
	}
}

// Group gives a command that was not started yet a process group of its own: when its context ends, everything that it started and that did
// not leave the group is killed with it.
func Group(cmd *exec.Cmd) {
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error {
		killGroup(cmd.Process)
		return nil
	}
}

// pipeSize is what the pipe to the child holds: fewer switches between the two than the 64 KiB of the default.
const pipeSize = 1 << 20

// widen makes the pipe larger where the system allows it; where not, it is slower and no less right.
func widen(f *os.File) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
}
