package check_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pawl/receiver/check"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// checkerCommand is the hidden command of this test program; the others are checkers that are sick.
const checkerCommand = "confined-checker"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case checkerCommand:
			os.Exit(check.RunChecker(checkerCommand, os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
		case "checker-crashes":
			greet()
			io.CopyN(io.Discard, os.Stdin, 20)
			panic("index out of range")
		case "checker-hangs":
			greet()
			time.Sleep(time.Hour)
		case "checker-lies":
			greet()
			os.Stdout.WriteString("\x00\x00\x00\x0e{\"n\":9,\"ok\":true}")
			io.Copy(io.Discard, os.Stdin)
		case "checker-babbles":
			os.Stdout.Write(bytes.Repeat([]byte{0xff}, 1<<16))
			io.Copy(io.Discard, os.Stdin)
		}
	}
	os.Exit(m.Run())
}

func greet() {
	text := `{"n":0,"ok":true,"engine":"type","version":"1","confined":"not at all"}`
	os.Stdout.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
}

func rule() check.Rule {
	return check.Rule{OnFail: quarantine.Rejected, Timeout: 20 * time.Second, Memory: 256 << 20}
}

func typePolicy(checker string) *check.Policy {
	r := rule()
	return &check.Policy{Checker: checker, Type: &check.TypeRule{Rule: r, Allow: []string{"text/plain", "application/octet-stream"}, AnyExtension: true}}
}

// TestSickCheckersSayNo: whatever is wrong with a checker, the transfer is held, and with the right words.
func TestSickCheckersSayNo(t *testing.T) {
	key := checktest.Key(t)
	dir := t.TempDir()
	checktest.Build(t, id, key, checktest.Tree()).Write(t, dir)
	for checker, want := range map[string]string{
		"checker-crashes": "crashed", "checker-hangs": "took too long", "checker-lies": "malformed", "checker-babbles": "malformed",
		"-test.run=^$": "malformed", // a program that is no checker and says PASS
	} {
		t.Run(checker, func(t *testing.T) {
			r := rules(key)
			r.Policy = typePolicy(checker)
			r.Policy.Type.Timeout = 300 * time.Millisecond
			if checker != "checker-hangs" {
				r.Policy.Type.Timeout = 20 * time.Second
			}
			pass, err := check.Verify(t.Context(), dir, id, r, nil)
			v, ok := check.AsVerdict(err)
			if !ok || pass.Valid() || v.Check != "type" || !strings.Contains(v.Reason, want) || check.Weigh(v) != quarantine.Held {
				t.Errorf("%v (%v)", err, v)
			}
		})
	}
}

