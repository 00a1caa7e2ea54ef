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
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// server is a program that holds itself and only answers. Its arguments are a folder, in which open/ may be read and sockets/ is for sockets, and what Hold adds.
func server(args []string) int {
	dir := args[0]
	flag, held := strings.CutPrefix(args[len(args)-1], "--"+HeldFlag+"=")
	if !held {
		fmt.Println(Hold(Daemon{Read: []string{filepath.Join(dir, "open")}, Write: []string{filepath.Join(dir, "sockets")}, Listen: []uint16{0}}))
		return 1
	}
	version, err := strconv.Atoi(flag)
	if err == nil {
		err = Held(version)
	}
	if err == nil {
		err = OnlyAnswers()
	}
	if err == nil {
		err = errors.Join(answers(dir), denied(dir))
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// answers does what a server must still be able to do.
func answers(dir string) error {
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
func denied(dir string) (loose error) {
	for what, try := range map[string]func() error{
		"run a program":      func() error { return exec.Command("/bin/true").Run() },
		"a socket elsewhere": func() error { _, err := net.Listen("unix", filepath.Join(dir, "s")); return err },
		"a datagram":         func() error { _, err := net.Dial("udp", "127.0.0.1:9"); return err },
		"another port": func() error {
			_, err := net.Listen("tcp", "127.0.0.1:47113")
			if Landlock() < tcpSince {
				return os.ErrPermission
			}
			return err
		},
		"a connection": func() error {
			_, err := net.Dial("tcp", "127.0.0.1:9")
			if Landlock() < tcpSince {
				return os.ErrPermission
			}
			return err
		},
		"io_uring": func() error {
			_, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0)
			return errno
		},
	} {
		if err := try(); !errors.Is(err, os.ErrPermission) {
			loose = errors.Join(loose, fmt.Errorf("%s: %v", what, err))
		}
	}
	return loose
}

// TestOnlyAnswers: a server that was held does its work, and reaches nobody.
func TestOnlyAnswers(t *testing.T) {
	if err := Holds(); err != nil {
		t.Skip(err)
	}
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
	if err := os.WriteFile(filepath.Join(dir, "open", "file"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "server", dir)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
