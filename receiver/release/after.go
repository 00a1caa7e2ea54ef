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

	"go.uber.org/zap"
)

// Command is run after each release of a channel, with the place of what was released as its last argument, after "--". There is no
// shell, no input and no environment but PATH, PAWL_TRANSFER and PAWL_CHANNEL. That it failed is told and entered in the audit log, and
// changes nothing. A crash may have it run twice for one transfer, never not at all.
type Command struct {
	Args    []string      // the program's absolute path, and arguments
	Timeout time.Duration // then it is killed
}

// saidMost is how much of what a command says is kept, in octets.
const saidMost = 2048

// lingering is how long a command's children may keep its output open after its end.
const lingering = 2 * time.Second

// runAfter runs the channel's command, and says what came of it; "" where there is none.
func (j *job) runAfter(ctx context.Context, place string) (string, error) {
	c := j.channel.After
	if c == nil {
		return "", nil
	}
	deadline, stop := context.WithTimeout(ctx, c.Timeout)
	defer stop()
	cmd := exec.CommandContext(deadline, c.Args[0], append(append([]string{}, c.Args[1:]...), "--", place)...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "PAWL_TRANSFER=" + j.id.String(), "PAWL_CHANNEL=" + j.channel.Name}
	cmd.Dir = "/"
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
