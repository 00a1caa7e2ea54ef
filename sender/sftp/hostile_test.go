package sftp

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// TestTraversal: dots lead nowhere but to the user's own folder.
func TestTraversal(t *testing.T) {
	in := begin(t, nil)
	c, _ := in.client()
	if err := in.put(c, "../../../../tmp/../escaped", "x"); err != nil {
		t.Fatal(err)
	}
	in.only("outbox", "escaped", "x")
	// A link that somebody on the machine planted is not followed.
	if err := os.Symlink("/tmp", filepath.Join(in.folder, "sftp/alice/planted")); err != nil {
		t.Fatal(err)
	}
	if err := in.put(c, "planted/x", "x"); err == nil {
		t.Error("a link was followed")
	}
}

// TestStrangers are not let in, and not told why.
func TestStrangers(t *testing.T) {
	in := begin(t, nil)
	for name, who := range map[string]struct {
		user string
		key  ssh.Signer
	}{"other key": {"alice", signer(t)}, "other user": {"bob", in.key}, "no user": {"", in.key}} {
		if c, err := in.dial(who.user, who.key); err == nil {
			c.Close()
			t.Errorf("%s was let in", name)
		}
	}
	if c, err := ssh.Dial("tcp", in.addr, &ssh.ClientConfig{User: "alice", Auth: []ssh.AuthMethod{ssh.Password("x")}, HostKeyCallback: ssh.FixedHostKey(in.host)}); err == nil {
		c.Close()
		t.Error("a password was let in")
	}
	conn, err := in.dial("alice", in.key)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	session, err := conn.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Run("id"); err == nil {
		t.Error("a command was run")
	}
	if c, err := conn.Dial("tcp", "127.0.0.1:22"); err == nil {
		c.Close()
		t.Error("a port was forwarded")
	}
	if l, err := conn.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
		t.Error("a port was opened")
	}
}

// TestBounds: quota, size of a file, open files.
func TestBounds(t *testing.T) {
	in := begin(t, func(c *Config) { c.Users[0].Quota, c.Users[0].Max, c.OpenFiles = 100, 60, 3 })
	c, _ := in.client()
	if err := in.put(c, "max", strings.Repeat("x", 61)); err == nil || !strings.Contains(err.Error(), "at most 60 octets") {
		t.Errorf("over the size: %v", err)
	}
	if err := in.put(c, "a.part", strings.Repeat("x", 60)); err != nil {
		t.Fatal(err)
	}
	if err := in.put(c, "b.part", strings.Repeat("x", 41)); err == nil || !strings.Contains(err.Error(), "quota is used up") {
		t.Errorf("over the quota: %v", err)
	}
	if err := errors.Join(c.Remove("a.part"), c.Remove("b.part"), in.put(c, "c.part", strings.Repeat("x", 60))); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	var open []*sftp.File
	for {
		f, err := c.OpenFile("o"+strings.Repeat("o", len(open)), os.O_WRONLY|os.O_CREATE)
		if err != nil {
			if !strings.Contains(err.Error(), "too many files open") {
				t.Errorf("open: %v", err)
			}
			break
		}
		open = append(open, f)
	}
	if len(open) != 3 {
		t.Errorf("%d files could be open, want 3", len(open))
	}
	if _, err := c.OpenFile("o", os.O_WRONLY|os.O_CREATE); err == nil {
		t.Error("a file that is being written was opened again")
	}
}

// TestDiskFull is told as such.
func TestDiskFull(t *testing.T) {
	in := begin(t, func(c *Config) { c.Reserve = 1 << 62 })
	c, _ := in.client()
	if err := in.put(c, "x", "text"); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("put: %v", err)
	}
}

// TestManyConnections: 200 at once, of which as many are served as may be; when they leave
// there is room again.
func TestManyConnections(t *testing.T) {
	in := begin(t, func(c *Config) { c.Connections = 20 })
	var served, refused sync.Map
	var all sync.WaitGroup
	begun := make(chan struct{})
	for i := range 200 {
		all.Go(func() {
			<-begun
			conn, err := in.dial("alice", in.key)
			if err != nil {
				refused.Store(i, err)
				return
			}
			served.Store(i, conn)
		})
	}
	close(begun)
	all.Wait()
	n := 0
	served.Range(func(_, v any) bool { n++; return true })
	if n == 0 || n > 20 {
		t.Errorf("%d of 200 connections are served, at most 20 may be", n)
	}
	served.Range(func(_, v any) bool { v.(*ssh.Client).Close(); return true })
	in.eventually("room", func() bool { return len(in.places) == 0 })
	c, _ := in.client()
	if err := in.put(c, "after", "x"); err != nil {
		t.Error(err)
	}
}

// TestIdle lets a silent client go, before and after its key.
func TestIdle(t *testing.T) {
	in := begin(t, func(c *Config) { c.Idle = 50 * time.Millisecond })
	silent, err := net.Dial("tcp", in.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := io.Copy(io.Discard, silent); err != nil {
		t.Errorf("a silent connection ended with %v", err)
	}
	conn, err := in.dial("alice", in.key)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.Wait() // ends by the server's hand, or the test does not
}

// TestRestart counts what is there, and takes what was whole.
func TestRestart(t *testing.T) {
	in := begin(t, nil)
	c, _ := in.client()
	if err := in.put(c, "a.part", "12345"); err != nil {
		t.Fatal(err)
	}
	in.stop()
	in.run(in.cfg)
	if st := in.stores["alice"]; st.octets != 5 || st.entries != 1 {
		t.Errorf("%d octets in %d entries, want 5 in 1", st.octets, st.entries)
	}
	// Nothing was written to it for more than a week.
	old := filepath.Join(in.folder, "sftp/alice", partPrefix+"old")
	if err := os.WriteFile(old, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	in.stores["alice"].tidy(time.Now().Add(keepPartial + time.Hour))
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("a partial file is kept for ever: %v", err)
	}
}
