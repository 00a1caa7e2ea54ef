package check_test

import (
	"bytes"
	"context"
	"crypto/sha256"
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
		rule       check.CommandRule
	}{
		{"yes", "", []string{"/bin/grep", "-q", "line"}, check.CommandRule{}},
		{"reads little", "", []string{"/usr/bin/head", "-c", "1"}, check.CommandRule{}},
		{"no, with words", "exit status 3: not so", []string{"/bin/sh", "-c", "cat >/dev/null 2>&1; echo not so; exit 3"}, check.CommandRule{}},
		{"noisy", "exit status 1: y", []string{"/bin/sh", "-c", "while [ $((i=i+1)) -lt 100000 ]; do echo y; done; exit 1"}, check.CommandRule{}},
		{"absent", "is not there", []string{"/no/such/program"}, check.CommandRule{}},
		{"killed", "crashed", []string{"/bin/sh", "-c", "kill -9 $$"}, check.CommandRule{}},
		{"hangs", "took too long", []string{"/bin/sh", "-c", "while :; do :; done"}, check.CommandRule{}},
		{"leaves something behind", "", []string{"/bin/sh", "-c", "sleep 1000 & exit 0"}, check.CommandRule{}},
		{"leaves its group", "Operation not permitted", []string{"/bin/sh", "-c", "(setsid sleep 1000); exit $?"}, check.CommandRule{}},
		{"hangs below", "took too long", []string{"/bin/sh", "-c", "sleep 1000 & wait"}, check.CommandRule{}},
		{"reads its policy", "exit status", []string{"/bin/sh", "-c", "read x < /etc/passwd"}, check.CommandRule{}},
		{"a code that says no", "exit status 3", []string{"/bin/sh", "-c", "exit 3"}, check.CommandRule{SaysNo: []int{2, 3}}},
		{"a code that says nothing", "gave no answer: exit status 4", []string{"/bin/sh", "-c", "exit 4"}, check.CommandRule{SaysNo: []int{2, 3}}},
		{"yes, with words", "", []string{"/bin/sh", "-c", "echo fine"}, check.CommandRule{}},
		{"yes, without", "", []string{"/bin/true"}, check.CommandRule{Silent: true}},
		{"out of memory, and yes", "something besides (silent = true): out of memory", []string{"/bin/sh", "-c", "echo out of memory >&2"}, check.CommandRule{Silent: true}},
		{"yes, with words on its output", "something besides (silent = true): fine", []string{"/bin/sh", "-c", "echo fine"}, check.CommandRule{Silent: true}},
		{"what it reads is absent", "what the command reads is not there", []string{"/bin/true"}, check.CommandRule{Read: []string{"/no/such/schema"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tc.rule
			r.Rule, r.Name, r.Command, r.Read = rule(), "c", tc.command, append(r.Read, "/bin", "/usr/bin")
			if tc.want == "took too long" {
				r.Timeout = 300 * time.Millisecond
			}
			p := &check.Policy{Checker: checkerCommand, Commands: []check.CommandRule{r}}
			found, err := check.Try(t.Context(), p, file)
			if err != nil || len(found) != 1 || found[0].OK != (tc.want == "") || !strings.Contains(found[0].Reason, tc.want) {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

// TestCommandNamesWhatItReads: a verdict says by which program and by which files it was given.
func TestCommandNamesWhatItReads(t *testing.T) {
	dir := t.TempDir()
	file, a, b := filepath.Join(dir, "f"), filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for path, text := range map[string]string{file: "x", a: "one ", b: "two"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	of := func(text []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(text)) }
	for want, read := range map[string][]string{
		of(program): {"/usr/share", "/dev/zero"}, of(program) + ", reads " + of([]byte("one two")): {a, "/usr/share", b},
	} {
		p := &check.Policy{Checker: checkerCommand, Commands: []check.CommandRule{{Rule: rule(), Name: "c", Command: []string{"/bin/true"}, Read: read}}}
		found, err := check.Try(t.Context(), p, file)
		if err != nil || len(found) != 1 || !found[0].OK || found[0].Version != want {
			t.Errorf("%q: %+v, %v, want %s", read, found, err, want)
		}
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
