package sftp

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
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
	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// intake is a server under test with one user, alice.
type intake struct {
	*Server
	t      *testing.T
	folder string // of the channel
	key    ssh.Signer
	addr   string
	host   ssh.PublicKey
	stop   func()
}

func signer(t testing.TB) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// begin starts a server; set changes its configuration.
func begin(t *testing.T, set func(*Config)) *intake {
	t.Helper()
	in := &intake{t: t, folder: filepath.Join(t.TempDir(), "docs"), key: signer(t)}
	host := signer(t)
	in.host = host.PublicKey()
	cfg := Config{HostKey: host, Reserve: 1, Users: []User{{
		Name: "alice", Keys: []ssh.PublicKey{in.key.PublicKey()}, Folder: in.folder, Quiet: time.Millisecond,
		Keep: func(p string) bool { return strings.HasSuffix(p, ".part") },
	}}}
	if set != nil {
		set(&cfg)
	}
	in.run(cfg)
	return in
}

func (in *intake) run(cfg Config) {
	in.t.Helper()
	s, err := New(cfg)
	if err != nil {
		in.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		in.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	in.Server, in.addr = s, listener.Addr().String()
	in.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			in.t.Errorf("serve: %v", err)
		}
	})
	in.t.Cleanup(in.stop)
}

// dial connects as a user with a key.
func (in *intake) dial(user string, key ssh.Signer) (*ssh.Client, error) {
	return ssh.Dial("tcp", in.addr, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.FixedHostKey(in.host), Timeout: 10 * time.Second,
	})
}

// client is a session of alice's.
func (in *intake) client() (*sftp.Client, *ssh.Client) {
	in.t.Helper()
	conn, err := in.dial("alice", in.key)
	if err != nil {
		in.t.Fatal(err)
	}
	c, err := sftp.NewClient(conn)
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() { c.Close(); conn.Close() })
	return c, conn
}

func (in *intake) put(c *sftp.Client, path, text string) error {
	f, err := c.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(text))
	return errors.Join(err, f.Close())
}

// tree lists the files below a folder of the channel, with their texts.
func (in *intake) tree(below string) map[string]string {
	in.t.Helper()
	all := map[string]string{}
	root := filepath.Join(in.folder, below)
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(p)
		rel, _ := filepath.Rel(root, p)
		all[rel] = string(text)
		return err
	})
	if err != nil {
		in.t.Fatal(err)
	}
	return all
}

// only holds a folder of the channel to what must be in it.
func (in *intake) only(below string, want ...string) {
	in.t.Helper()
	got := in.tree(below)
	if len(got) != len(want)/2 {
		in.t.Errorf("%s holds %q, want %q", below, got, want)
	}
	for i := 0; i < len(want); i += 2 {
		if got[want[i]] != want[i+1] {
			in.t.Errorf("%s: %s is %q, want %q", below, want[i], got[want[i]], want[i+1])
		}
	}
}

