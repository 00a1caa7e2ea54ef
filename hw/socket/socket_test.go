package socket_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"pawl/hw/socket"
)

// TestListen: the mode is the one that was asked for, whatever the umask; a dead socket is replaced, an answered one and what is no socket are not; and
// nothing is left behind.
func TestListen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o600, 0o660} {
		l, err := socket.Listen(path, mode)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil || info.Mode().Perm() != mode || l.Addr().String() != path {
			t.Errorf("%v, %v at %v; want mode %v at %s", info.Mode(), err, l.Addr(), mode, path)
		}
		if _, err := socket.Listen(path, mode); !errors.Is(err, socket.ErrAnswered) {
			t.Errorf("a second one: %v", err)
		}
		if conn, err := net.Dial("unix", path); err != nil {
			t.Error(err)
		} else if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := socket.Listen(path, 0o600); err == nil {
		t.Error("a file was taken for a socket")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "mine" {
		t.Errorf("the file: %q, %v", got, err)
	}
}
