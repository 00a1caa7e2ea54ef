package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// Signals that a service manager sends, for those who play one.
const (
	Hangup    = syscall.SIGHUP
	Terminate = syscall.SIGTERM
)

// Hangups gives each SIGHUP that the process gets from now on until stop is called: to a daemon it means "read your
// configuration again". Other commands leave the signal alone, so that it ends them with their terminal.
func Hangups() (hangups <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1) // several in a row are one
	signal.Notify(c, Hangup)
	return c, func() { signal.Stop(c) }
}
