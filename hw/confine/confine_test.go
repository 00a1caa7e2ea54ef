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
	"time"

	"golang.org/x/sys/unix"
)

// hidden is the command under which this test program is its own child.
const hidden = "confined"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == hidden {
		os.Exit(child(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "without-landlock" {
		os.Exit(withoutLandlock())
	}
	if len(os.Args) > 2 && os.Args[1] == "server" {
		os.Exit(server(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "daemon" {
		os.Exit(daemon(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// child is what a program that uses the package does with its hidden command.
func child(args []string) int {
	if strings.HasPrefix(args[0], "{") {
		fmt.Fprintln(os.Stderr, Enter(hidden, args[0]))
		return 1
	}
	applied, err := ParseApplied(args[len(args)-1])
	if err == nil && args[0] != "unsealed" {
		err = Seal(applied, 64<<20)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	switch args[0] {
	case "unsealed":
		err = tryWith(args[1])
	case "sealed":
		err = tryWith(args[1])
	case "tried":
		err = errors.Join(tryOutside(applied), trySealed())
	case "echo":
		fmt.Printf("%s: ", applied)
		_, err = io.Copy(os.Stdout, os.Stdin)
	case "memory":
		var kept [][]byte
		for range 64 {
			kept = append(kept, make([]byte, 16<<20))
			for i := range kept[len(kept)-1] {
				kept[len(kept)-1][i] = 1
			}
		}
		fmt.Println(len(kept))
	case "hang":
		time.Sleep(time.Hour)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// victim is a file that would be there to remove.
const victim = "/tmp/pawl-confine-victim"

// attempts are what a taken-over checker would try, as Go code does it and not as the package tries itself.
var attempts = map[string]func() error{
	"read a file": func() error { _, err := os.ReadFile("/etc/passwd"); return err },
	"list a folder": func() error {
		_, err := os.ReadDir("/")
		return err
	},
	"write a file":  func() error { return os.WriteFile("/tmp/pawl-confine-test", nil, 0o600) },
	"remove a file": func() error { return os.Remove(victim) },
	"make a folder": func() error { return os.Mkdir("/tmp/pawl-confine-test", 0o700) },
	"make a link":   func() error { return os.Symlink("/etc/passwd", "/tmp/pawl-confine-test") },
	"tcp":           func() error { _, err := net.DialTimeout("tcp", "127.0.0.1:9", time.Second); return err },
	"listen":        func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err },
	"udp":           func() error { _, err := net.ListenPacket("udp", "127.0.0.1:0"); return err },
	"local socket":  func() error { _, err := net.Dial("unix", "/run/clamav/clamd.ctl"); return err },
	"trace":         func() error { return unix.PtraceAttach(os.Getppid()) },
	"namespace":     func() error { return unix.Unshare(unix.CLONE_NEWUSER | unix.CLONE_NEWNET) },
	"mount":         func() error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") },
	"capability":    func() error { return unix.Sethostname([]byte("x")) },
}

// sealedAttempts are forbidden to this program's own checkers beyond that.
var sealedAttempts = map[string]func() error{
	"run a program":    func() error { return exec.Command("/bin/true").Run() },
	"run itself":       func() error { return unix.Exec(self, []string{"x"}, nil) },
	"signal parent":    func() error { return unix.Kill(os.Getppid(), unix.SIGTERM) },
	"read its program": func() error { _, err := os.ReadFile(self); return err },
	"look":             func() error { _, err := os.Stat("/"); return err },
	"code": func() error {
		_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
		return err
	},
	"raise a limit": func() error { return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: 1 << 40, Max: 1 << 40}) },
}

func tryWith(name string) error {
	attempt := attempts[name]
	if attempt == nil {
		attempt = sealedAttempts[name]
	}
	err := attempt()
	if err == nil {
		return errors.New("it worked")
	}
	fmt.Println(err)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return nil
	}
	return fmt.Errorf("failed for another reason: %w", err)
}

// run starts a child and gives what it wrote.
func run(t *testing.T, spec Spec, in string) (string, *Process, error) {
	t.Helper()
	p, err := Start(hidden, spec)
	if err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, p.Kill)
	defer late.Stop()
	go func() {
		_, _ = io.WriteString(p.In, in)
		p.In.Close()
	}()
	out, err := io.ReadAll(p.Out)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), p, p.Wait()
}

func needLandlock(t *testing.T) {
	if Landlock() == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("the kernel has no Landlock")
		}
		t.Skip("the kernel has no Landlock")
	}
}

func TestChildIsConfinedAndWorks(t *testing.T) {
	needLandlock(t)
	out, p, err := run(t, Spec{Args: []string{"echo"}}, "content")
	if err != nil || !strings.HasPrefix(out, "seccomp, Landlock ") || !strings.HasSuffix(out, ": content") {
		t.Fatalf("%q, %v: %s", out, err, p.Stderr())
	}
}

// TestEachDenial: each thing that a taken-over child would try is refused, before and after the seal.
func TestEachDenial(t *testing.T) {
	needLandlock(t)
	if err := os.WriteFile(victim, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(victim) })
	for name := range attempts {
		for _, stage := range []string{"unsealed", "sealed"} {
			t.Run(name+" "+stage, func(t *testing.T) {
				t.Parallel()
				if out, p, err := run(t, Spec{Args: []string{stage, name}}, ""); err != nil {
					t.Errorf("%v: %s%s", err, out, p.Stderr())
				}
			})
		}
	}
	for name := range sealedAttempts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, p, err := run(t, Spec{Args: []string{"sealed", name}}, ""); err != nil {
				t.Errorf("%v: %s%s", err, out, p.Stderr())
			}
		})
	}
}

