package bench

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func startShell(t *testing.T, script string) *program {
	t.Helper()
	p, err := start(exec.Command("sh", "-c", script), "shell", filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // most have ended
		<-p.ended
	})
	return p
}

// ready waits until a program has said something.
func ready(t *testing.T, p *program) {
	t.Helper()
	err := await(t.Context(), "a word", []*program{p}, func() (bool, error) { return lastLines(p.log, 1) != "", nil })
	if err != nil {
		t.Fatal(err)
	}
}

func TestProgramStopsInTheOrderlyWay(t *testing.T) {
	p := startShell(t, `trap 'exit 0' INT; echo up; while :; do :; done`)
	ready(t, p)
	u, err := p.stop()
	if err != nil {
		t.Error(err)
	}
	if u.peak < 64<<10 || u.peak > 64<<20 {
		t.Errorf("a shell took %d octets at its peak", u.peak)
	}
}

func TestProgramThatFailsIsToldWithItsLastWords(t *testing.T) {
	p := startShell(t, `echo "the reason" >&2; exit 3`)
	err := await(t.Context(), "nothing", []*program{p}, func() (bool, error) { return false, nil })
	if err == nil || !strings.Contains(err.Error(), "the reason") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("%v; want exit code and last words", err)
	}
	if _, err := p.stop(); err == nil {
		t.Error("stopping what has failed is no error")
	}
}

func TestKilledProgramHasUsage(t *testing.T) {
	p := startShell(t, `trap '' INT; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo up; sleep 1000`)
	ready(t, p)
	u, err := p.kill()
	if err != nil || u.cpu <= 0 {
		t.Errorf("usage %+v, %v", u, err)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := await(ctx, "nothing", nil, func() (bool, error) { return false, nil })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
