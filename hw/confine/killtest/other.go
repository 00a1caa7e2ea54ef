//go:build !linux || !(amd64 || arm64)

package killtest

import (
	"fmt"
	"os"
	"os/exec"
)

// Launch is not to be had here.
func Launch() {
	fmt.Fprintln(os.Stderr, ErrAbsent)
	os.Exit(1)
}

// Run is not to be had here.
func Run(*exec.Cmd, Watch) ([]Call, bool, error) { return nil, false, ErrAbsent }