// TestTriesNotice: outside a child the tries find what is allowed, so that they are tests which can fail.
func TestTriesNotice(t *testing.T) {
	if err := tryOutside(Applied{Landlock: 1}); !errors.Is(err, ErrLoose) {
		t.Errorf("tryOutside: %v", err)
	}
	if err := trySealed(); !errors.Is(err, ErrLoose) {
		t.Errorf("trySealed: %v", err)
	}
	if err := powerless(); !errors.Is(err, ErrLoose) {
		t.Errorf("powerless: %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	needLandlock(t)
	if !boundMemory {
		t.Skip("the race detector needs unbounded memory")
	}
	out, p, err := run(t, Spec{Args: []string{"memory"}}, "")
	if err == nil || !strings.Contains(p.Stderr(), "out of memory") {
		t.Errorf("a gibibyte in a child of 64 MiB: %q, %v, %s", out, err, p.Stderr())
	}
}

func TestTimeIsBounded(t *testing.T) {
	needLandlock(t)
	p, err := Start(hidden, Spec{Args: []string{"hang"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Out.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Out.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a child that says nothing: %v", err)
	}
	p.Kill()
	if err := p.Wait(); err == nil {
		t.Error("a killed child ended well")
	}
}

// TestOtherProgram: another program reads what it may, and nothing else.
func TestOtherProgram(t *testing.T) {
	needLandlock(t)
	dir := t.TempDir()
	open, secret := filepath.Join(dir, "open"), filepath.Join(dir, "secret")
	for _, name := range []string{open, secret} {
		if err := os.WriteFile(name, []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		script, want string
		ok           bool
	}{
		{"cat", "from the pipe", true},
		{"cat " + open, "text", true},
		{"cat " + secret, "", false},
		{"ls /", "", false},
		{"echo x > " + open, "", false},
		{"echo x > /dev/null; echo yes", "yes\n", true},
		{"cat /etc/shadow", "", false},
		{"exec 3<>/dev/tcp/127.0.0.1/9", "", false},
	} {
		shell := "/bin/sh"
		if strings.Contains(tc.script, "/dev/tcp") {
			shell = "/bin/bash"
		}
		out, p, err := run(t, Spec{Program: shell, Args: []string{"-c", tc.script}, Read: []string{open, "/usr/bin", "/bin"}}, "from the pipe")
		if (err == nil) != tc.ok || out != tc.want {
			t.Errorf("%s: %q, %v: %s", tc.script, out, err, p.Stderr())
		}
	}
}

func TestChildRefusesNonsense(t *testing.T) {
	for _, text := range []string{"{", `{"memory":-1}`} {
		if err := Enter(hidden, text); err == nil || errors.Is(err, ErrLoose) {
			t.Errorf("Enter(%q) = %v", text, err)
		}
	}
	for _, arg := range []string{"", "x", appliedPrefix, appliedPrefix + "-1", appliedPrefix + "99999999"} {
		if a, err := ParseApplied(arg); err == nil {
			t.Errorf("ParseApplied(%q) = %v", arg, a)
		}
	}
}

// TestKernelWithoutLandlock runs the package where Landlock's calls answer that they are not there.
func TestKernelWithoutLandlock(t *testing.T) {
	out, err := exec.Command(self, "without-landlock").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func withoutLandlock() int {
	f := newFilter()
	f.on(none, unix.SYS_LANDLOCK_CREATE_RULESET)
	if err := errors.Join(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), f.install(allow)); err != nil {
		fmt.Println(err)
		return 1
	}
	for _, best := range []bool{false, true} {
		p, err := Start(hidden, Spec{Best: best, Args: []string{"echo"}})
		if err != nil {
			fmt.Println(err)
			return 1
		}
		p.In.Close()
		out, _ := io.ReadAll(p.Out)
		err = p.Wait()
		switch {
		case best && (err != nil || string(out) != "seccomp without Landlock: "):
			fmt.Printf("best: %q, %v: %s\n", out, err, p.Stderr())
			return 1
		case !best && (err == nil || !strings.Contains(p.Stderr(), ErrAbsent.Error())):
			fmt.Printf("required: %q, %v: %s\n", out, err, p.Stderr())
			return 1
		}
	}
	return 0
}
