//go:build !linux || !(amd64 || arm64)

package confine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Landlock is not to be had here.
func Landlock() int { return 0 }

// Enter is not to be had here.
func Enter(string, string) error {
	return fmt.Errorf("%w: %w", ErrAbsent, errors.ErrUnsupported)
}

// Seal is not to be had here.
func Seal(Applied, uint64) error {
	return fmt.Errorf("%w: %w", ErrAbsent, errors.ErrUnsupported)
}

// Hold is not to be had here.
func Hold(string, Reach) error {
	return fmt.Errorf("%w: %w", ErrAbsent, errors.ErrUnsupported)
}

// Held is not to be had here.
func Held(Applied, bool) error {
	return fmt.Errorf("%w: %w", ErrAbsent, errors.ErrUnsupported)
}

func attributes() *syscall.SysProcAttr { return nil }

func killGroup(p *os.Process) { _ = p.Kill() }

func awaitExit(*os.Process) {}

// Group leaves a command as it is: there are no groups here.
func Group(*exec.Cmd) {}

func widen(*os.File) {}