func TestVerdictsNameEngineAndDigest(t *testing.T) {
	key := checktest.Key(t)
	dir := t.TempDir()
	checktest.Build(t, id, key, checktest.Tree()).Write(t, dir)
	r := rules(key)
	r.Policy = typePolicy(checkerCommand)
	_, err := check.Verify(t.Context(), dir, id, r, nil)
	v, ok := check.AsVerdict(err)
	if !ok || v.Path != "tree/a/run.sh" || v.Engine != "type" || !strings.Contains(v.Version, "seccomp") || len(v.SHA256) != 64 || check.Weigh(v) != quarantine.Rejected {
		t.Fatalf("%v, %+v", err, v)
	}
	r.Policy.Type.Allow = append(r.Policy.Type.Allow, "text/x-shellscript", "text/x-sh")
	r.Policy.Type.Allow = append(r.Policy.Type.Allow, "text/*")
	pass, err := check.Verify(t.Context(), dir, id, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := pass.Findings()
	if len(f) != 1 || !f[0].OK || f[0].Files != 6 || f[0].Engine != "type" || !strings.Contains(f[0].Version, "mimetype") {
		t.Errorf("findings %+v", f)
	}
}

// TestDamageIsNotTheContentsFault: bytes that changed on disk are held as damage, though a check would reject them.
func TestDamageIsNotTheContentsFault(t *testing.T) {
	key := checktest.Key(t)
	dir := t.TempDir()
	o := checktest.Build(t, id, key, []checktest.Entry{{Path: "f.txt", Data: []byte("just text")}})
	copy(o.Content, "\x7fELF\x02\x01\x01")
	o.Write(t, dir)
	r := rules(key)
	r.Policy = typePolicy(checkerCommand)
	_, err := check.Verify(t.Context(), dir, id, r, nil)
	v, ok := check.AsVerdict(err)
	if !ok || v.Check != check.Digest || check.Weigh(v) != quarantine.Held {
		t.Errorf("%v", err)
	}
}

func TestStoppedIsNoVerdict(t *testing.T) {
	key := checktest.Key(t)
	dir := t.TempDir()
	checktest.Build(t, id, key, checktest.Tree()).Write(t, dir)
	r := rules(key)
	r.Policy = typePolicy("checker-hangs")
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	_, err := check.Verify(ctx, dir, id, r, nil)
	if _, ok := check.AsVerdict(err); ok || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestWorstDecides: a check that rejects is heard after one that holds.
func TestWorstDecides(t *testing.T) {
	key := checktest.Key(t)
	dir := t.TempDir()
	checktest.Build(t, id, key, []checktest.Entry{{Path: "d", Dir: true}, {Path: "d/a.exe", Data: []byte("x")}, {Path: "d/b.bat", Data: []byte("y")}}).Write(t, dir)
	hold, reject := rule(), rule()
	hold.OnFail = quarantine.Held
	r := rules(key)
	r.Policy = &check.Policy{Names: &check.NamesRule{Rule: hold, Deny: []string{"*.EXE"}}}
	_, err := check.Verify(t.Context(), dir, id, r, nil)
	if v, ok := check.AsVerdict(err); !ok || check.Weigh(v) != quarantine.Held || v.Path != "d/a.exe" || len(v.Findings) != 1 {
		t.Errorf("%v", err)
	}
	r.Policy.Commands = []check.CommandRule{{Rule: reject, Name: "never", Command: []string{"/bin/false"}}}
	r.Policy.Checker = checkerCommand
	_, err = check.Verify(t.Context(), dir, id, r, nil)
	if v, ok := check.AsVerdict(err); !ok || check.Weigh(v) != quarantine.Rejected || v.Check != "never" || len(v.Findings) != 2 {
		t.Errorf("%v", err)
	}
}

func TestCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, bytes.Repeat([]byte("line\n"), 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, want string
		command    []string
	}{
		{"yes", "", []string{"/bin/grep", "-q", "line"}},
		{"reads little", "", []string{"/usr/bin/head", "-c", "1"}},
		{"no, with words", "exit status 3: not so", []string{"/bin/sh", "-c", "cat >/dev/null 2>&1; echo not so; exit 3"}},
		{"noisy", "exit status 1: y", []string{"/bin/sh", "-c", "while [ $((i=i+1)) -lt 100000 ]; do echo y; done; exit 1"}},
		{"absent", "is not there", []string{"/no/such/program"}},
		{"killed", "crashed", []string{"/bin/sh", "-c", "kill -9 $$"}},
		{"hangs", "took too long", []string{"/bin/sh", "-c", "while :; do :; done"}},
		{"reads its policy", "exit status", []string{"/bin/sh", "-c", "read x < /etc/passwd"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := rule()
			if tc.name == "hangs" {
				r.Timeout = 300 * time.Millisecond
			}
			p := &check.Policy{Checker: checkerCommand, Commands: []check.CommandRule{{Rule: r, Name: "c", Command: tc.command, Read: []string{"/bin", "/usr/bin"}}}}
			found, err := check.Try(t.Context(), p, file)
			if err != nil || len(found) != 1 || found[0].OK != (tc.want == "") || !strings.Contains(found[0].Reason, tc.want) {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

func TestPolicyDigest(t *testing.T) {
	a, b := typePolicy("x"), typePolicy("y")
	if a.Digest() != b.Digest() {
		t.Error("the digest depends on what is no part of the policy")
	}
	b.Type.Allow = slices.Clone(b.Type.Allow[:1])
	if a.Digest() == b.Digest() {
		t.Error("another policy has the same digest")
	}
	if got := fmt.Sprint(a.Checks()); got != "[type (rejected)]" {
		t.Error(got)
	}
}
