package sftp

import (
	"crypto/rand"
	"crypto/rsa"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestAuthorized: what may be in a file of keys, and the line of what may not.
func TestAuthorized(t *testing.T) {
	good := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer(t).PublicKey())))
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := ssh.NewPublicKey(&short.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"good":        {"# alice\n\n" + good + " alice@host\n" + good + "\n", ""},
		"no key":      {"# nobody\n", "holds no key"},
		"no key line": {good + "\nssh-ed25519 AAAA\n", "keys:2: no public key"},
		"option":      {"from=\"10.0.0.1\" " + good + "\n", `keys:1: option "from=\"10.0.0.1\""`},
		"short":       {string(ssh.MarshalAuthorizedKey(weak)), "keys:1: RSA key of less than 2048 bits"},
		"secret":      {"-----BEGIN OPENSSH PRIVATE KEY-----\n", "keys:1: no public key"},
	} {
		path := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		keys, err := Authorized(path)
		if c.want == "" && (err != nil || len(keys) != 2) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %d keys, %v", name, len(keys), err)
		}
	}
	if _, err := Authorized("/none"); err == nil {
		t.Error("keys of no file")
	}
}

// TestHostKey is made once, for its owner only, and kept.
func TestHostKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "host")
	first, err := HostKey(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := HostKey(path)
	if err != nil || string(first.PublicKey().Marshal()) != string(second.PublicKey().Marshal()) {
		t.Errorf("another key: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := HostKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that all can read: %v", err)
	}
	if err := os.WriteFile(path, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := HostKey(path); err == nil {
		t.Error("no key was taken")
	}
}

func TestConfigRefuses(t *testing.T) {
	key := signer(t)
	user := User{Name: "alice", Keys: []ssh.PublicKey{key.PublicKey()}, Folder: t.TempDir()}
	for name, set := range map[string]func(*Config){
		"no host key":  func(c *Config) { c.HostKey = nil },
		"no user":      func(c *Config) { c.Users = nil },
		"bad name":     func(c *Config) { c.Users[0].Name = "../x" },
		"twice":        func(c *Config) { c.Users = append(c.Users, user) },
		"no key":       func(c *Config) { c.Users[0].Keys = nil },
		"no folder":    func(c *Config) { c.Users[0].Folder = "" },
		"connections":  func(c *Config) { c.Connections = -1 },
		"folder a dir": func(c *Config) { c.Users[0].Folder = "/dev/null" },
	} {
		c := Config{HostKey: key, Users: []User{user}}
		set(&c)
		if s, err := New(c); err == nil {
			s.close()
			t.Errorf("%s was taken", name)
		}
	}
}
