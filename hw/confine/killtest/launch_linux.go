//go:build amd64 || arm64

package killtest

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"pawl/hw/confine"
)

const (
	// handover is the launcher's descriptor of the socket that the listener goes to the test by: the first of exec.Cmd.ExtraFiles.
	handover = 3
	// launchFailed is the exit code of a launcher that could not become the program.
	launchFailed = 125
)

// Launch is what the test's own program does where it is called [Launcher]: it has the test asked about the calls of this thread and
// becomes the program that its arguments name. It does not return.
func Launch() {
	err := launch(os.Args[1:])
	fmt.Fprintln(os.Stderr, err)
	os.Exit(launchFailed)
}

func launch(args []string) error {
	if len(args) < 2 {
		return errors.New("launch: this is for killtest.Run: PATH, then the arguments from the name on")
	}
	runtime.LockOSThread() // exec makes it the only one
	unix.CloseOnExec(handover)
	listener, err := confine.Ask(asked, opening)
	if err != nil {
		return fmt.Errorf("launch: %w: %w", ErrAbsent, err)
	}
	// Nothing that is asked about may be called before the test has the listener.
	if err := unix.Sendmsg(handover, []byte{0}, unix.UnixRights(listener), nil, 0); err != nil {
		return fmt.Errorf("launch: hand the listener over: %w", err)
	}
	return fmt.Errorf("launch %s: %w", args[0], unix.Exec(args[0], args[1:], os.Environ()))
}
