package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"pawl/framing"
	"pawl/hw/confine"

	"go.uber.org/zap"
)

// Command is run after each release of a channel, with the place of what was released as its last argument, after "--". There is no
// shell, no input and no environment but PATH, PAWL_TRANSFER and PAWL_CHANNEL. That it failed is told and entered in the audit log, and
// changes nothing. It is noted before and after, so that a transfer has it run once, and after a crash in the middle once more, never
// a third time.
type Command struct {
	Args    []string      // the program's absolute path, and arguments
	Timeout time.Duration // then it is killed, with what it has started
}

// saidMost is how much of what a command says is kept, in octets.
const saidMost = 2048

// afterTries is how often a command is begun for one transfer.
const afterTries = 2

// lingering is how long a command's children may keep its output open after its end.
const lingering = 2 * time.Second

// runAfter runs the channel's command if it was not run for this transfer, and says what came of it; "" where there is none. What was begun and
// what came of it are kept in the intent: the state may follow much later, when the audit log can be written again.
func (j *job) runAfter(ctx context.Context, place string) (string, error) {
	var begun intent
	if _, err := readJSON(j.dir(), intentFile, &begun); err != nil || j.channel.After == nil || begun.After != "" {
		return begun.After, err
	}
	if begun.Tries >= afterTries {
		return fmt.Sprintf("after-release: cut off %d times, and not begun again", afterTries), nil
	}
	begun.Tries++
	if err := writeJSON(j.dir(), intentFile, begun); err != nil {
		return "", err
	}
	said, err := j.command(ctx, place)
	if err != nil {
		begun.Tries-- // we ended it ourselves
	}
	begun.After = said
	return said, errors.Join(err, writeJSON(j.dir(), intentFile, begun))
}

// command runs the channel's command once.
func (j *job) command(ctx context.Context, place string) (string, error) {
	c := j.channel.After
	deadline, stop := context.WithTimeout(ctx, c.Timeout)
	defer stop()
	cmd := exec.CommandContext(deadline, c.Args[0], append(append([]string{}, c.Args[1:]...), "--", place)...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "PAWL_TRANSFER=" + j.id.String(), "PAWL_CHANNEL=" + j.channel.Name}
	cmd.Dir = "/"
	confine.Group(cmd)
	cmd.WaitDelay = lingering
	out := &firstOctets{}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", ctx.Err() // it is run again with the next start
	}
	j.step("command run")
	if err == nil {
		return "after-release: done", nil
	}
	if errors.Is(deadline.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("killed after %v", c.Timeout)
	}
	text := "after-release failed: " + err.Error()
	if said := strings.TrimSpace(out.String()); said != "" {
		text += ": " + said
	}
	j.log.Error("the command after the release failed", zap.Stringer("transfer", j.id), zap.String("channel", j.channel.Name), zap.String("err", framing.Printable(text, shownReason)))
	return text, nil
}

// firstOctets keeps the beginning of what is written, and takes the rest.
type firstOctets struct{ bytes.Buffer }

func (f *firstOctets) Write(p []byte) (int, error) {
	f.Buffer.Write(p[:min(len(p), max(0, saidMost-f.Len()))])
	return len(p), nil
}
