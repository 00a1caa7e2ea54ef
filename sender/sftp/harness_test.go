package sftp

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
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
