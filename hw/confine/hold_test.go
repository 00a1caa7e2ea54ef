//go:build linux && (amd64 || arm64)

package confine

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// server is a program that holds itself: "hold FOLDER", where FOLDER/open may be read and FOLDER/sockets is for sockets. It says what went wrong.
func server(args []string) int {
	dir := args[1]
	if len(args) == 2 {
		fmt.Println(Hold("--held", Reach{Read: []string{filepath.Join(dir, "open")}, Sockets: []string{filepath.Join(dir, "sockets")}, Listen: []uint16{0}}))
		return 1
	}
	applied, err := ParseApplied(strings.TrimPrefix(args[2], "--held="))
	if err == nil {
		err = Held(applied, false)
	}
	if err == nil {
		err = errors.Join(allowed(dir), denied(dir, applied))
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// allowed does what a server must still be able to do.
func allowed(dir string) error {
	if text, err := os.ReadFile(filepath.Join(dir, "open", "file")); err != nil || string(text) != "text" {
		return fmt.Errorf("open file: %q, %w", text, err)
	}
	if _, err := os.ReadDir(filepath.Join(dir, "open")); err != nil {
		return err
	}
	path := filepath.Join(dir, "sockets", "s")
	at, err := net.Listen("unix", path+".new")
	if err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(path+".new", 0o660), os.Rename(path+".new", path)); err != nil {
		return err
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	answered := make(chan error, 1)
	go func() {
		conn, err := at.Accept()
		if err == nil {
			_, err = io.WriteString(conn, "hello")
			conn.Close()
		}
		answered <- err
	}()
	conn, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(conn)
	if err == nil && string(text) != "hello" {
		err = fmt.Errorf("heard %q", text)
	}
	return errors.Join(err, <-answered, conn.Close(), at.Close(), tcp.Close(), os.Remove(path))
}

// denied does, as Go code does it, what somebody would who took the server over.
func denied(dir string, applied Applied) (loose error) {
	for what, try := range map[string]func() error{
		"read the secret": func() error { _, err := os.ReadFile(filepath.Join(dir, "secret")); return err },
		"list the folder": func() error { _, err := os.ReadDir(dir); return err },
		"write what may be read": func() error {
			return os.WriteFile(filepath.Join(dir, "open", "file"), nil, 0o600)
		},
		"remove what may be read": func() error { return os.Remove(filepath.Join(dir, "open", "file")) },
		"a file among sockets":    func() error { return os.WriteFile(filepath.Join(dir, "sockets", "f"), nil, 0o600) },
		"move a file out":         func() error { return os.Rename(filepath.Join(dir, "secret"), filepath.Join(dir, "sockets", "s")) },
		"run a program":           func() error { return exec.Command("/bin/true").Run() },
		"a socket elsewhere":      func() error { _, err := net.Listen("unix", filepath.Join(dir, "s")); return err },
		"a datagram":              func() error { _, err := net.Dial("udp", "127.0.0.1:9"); return err },
		"another port": func() error {
			_, err := net.Listen("tcp", "127.0.0.1:47113")
			if applied.Landlock < tcpSince {
				return os.ErrPermission
			}
			return err
		},
		"a connection": func() error {
			_, err := net.Dial("tcp", "127.0.0.1:9")
			if applied.Landlock < tcpSince {
				return os.ErrPermission
			}
			return err
		},
		"io_uring": func() error {
			_, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0)
			return errno
		},
	} {
		if err := try(); !errors.Is(err, os.ErrPermission) && !errors.Is(err, unix.EXDEV) { // EXDEV: a move that Landlock refuses
			loose = errors.Join(loose, fmt.Errorf("%s: %v", what, err))
		}
	}
	return loose
}

// TestHold: a server that was held does its work, and nothing else.
func TestHold(t *testing.T) {
	needLandlock(t)
	dir, err := os.MkdirTemp("", "hold") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, name := range []string{"open", "sockets"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"open/file", "secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(self, "hold", dir).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	// One that says it was held and was not is found out.
	if out, err := exec.Command(self, "hold", dir, "--held="+Applied{Landlock: 1}.argument()).CombinedOutput(); err == nil || !strings.Contains(string(out), ErrLoose.Error()) {
		t.Errorf("not held: %v: %s", err, out)
	}
}