// eventually waits for what the server does by itself, once a second.
func (in *intake) eventually(what string, ok func() bool) {
	in.t.Helper()
	late := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			in.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestPut: a file is in the outbox when its close was answered, and not before.
func TestPut(t *testing.T) {
	in := begin(t, nil)
	c, _ := in.client()
	f, err := c.OpenFile("/report.txt", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("first half, ")); err != nil {
		t.Fatal(err)
	}
	in.only("outbox")
	if info, err := c.Stat("report.txt"); err != nil || info.Size() != 12 || info.Name() != "report.txt" {
		t.Errorf("stat while it is written: %v, %v", info, err)
	}
	at := time.Unix(1_700_000_000, 0)
	if _, err := f.Write([]byte("second half")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Chtimes("report.txt", at, at), f.Close()); err != nil {
		t.Fatal(err)
	}
	in.only("outbox", "report.txt", "first half, second half")
	in.only("sftp/alice")
	info, err := os.Stat(filepath.Join(in.folder, "outbox/report.txt"))
	if err != nil || !info.ModTime().Equal(at) || info.Mode().Perm() != 0o644 {
		t.Errorf("in the outbox: %v %v", info, err)
	}
	// Clients ask for the size of what they have just sent.
	if info, err := c.Stat("report.txt"); err != nil || info.Size() != 23 {
		t.Errorf("stat after: %v, %v", info, err)
	}
	if list, err := c.ReadDir("/"); err != nil || len(list) != 0 {
		t.Errorf("list: %v, %v", list, err)
	}
}

// TestCutAndResume: what a cut leaves is not in the outbox, and the next connection goes on.
func TestCutAndResume(t *testing.T) {
	in := begin(t, nil)
	c, conn := in.client()
	f, err := c.OpenFile("big", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	st := in.stores["alice"]
	in.eventually("the end of the session", func() bool { st.mu.Lock(); defer st.mu.Unlock(); return st.present == 0 })
	in.only("outbox")
	in.only("sftp/alice", partPrefix+"big", "0123456789")

	c, _ = in.client()
	info, err := c.Stat("big")
	if err != nil || info.Size() != 10 {
		t.Fatalf("stat: %v, %v", info, err)
	}
	if f, err = c.OpenFile("big", os.O_WRONLY|os.O_CREATE); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("abc"), info.Size()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	in.only("outbox", "big", "0123456789abc")
	if st.octets != 0 || st.entries != 0 {
		t.Errorf("%d octets in %d entries are counted, none are left", st.octets, st.entries)
	}
}

// TestRename: names that clients use while they write stay, and go when they get their own.
func TestRename(t *testing.T) {
	in := begin(t, nil)
	c, _ := in.client()
	if err := in.put(c, "x.part", "whole"); err != nil {
		t.Fatal(err)
	}
	in.only("outbox")
	if err := c.Rename("x.part", "x"); err != nil {
		t.Fatal(err)
	}
	in.only("outbox", "x", "whole")
	// The outbox has one of the name: told, kept, and sent when there is room.
	if err := in.put(c, "x", "second"); err == nil || !strings.Contains(err.Error(), "still waits in the outbox") {
		t.Errorf("a second x: %v", err)
	}
	in.only("outbox", "x", "whole")
	in.only("sftp/alice", "x", "second")
	if err := os.Remove(filepath.Join(in.folder, "outbox/x")); err != nil {
		t.Fatal(err)
	}
	in.eventually("the second x", func() bool { return in.tree("outbox")["x"] == "second" })
}

// TestFolder: a folder goes to the outbox as a whole, when its user has left and all in it is whole.
func TestFolder(t *testing.T) {
	in := begin(t, nil)
	c, conn := in.client()
	if err := errors.Join(c.MkdirAll("d/sub"), in.put(c, "d/a", "1"), in.put(c, "d/sub/b", "2")); err != nil {
		t.Fatal(err)
	}
	f, err := c.OpenFile("d/c", os.O_WRONLY|os.O_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	st := in.stores["alice"]
	in.eventually("the end of the session", func() bool { st.mu.Lock(); defer st.mu.Unlock(); return st.present == 0 })
	st.tidy(time.Now().Add(time.Hour))
	st.tidy(time.Now().Add(2 * time.Hour))
	in.only("outbox")
	c, conn = in.client()
	if err := in.put(c, "d/c", "whole"); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	in.eventually("the folder", func() bool { return len(in.tree("outbox")) == 3 })
	in.only("outbox", "d/a", "1", "d/sub/b", "2", "d/c", "whole")
	in.only("sftp/alice")
	st.tidy(time.Now())
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.octets != 0 || st.entries != 0 {
		t.Errorf("%d octets in %d entries are counted, none are left", st.octets, st.entries)
	}
}

// TestFilesOfFolders: with group = "file" each goes by itself.
func TestFilesOfFolders(t *testing.T) {
	in := begin(t, func(c *Config) { c.Users[0].Files = true })
	c, _ := in.client()
	if err := errors.Join(c.MkdirAll("d/sub"), in.put(c, "d/sub/b", "2")); err != nil {
		t.Fatal(err)
	}
	in.only("outbox", "d/sub/b", "2")
}

// TestNothingBack: no read, no link, no mode, no sight of other files.
func TestNothingBack(t *testing.T) {
	in := begin(t, nil)
	c, _ := in.client()
	if err := errors.Join(in.put(c, "mine.part", "text"), os.WriteFile(filepath.Join(in.folder, "outbox/other"), []byte("x"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"read":          func() error { _, err := c.Open("mine.part"); return err },
		"read other":    func() error { _, err := c.Open("other"); return err },
		"stat other":    func() error { _, err := c.Stat("other"); return err },
		"stat outside":  func() error { _, err := c.Stat("/../../outbox/other"); return err },
		"symlink":       func() error { return c.Symlink("/etc/passwd", "link") },
		"hard link":     func() error { return c.Link("mine.part", "link") },
		"read link":     func() error { _, err := c.ReadLink("mine.part"); return err },
		"chmod":         func() error { return c.Chmod("mine.part", 0o4777) },
		"chown":         func() error { return c.Chown("mine.part", 0, 0) },
		"remove root":   func() error { return c.RemoveDirectory("/") },
		"rename root":   func() error { return c.Rename("/", "/x") },
		"write root":    func() error { return in.put(c, "/", "x") },
		"our prefix":    func() error { return in.put(c, partPrefix+"x", "x") },
		"our folder":    func() error { return c.Mkdir(".pawl-x") },
		"device name":   func() error { return in.put(c, "CON", "x") },
		"control":       func() error { return in.put(c, "a\nb", "x") },
		"backslash":     func() error { return in.put(c, `..\x`, "x") },
		"no utf-8":      func() error { return in.put(c, "\xff", "x") },
		"long name":     func() error { return in.put(c, strings.Repeat("n", maxNewName+1), "x") },
		"deep":          func() error { return in.put(c, strings.Repeat("d/", 200)+"x", "x") },
		"no folder":     func() error { return in.put(c, "none/x", "x") },
		"rename out":    func() error { return c.Rename("mine.part", "../../CON") },
		"over a file":   func() error { return c.Mkdir("mine.part") },
		"as a folder":   func() error { return in.put(c, "mine.part/x", "x") },
		"huge offset":   func() error { return writeAt(c, "hole", 1<<62) },
		"beyond offset": func() error { return writeAt(c, "hole2", -1) },
	} {
		if err := do(); err == nil {
			t.Errorf("%s: was done", name)
		}
	}
	in.only("outbox", "other", "x")
	list, err := c.ReadDir("/")
	for _, info := range list {
		if n := info.Name(); n != "mine.part" && n != "hole" && n != "hole2" {
			t.Errorf("list shows %q", n)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// writeAt writes far out and leaves without a close that counts.
func writeAt(c *sftp.Client, name string, at int64) error {
	f, err := c.OpenFile(name, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte("x"), at)
	if err != nil {
		return err
	}
	return f.Close()
}

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
