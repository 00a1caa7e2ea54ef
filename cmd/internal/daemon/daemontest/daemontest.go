// Package daemontest starts a real program as a service manager does, and hears what it says.
package daemontest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pawl/cmd/internal/cli"
)

// patience is how long something is waited for that must come.
const patience = time.Minute

// Daemon is a program that runs.
type Daemon struct {
	t    testing.TB
	cmd  *exec.Cmd
	conn *net.UnixConn
	log  output
}

// output is a buffer that may be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Start starts a program in a folder, with a watchdog of 300 ms, and waits until it says READY. It is killed with the test if it
// runs then.
func Start(t testing.TB, dir, program string, args ...string) *Daemon {
	t.Helper()
	// A socket's path has room for 108 octets, and a test's folder is named after the test.
	short, err := os.MkdirTemp("", "notify")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(short) })
	at := filepath.Join(short, "s")
	d := &Daemon{t: t, cmd: exec.Command(program, args...)}
	if d.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	d.cmd.Dir, d.cmd.Stderr = dir, &d.log
	d.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+at, "WATCHDOG_USEC=300000", "GORACE=atexit_sleep_ms=0")
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		_ = d.cmd.Wait() // was done before where the test went well
		_ = d.conn.Close()
	})
	d.Hear("READY=1", "STATUS=running with")
	return d
}

// Hear waits for a message that has all of these texts, and returns it.
func (d *Daemon) Hear(wants ...string) string {
	d.t.Helper()
	if err := d.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		d.t.Fatal(err)
	}
	buffer := make([]byte, 4096)
next:
	for {
		n, err := d.conn.Read(buffer)
		if err != nil {
			d.t.Fatalf("%s did not say %q: %v\n%s", d.cmd.Path, wants, err, d.log.String())
		}
		for _, want := range wants {
			if !strings.Contains(string(buffer[:n]), want) {
				continue next
			}
		}
		return string(buffer[:n])
	}
}

// Reload sends SIGHUP and returns what the program says once it is ready again.
func (d *Daemon) Reload() string {
	d.t.Helper()
	if err := d.cmd.Process.Signal(cli.Hangup); err != nil {
		d.t.Fatal(err)
	}
	d.Hear("RELOADING=1", "MONOTONIC_USEC=")
	return d.Hear("READY=1")
}

// Stop sends SIGTERM, holds the program to STOPPING and to exit code 0, and returns its log.
func (d *Daemon) Stop() string {
	d.t.Helper()
	if err := d.cmd.Process.Signal(cli.Terminate); err != nil {
		d.t.Fatal(err)
	}
	d.Hear("STOPPING=1")
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("%v\n%s", err, d.log.String())
	}
	return d.log.String()
}

// Get asks the program's metrics socket for a path.
func Get(t testing.TB, socket, path string) (code int, body string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	r, err := (&http.Client{Transport: transport, Timeout: patience}).Get("http://local" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// Write writes a configuration.
func Write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
