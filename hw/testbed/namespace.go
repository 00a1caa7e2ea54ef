//go:build linux

package testbed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Do runs f on a thread inside a side's namespace and returns its error.
// Sockets that f opens belong to the namespace and stay there when f has
// returned; goroutines that f starts run outside.
func (b *Bed) Do(side Side, f func() error) error {
	result := make(chan error, 1)
	go func() {
		// Never unlocked when the way home fails: the thread then dies with the goroutine.
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			runtime.UnlockOSThread()
			result <- fmt.Errorf("testbed: %w", err)
			return
		}
		defer home.Close()
		err = enter(b.Namespace(side), f)
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		result <- err
	}()
	return <-result
}

// enter moves the calling thread into a namespace and calls f there.
func enter(namespace string, f func() error) error {
	ns, err := os.Open(runDir + "/" + namespace)
	if err != nil {
		return fmt.Errorf("testbed: %w", err)
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("testbed: enter %s: %w", namespace, err)
	}
	return f()
}

// disableIPv6 keeps the calling thread's namespace from sending neighbour and
// multicast messages of its own accord.
func disableIPv6() error {
	for _, name := range []string{"all", "default"} {
		err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0o644)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6 has nothing to disable
			return err
		}
	}
	return nil
}
