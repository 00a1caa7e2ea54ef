package release

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// script writes a program that appends a line to a file each time, and does more.
func script(t *testing.T, more string) (c *Command, ran string) {
	t.Helper()
	dir := t.TempDir()
	ran = filepath.Join(dir, "ran")
	path := filepath.Join(dir, "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho ran >> '"+ran+"'\n"+more+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return &Command{Args: []string{path}, Timeout: time.Minute}, ran
}

func runs(t *testing.T, ran string) int {
	t.Helper()
	text, err := os.ReadFile(ran)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Count(string(text), "ran\n")
}

// stubborn is a log that takes what is to be taken until some entry, and then nothing until it is mended.
type stubborn struct {
	Recorder
	refuse func(audit.Body) bool
}

var errStubborn = errors.New("no space left on the log's device")

func (s *stubborn) Append(by string, body audit.Body) (audit.Receipt, error) {
	if s.refuse != nil && s.refuse(body) {
		return audit.Receipt{}, errStubborn
	}
	return s.Recorder.Append(by, body)
}

func isState(body audit.Body, to quarantine.State) bool {
	s, ok := body.(*audit.State)
	return ok && s.To == string(to)
}

// TestCommandRunsOnceWhileTheLogIsFull: the state can't follow for as long as the log can't be written, and the command is not run for
// each try.
func TestCommandRunsOnceWhileTheLogIsFull(t *testing.T) {
	h := build(t, true)
	command, ran := script(t, "echo told")
	h.change(func(c *Channel) { c.After = command })
	book := &stubborn{audit.Off{}, func(b audit.Body) bool { return isState(b, quarantine.Released) }}
	h.gate.Audit(book)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	for st, n := quarantine.Complete, 0; n < 5; n++ {
		if got, err := h.gate.Run(t.Context(), id, st); got != quarantine.Checking || !errors.Is(err, errStubborn) {
			t.Fatalf("%s, %v", got, err)
		}
		st = quarantine.Checking
	}
	if n := runs(t, ran); n != 1 {
		t.Errorf("the command ran %d times", n)
	}
	book.refuse = nil
	h.run(t, id, quarantine.Checking, quarantine.Released)
	if n := runs(t, ran); n != 1 {
		t.Errorf("the command ran %d times", n)
	}
	if reason := h.reason(t, id); !strings.Contains(reason, "after-release: done") {
		t.Errorf("reason %q", reason)
	}
}

// TestCommandCutOff: it is begun twice at most, however often the program dies under it.
func TestCommandCutOff(t *testing.T) {
	h := build(t, true)
	command, ran := script(t, "")
	h.change(func(c *Channel) { c.After = command })
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.gate.step = func(step string) {
		if step == "command run" {
			panic(errStop)
		}
	}
	for range 4 {
		func() {
			defer func() { _ = recover() }()
			st, err := h.store.Find(id)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = h.gate.Run(t.Context(), id, st)
		}()
	}
	if n := runs(t, ran); n != afterTries {
		t.Errorf("the command ran %d times", n)
	}
	h.is(t, id, quarantine.Released)
	if reason := h.reason(t, id); !strings.Contains(reason, "cut off 2 times") {
		t.Errorf("reason %q", reason)
	}
}

// TestCommandDiesWithItsChildren: what the command has started does not outlive its time.
func TestCommandDiesWithItsChildren(t *testing.T) {
	h := build(t, true)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if out, err := exec.Command("mkfifo", pipe).CombinedOutput(); err != nil {
		t.Fatalf("mkfifo: %v: %s", err, out)
	}
	ended := make(chan error, 1)
	go func() {
		f, err := os.Open(pipe) // until the grandchild opens it
		if err == nil {
			_, err = io.Copy(io.Discard, f) // until nobody has it open any more
			err = errors.Join(err, f.Close())
		}
		ended <- err
	}()
	command, _ := script(t, "sleep 600 >'"+pipe+"' 2>&1 &\nwait")
	command.Timeout = 300 * time.Millisecond
	h.change(func(c *Channel) { c.After = command })
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Released)
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("what the command started is alive")
	}
	if reason := h.reason(t, id); !strings.Contains(reason, "killed after 300ms") {
		t.Errorf("reason %q", reason)
	}
}
