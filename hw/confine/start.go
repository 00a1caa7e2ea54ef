package confine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
)

// Process is a running confined child.
type Process struct {
	// In is the child's standard input and Out its standard output; both take deadlines. Whoever is done with In closes it.
	In, Out *os.File

	cmd    *exec.Cmd
	stderr words
	once   sync.Once
	err    error
}

// self is this program, also after its file was replaced by a newer version.
const self = "/proc/self/exe"

// Start runs spec in a confined child. hidden is the command of this program whose first argument is handed to [Enter].
// The child dies with its parent.
func Start(hidden string, spec Spec) (*Process, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("confine: %w", err)
	}
	p := &Process{cmd: exec.Command(self, hidden, string(text))}
	p.cmd.Args[0] = os.Args[0]
	p.cmd.Env = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "GOTRACEBACK=single", "GORACE=atexit_sleep_ms=0"}
	p.cmd.Dir = "/"
	p.cmd.SysProcAttr = attributes()
	p.cmd.Stderr = &p.stderr
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("confine: %w", err)
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		childIn.Close()
		in.Close()
		return nil, fmt.Errorf("confine: %w", err)
	}
	widen(in)
	p.In, p.Out, p.cmd.Stdin, p.cmd.Stdout = in, out, childIn, childOut
	err = p.cmd.Start()
	childIn.Close()
	childOut.Close()
	if err != nil {
		in.Close()
		out.Close()
		return nil, fmt.Errorf("confine: start: %w", err)
	}
	return p, nil
}

// Kill ends the child, and whatever it started, at once.
func (p *Process) Kill() { killGroup(p.cmd.Process) }

// Ended waits until the child has ended by itself or was killed, and ends what it had started and left behind: nothing of that holds the pipes any more.
// Wait is still to be called.
func (p *Process) Ended() {
	awaitExit(p.cmd.Process)
	p.Kill()
}

// Wait closes In, waits until the child has ended and releases what it held. The error says how it ended.
// It may be called more than once. Whoever does not trust the child to end calls Kill first.
func (p *Process) Wait() error {
	p.once.Do(func() {
		p.In.Close()
		p.err = p.cmd.Wait()
		p.Out.Close()
	})
	return p.err
}

// Stderr is the beginning of what the child wrote to standard error, once Wait has returned: not to be trusted.
func (p *Process) Stderr() string { return p.stderr.String() }

// words keeps the beginning of what is written to it: the first words of a crash say what it was.
type words struct{ kept bytes.Buffer }

// maxStderr bounds what is kept of a child's last words.
const maxStderr = 2048

func (w *words) Write(p []byte) (int, error) {
	if room := maxStderr - w.kept.Len(); room > 0 {
		w.kept.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (w *words) String() string { return w.kept.String() }
