package check

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"time"

	"pawl/framing"
	"pawl/hw/confine"
)

// CommandRule has another program judge files: content on standard input, exit code 0 for "yes". It runs
// once for each file, confined, and sees neither the file's name nor the network nor any file but its own and those named in Read.
type CommandRule struct {
	Rule
	Name    string   `json:"name"`    // of the check, in verdicts
	Command []string `json:"command"` // absolute path, arguments; never a shell unless it says so
	Read    []string `json:"read,omitempty"`
	// SaysNo are the exit codes that say "no", of 1 to 124; none: all of them. Every other code but 0 is no answer.
	SaysNo []int `json:"says_no,omitempty"`
	// Silent takes exit code 0 for a "yes" only where the program wrote nothing: some say that they ran out of memory and end well.
	Silent bool `json:"silent,omitempty"`
}

type command struct {
	ctx     context.Context
	checker string
	best    bool
	rule    *CommandRule

	version string
	proc    *confine.Process
	unwatch func() bool
	output  *firstWords
	late    *time.Timer
	tooLong chan struct{}
	deaf    bool // it reads no more
}

func (c *command) Name() string { return c.rule.Name }

func (c *command) engine() (name, version string) { return c.rule.Command[0], c.version }

func (c *command) Entry(e *framing.Entry) error {
	if e.Dir {
		return nil
	}
	c.close()
	if c.version == "" {
		if err := c.identify(); err != nil {
			return err
		}
	}
	spec := confine.Spec{Best: c.best, Memory: c.rule.Memory, Program: c.rule.Command[0], Args: c.rule.Command[1:], Read: c.rule.Read}
	proc, err := confine.Start(c.checker, spec)
	if err != nil {
		return cannot("the command can't be started: %w", err)
	}
	tooLong := make(chan struct{})
	c.proc, c.deaf, c.tooLong = proc, false, tooLong
	c.unwatch = context.AfterFunc(c.ctx, proc.Kill)
	c.late = time.AfterFunc(c.rule.budget(e.Size), func() {
		close(tooLong)
		proc.Kill()
	})
	c.output = collect(proc.Out)
	return nil
}

// Content goes on when the program reads no more: it may know enough, and its exit code says what.
func (c *command) Content(p []byte) error {
	if c.deaf {
		return nil
	}
	_, err := c.proc.In.Write(p)
	c.deaf = err != nil
	return nil
}

func (c *command) EndFile() error {
	proc := c.proc
	proc.In.Close()
	proc.Ended()
	<-c.output.done
	err := proc.Wait()
	c.late.Stop()
	c.unwatch()
	c.proc = nil
	select {
	case <-c.tooLong:
		return cannot("the command took too long and was ended (timeout = %q)", c.rule.Timeout.String())
	default:
	}
	said := lastWords(c.output.kept.String())
	if said == "" {
		said = lastWords(proc.Stderr())
	}
	return c.rule.judge(err, said)
}

// judge says what follows from how the program ended and what it said.
func (r *CommandRule) judge(err error, said string) error {
	if err == nil {
		if r.Silent && said != "" {
			return cannot("the command said yes, and something besides (silent = true)%s", said)
		}
		return nil
	}
	ended, ok := errors.AsType[*exec.ExitError](err)
	// Beyond 124 are the codes of what could not be run or was killed.
	if !ok || ended.ExitCode() < 0 || ended.ExitCode() >= UnableCode {
		return cannot("the command crashed: %v%s", err, said)
	}
	if len(r.SaysNo) > 0 && !slices.Contains(r.SaysNo, ended.ExitCode()) {
		return cannot("the command gave no answer: %v%s", err, said)
	}
	return fmt.Errorf("%v%s", err, said)
}

func (c *command) End() error { return nil }

func (c *command) close() {
	if c.proc != nil {
		c.late.Stop()
		c.unwatch()
		c.proc.Kill()
		_ = c.proc.Wait() // killed
		<-c.output.done
		c.proc = nil
	}
}

// firstWords reads what a program writes to the end and keeps the beginning.
type firstWords struct {
	kept bytes.Buffer // whole when done is closed
	done chan struct{}
}

func collect(out io.Reader) *firstWords {
	w := &firstWords{done: make(chan struct{})}
	go func() {
		defer close(w.done)
		_, _ = io.CopyN(&w.kept, out, 2*maxWords)
		_, _ = io.Copy(io.Discard, out)
	}()
	return w
}

// identify notes what answers: the digest of the program, and that of the files that it reads, one after the other (cat FILE… | sha256sum).
// Folders and devices that it reads have none.
func (c *command) identify() error {
	program := sha256.New()
	if err := digestFile(program, c.rule.Command[0]); err != nil {
		return cannot("the command is not there: %w", err)
	}
	version, reads := fmt.Sprintf("sha256:%x", program.Sum(nil)), sha256.New()
	files := 0
	for _, path := range c.rule.Read {
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() {
			files++
			err = digestFile(reads, path)
		}
		if err != nil {
			return cannot("what the command reads is not there: %w", err)
		}
	}
	if files > 0 {
		version += fmt.Sprintf(", reads sha256:%x", reads.Sum(nil))
	}
	c.version = version
	return nil
}

// digestFile adds a plain file's octets to sum.
func digestFile(sum io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(sum, f)
	return err
}
