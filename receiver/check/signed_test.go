package check_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"pawl/receiver/check"
)

func TestSignatures(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not here")
	}
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(keygen, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	var keys []check.SSHKey
	for _, kind := range []string{"ed25519", "ecdsa", "rsa", "other"} {
		name := filepath.Join(dir, kind)
		run("-q", "-t", strings.Replace(kind, "other", "ed25519", 1), "-N", "", "-f", name)
		text, err := os.ReadFile(name + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		var k check.SSHKey
		if err := k.UnmarshalText(bytes.TrimSpace(text)); err != nil {
			t.Fatal(err)
		}
		if kind != "other" {
			keys = append(keys, k)
		}
	}
	for _, tc := range []struct {
		kind, namespace, want string
		spoil                 func(data, sig string) (string, string)
	}{
		{"ed25519", "file", "", nil},
		{"ecdsa", "file", "", nil},
		{"rsa", "file", "", nil},
		{"other", "file", "not allowed", nil},
		{"ed25519", "git", "for \"git\"", nil},
		{"ed25519", "file", "of other content", func(d, s string) (string, string) { return d + "!", s }},
		{"ed25519", "file", "not an SSH signature", func(d, s string) (string, string) { return d, "-" + s }},
		{"ed25519", "file", "is not signed", func(d, s string) (string, string) { return d, "" }},
	} {
		t.Run(tc.kind+" "+tc.namespace+" "+tc.want, func(t *testing.T) {
			top := filepath.Join(t.TempDir(), "t")
			file := filepath.Join(top, "x")
			if err := errors.Join(os.Mkdir(top, 0o700), os.WriteFile(file, []byte("content"), 0o600)); err != nil {
				t.Fatal(err)
			}
			run("-q", "-Y", "sign", "-f", filepath.Join(dir, tc.kind), "-n", tc.namespace, file)
			sig, err := os.ReadFile(file + ".sig")
			if err != nil {
				t.Fatal(err)
			}
			if tc.spoil != nil {
				d, s := tc.spoil("content", string(sig))
				if err := os.WriteFile(file, []byte(d), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file+".sig", []byte(s), 0o600); err != nil {
					t.Fatal(err)
				}
				if s == "" {
					os.Remove(file + ".sig")
				}
			}
			p := &check.Policy{Signed: &check.SignedRule{Rule: rule(), Required: true, SSH: keys, Namespace: "file"}}
			found, err := check.Try(t.Context(), p, top)
			if err != nil || len(found) == 0 || found[0].OK != (tc.want == "") || !strings.Contains(found[0].Reason, tc.want) {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

func TestShortKeysDontCount(t *testing.T) {
	for bits, ok := range map[int]bool{1024: false, 2047: false, 2048: true} {
		private, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		public, err := ssh.NewPublicKey(&private.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		var k check.SSHKey
		if err := k.UnmarshalText(ssh.MarshalAuthorizedKey(public)); (err == nil) != ok {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
}

// TestMinisignProgram holds ours against what minisign writes.
func TestMinisignProgram(t *testing.T) {
	program, err := exec.LookPath("minisign")
	if err != nil {
		t.Skip("minisign is not here; TestBadContentNeverReachesTheInbox signs by itself")
	}
	dir := t.TempDir()
	top := filepath.Join(dir, "t")
	file := filepath.Join(top, "x")
	if err := errors.Join(os.Mkdir(top, 0o700), os.WriteFile(file, []byte("content"), 0o600)); err != nil {
		t.Fatal(err)
	}
	public, secret := filepath.Join(dir, "pub"), filepath.Join(dir, "sec")
	for _, args := range [][]string{{"-G", "-W", "-p", public, "-s", secret}, {"-S", "-s", secret, "-m", file}} {
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	text, err := os.ReadFile(public)
	if err != nil {
		t.Fatal(err)
	}
	var key check.MinisignKey
	if err := key.UnmarshalText([]byte(strings.Split(string(text), "\n")[1])); err != nil {
		t.Fatal(err)
	}
	p := &check.Policy{Signed: &check.SignedRule{Rule: rule(), Required: true, Minisign: []check.MinisignKey{key}}}
	if found, err := check.Try(t.Context(), p, top); err != nil || len(found) != 1 || !found[0].OK {
		t.Errorf("%+v, %v", found, err)
	}
	if err := os.WriteFile(file, []byte("Content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found, err := check.Try(t.Context(), p, top); err != nil || found[0].OK || !strings.Contains(found[0].Reason, "of other content") {
		t.Errorf("%+v, %v", found, err)
	}
}
