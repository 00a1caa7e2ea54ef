package check

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"pawl/framing"
	"pawl/hw/confine"
	"pawl/receiver/check/inside"
)

// child is a check whose engine runs in a confined process: one for each transfer, so that what a file does to it reaches no other
// transfer and no other check.
type child struct {
	ctx     context.Context
	checker string // hidden command
	best    bool
	rule    *Rule
	job     inside.Job
	head    uint64                                  // how much of each file is sent; 0 is all
	judge   func(path string, types []string) error // what follows from a yes; may be nil

	proc     *confine.Process
	unwatch  func() bool
	feed     *inside.Feed
	replies  *bufio.Reader
	greeting inside.Reply
	n        uint64 // files sent
	path     string
	sent     uint64
	left     time.Duration // for the file
}

func (c *child) Name() string { return c.job.Kind }

func (c *child) engine() (name, version string) {
	if c.greeting.Engine == "" {
		return "", ""
	}
	return c.greeting.Engine, c.greeting.Version + ", " + c.greeting.Confined
}

func (c *child) Entry(e *framing.Entry) error {
	if e.Dir {
		return nil
	}
	c.left = c.rule.budget(e.Size)
	if c.proc == nil {
		if err := c.start(); err != nil {
			return err
		}
	}
	c.path, c.sent = e.Path, 0
	c.n++
	return c.within(func() error { return c.feed.File(e.Path) })
}

func (c *child) Content(p []byte) error {
	if c.head > 0 {
		p = p[:min(uint64(len(p)), c.head-min(c.head, c.sent))]
	}
	if len(p) == 0 {
		return nil
	}
	c.sent += uint64(len(p))
	return c.within(func() error { return c.feed.Data(p) })
}

func (c *child) EndFile() error {
	var reply inside.Reply
	err := c.within(func() error {
		err := c.feed.End()
		if err == nil {
			reply, err = inside.ReadReply(c.replies)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case reply.N != c.n:
		return c.failed(fmt.Errorf("%w: about file %d in place of %d", inside.ErrReply, reply.N, c.n))
	case !reply.OK:
		return errors.New(reply.Reason)
	case c.judge != nil:
		return c.judge(c.path, reply.Types)
	}
	return nil
}

func (c *child) End() error {
	c.close()
	return nil
}

// start runs the process and waits for its greeting, which it gives once it has tried that it is confined.
func (c *child) start() error {
	spec := confine.Spec{Best: c.best, Memory: c.job.Memory, Args: []string{serveArgument}}
	proc, err := confine.Start(c.checker, spec)
	if err != nil {
		return cannot("the checker can't be started: %w", err)
	}
	c.proc, c.n, c.replies, c.unwatch = proc, 0, bufio.NewReader(proc.Out), context.AfterFunc(c.ctx, proc.Kill)
	return c.within(func() error {
		var err error
		if c.feed, err = inside.NewFeed(proc.In, c.job); err != nil {
			return err
		}
		if c.greeting, err = inside.ReadReply(c.replies); err == nil && c.greeting.N != 0 {
			err = fmt.Errorf("%w: no greeting", inside.ErrReply)
		}
		return err
	})
}

// within lets the process have what is left of the file's time for one exchange.
func (c *child) within(exchange func() error) error {
	begun := time.Now()
	deadline := begun.Add(max(c.left, 0))
	err := errors.Join(c.proc.In.SetWriteDeadline(deadline), c.proc.Out.SetReadDeadline(deadline))
	if err == nil {
		err = exchange()
	}
	c.left -= time.Since(begun)
	if err == nil {
		return nil
	}
	return c.failed(err)
}

// failed ends the process and says what is to be said about it.
func (c *child) failed(err error) error {
	proc := c.proc
	c.proc = nil
	c.unwatch()
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, inside.ErrReply) {
		proc.Kill()
	} else {
		settle := time.AfterFunc(time.Second, proc.Kill) // it closed its pipes: it is ending, or is not honest
		defer settle.Stop()
	}
	ended := proc.Wait()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return cannot("the checker took too long and was ended (timeout = %q)", c.rule.Timeout.String())
	case errors.Is(err, inside.ErrReply):
		return unable{err}
	}
	return cannot("the checker crashed: %v%s", ended, lastWords(proc.Stderr()))
}

// lastWords is the first line of what a process left on standard error, capped. It may be anything.
func lastWords(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if line = strings.ToValidUTF8(line, "\uFFFD"); line == "" {
		return ""
	}
	if len(line) > maxWords {
		line = strings.ToValidUTF8(line[:maxWords], "") + "…"
	}
	return ": " + line
}

// maxWords bounds what is shown of another program's output, in octets.
const maxWords = 300

func (c *child) close() {
	if c.proc != nil {
		c.unwatch()
		c.proc.Kill()
		_ = c.proc.Wait() // killed
		c.proc = nil
	}
}

// serveArgument is the hidden command's argument in a process that is confined.
const serveArgument = "serve"

// UnableCode is the exit code of a child that was not confined as required, or could not run what it was for.
const UnableCode = 125

// RunChecker is what the hidden command of a program does: the first time, with a specification, it confines the process and starts the program
// again; the second time it serves a check. hidden is the command's name. It returns the exit code.
func RunChecker(hidden string, args []string, in io.Reader, out, stderr io.Writer) int {
	err := runChecker(hidden, args, in, out)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, err)
	return UnableCode
}

func runChecker(hidden string, args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 1:
		return confine.Enter(hidden, args[0])
	case len(args) != 2 || args[0] != serveArgument:
		return errors.New("this command is for Pawl's own use")
	}
	applied, err := confine.ParseApplied(args[1])
	if err != nil {
		return err
	}
	buffered := bufio.NewReaderSize(in, 64<<10)
	job, err := inside.ReadJob(buffered)
	if err != nil {
		return err
	}
	if err := confine.Seal(applied, job.Memory); err != nil {
		return err
	}
	if job.Memory > 0 {
		debug.SetMemoryLimit(int64(job.Memory / 4 * 3)) // collect before the kernel's limit, which is the end
	}
	return inside.Serve(job, applied.String(), buffered, out)
}
