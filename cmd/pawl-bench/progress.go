package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far a scenario is: a bar on a terminal, a line a step elsewhere.
type progress struct {
	out io.Writer
	tty bool
	bar *progressbar.ProgressBar
}

func newProgress(out io.Writer) *progress {
	f, ok := out.(*os.File)
	return &progress{out: out, tty: ok && term.IsTerminal(int(f.Fd()))}
}

// step says that done of total steps are done and what comes next.
func (p *progress) step(done, total int, line string) {
	if !p.tty {
		fmt.Fprintf(p.out, "[%d/%d] %s\n", done, total, line)
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(p.out), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false))
	}
	p.bar.ChangeMax(total)
	p.bar.Describe(line)
	_ = p.bar.Set(done) // a terminal that is gone must not stop the measurement
}

// end takes the bar away, so that what follows begins on a line of its own.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear() // as above
	}
}
