// Package socket opens Unix sockets that nobody can reach before their mode is right.
package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
)

// ErrAnswered is wrapped when another program answers on the path.
var ErrAnswered = errors.New("another program answers on this socket")

// Listener is a Unix socket at a path, which goes when it is closed.
type Listener struct {
	*net.UnixListener
	path string
	once sync.Once
}

// Listen opens a socket of the given mode (0600: its owner's, 0660: its group's too). One that nobody answers on is what a killed
// program left, and is replaced. It is bound under another name until its mode is right: there is no moment at which others could connect.
func Listen(path string, mode fs.FileMode) (*Listener, error) {
	if conn, err := net.Dial("unix", path); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%q: %w", path, ErrAnswered)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket == 0 {
		return nil, fmt.Errorf("%q is there and is no socket", path)
	}
	hidden := path + ".new"
	if err := os.Remove(hidden); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	inner, err := net.ListenUnix("unix", &net.UnixAddr{Name: hidden, Net: "unix"})
	if err != nil {
		return nil, err
	}
	inner.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(hidden, mode), os.Rename(hidden, path)); err != nil {
		return nil, errors.Join(err, inner.Close(), os.Remove(hidden))
	}
	return &Listener{UnixListener: inner, path: path}, nil
}

// Addr is the path.
func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close gives up the socket and takes its file away.
func (l *Listener) Close() error {
	err := l.UnixListener.Close()
	l.once.Do(func() { _ = os.Remove(l.path) }) // gone already: somebody has tidied up
	return err
}
