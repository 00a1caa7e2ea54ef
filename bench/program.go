package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// stopPatience is what a program gets to end by itself after SIGINT.
const stopPatience = 20 * time.Second

// program is one of ours while it runs, or after.
type program struct {
	name  string
	log   string // file of what it wrote
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	err   error         // of Wait; read it after ended
}

// usage is what a program took of the machine.
type usage struct {
	cpu  time.Duration // user and system
	peak uint64        // resident set, octets
}

func (u *usage) add(more usage) {
	u.cpu += more.cpu
	u.peak = max(u.peak, more.peak)
}

// start runs cmd with its output appended to a log file.
func start(cmd *exec.Cmd, name, log string) (*program, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &program{name: name, log: log, cmd: cmd, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// signal sends a signal and waits for the end; what it took is read before and after.
func (p *program) signal(sig os.Signal) (usage, error) {
	peak, err := peakMemory(p.cmd.Process.Pid)
	if err != nil {
		return usage{}, p.failure(err)
	}
	if err := p.cmd.Process.Signal(sig); err != nil {
		return usage{}, p.failure(err)
	}
	select {
	case <-p.ended:
	case <-time.After(stopPatience):
		err = errors.Join(errors.New("lives on after "+sig.String()), p.cmd.Process.Kill())
		<-p.ended
	}
	state := p.cmd.ProcessState
	return usage{cpu: state.UserTime() + state.SystemTime(), peak: peak}, err
}

// stop ends a program in the orderly way; an exit code other than 0 is an error.
func (p *program) stop() (usage, error) {
	u, err := p.signal(os.Interrupt)
	if err == nil && p.err != nil {
		err = p.failure(p.err)
	}
	return u, err
}

// kill ends a program as a power cut would.
func (p *program) kill() (usage, error) { return p.signal(os.Kill) }

// failure adds the end of what the program said to why it is of interest.
func (p *program) failure(err error) error {
	select {
	case <-p.ended:
		err = errors.Join(fmt.Errorf("it has ended: %v", p.cmd.ProcessState), err)
	default:
	}
	return fmt.Errorf("%s: %w%s", p.name, err, lastLines(p.log, 15))
}

func lastLines(file string, n int) string {
	text, err := os.ReadFile(file)
	if err != nil || len(bytes.TrimSpace(text)) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "\n\t" + strings.Join(lines[max(0, len(lines)-n):], "\n\t")
}

// peakMemory is VmHWM: the largest resident set of this very program. ru_maxrss would
// count what the bench itself had resident when it forked.
func peakMemory(pid int) (uint64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kib, err := strconv.ParseUint(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no VmHWM in /proc/%d/status", pid)
}

// await asks until done says yes. It fails when ctx ends or one of the programs does.
func await(ctx context.Context, what string, programs []*program, done func() (bool, error)) error {
	// Often enough for a goodput of seconds to be right to a thousandth.
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); err != nil || ok {
			return err
		}
		for _, p := range programs {
			select {
			case <-p.ended:
				return p.failure(fmt.Errorf("waiting for %s", what))
			default:
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		}
	}
}

// userTicks is the unit of CPU times in /proc, which Linux fixed at 100 a second for programs to see.
const userTicks = 100

// sofar is what a program that runs has taken.
func (p *program) sofar() (u usage, err error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "stat"))
	if err != nil {
		return u, p.failure(err)
	}
	// Behind the name, which is in brackets and may hold anything: user and system time are the 12th and 13th field.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return u, fmt.Errorf("/proc/%d/stat: %q", p.cmd.Process.Pid, text)
	}
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 50)
		if err != nil {
			return u, fmt.Errorf("/proc/%d/stat: %w", p.cmd.Process.Pid, err)
		}
		u.cpu += time.Duration(ticks) * time.Second / userTicks
	}
	u.peak, err = peakMemory(p.cmd.Process.Pid)
	return u, err
}
