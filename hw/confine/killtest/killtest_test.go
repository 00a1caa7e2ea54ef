package killtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"pawl/hw/confine/killtest"
)

// crowd is a command of this program; see busy.
const crowd = "killtest-crowd"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){killtest.Launcher: killtest.Launch, crowd: busy})
}

// run runs a command in a new folder, which is what counts.
func run(t *testing.T, at int, before func(dir string, c killtest.Call), name string, args ...string) (dir, said string, calls []killtest.Call, killed bool) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	w := killtest.Watch{Folder: dir, At: at}
	if before != nil {
		w.Before = func(c killtest.Call) { before(dir, c) }
	}
	calls, killed, err = killtest.Run(cmd, w)
	if errors.Is(err, killtest.ErrAbsent) {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return dir, out.String(), calls, killed
}

// looks is everything in a folder: names, modes, bytes.
func looks(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || path == dir {
			return err
		}
		fmt.Fprintf(&all, "%s %v", strings.TrimPrefix(path, dir+"/"), info.Mode())
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&all, " %q", data)
		}
		all.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

const script = `umask 022; mkdir a; echo one > a/f; echo two >> a/f; chmod 600 a/f; mv a/f a/g; ln -s g a/l; ln a/g h; rm a/l a/g; rmdir a; echo said`

// TestKilledBeforeTheCall: whichever call a program of several processes is killed at, the folder is as it was when that call was about to be
// made, and the program says nothing more.
func TestKilledBeforeTheCall(t *testing.T) {
	var shots []string
	dir, said, calls, killed := run(t, 0, func(dir string, _ killtest.Call) { shots = append(shots, looks(t, dir)) }, "sh", "-c", script)
	if killed || said != "said\n" {
		t.Fatalf("killed %v, said %q", killed, said)
	}
	if got := looks(t, dir); got != "h -rw------- \"one\\ntwo\\n\"\n" {
		t.Fatalf("in the end:\n%s", got)
	}
	kinds := slices.Clone(shots)
	slices.Sort(kinds)
	// Each of the ten commands, and the two writes and opens, changes something.
	if kinds = slices.Compact(kinds); len(kinds) < 11 {
		t.Fatalf("%d pictures of the folder in %d calls: %v", len(kinds), len(calls), calls)
	}
	for n := range calls {
		dir, said, got, killed := run(t, n+1, nil, "sh", "-c", script)
		if !killed || said != "" || !slices.Equal(got, calls[:n+1]) {
			t.Errorf("call %d: killed %v, said %q, calls %v", n+1, killed, said, got)
		}
		if got := looks(t, dir); got != shots[n] {
			t.Errorf("killed before %v:\n%swant:\n%s", calls[n], got, shots[n])
		}
	}
	if _, _, _, killed := run(t, len(calls)+1, nil, "sh", "-c", script); killed {
		t.Error("killed at a call that there is not")
	}
}

// TestLeftBehindIsKilled: what a program leaves running does not outlive it, nor keeps its end from being seen.
func TestLeftBehindIsKilled(t *testing.T) {
	for _, at := range []int{0, 2} {
		if _, _, _, killed := run(t, at, nil, "sh", "-c", "sleep 3600 & echo > f; exec sleep 0 > g"); killed != (at > 0) {
			t.Errorf("at %d: killed %v", at, killed)
		}
	}
}

const (
	hands = 8
	turns = 40
)

// busy changes files by many threads, which talk by pipes, while the scheduler interrupts them.
func busy() {
	var wg sync.WaitGroup
	for hand := range hands {
		wg.Go(func() {
			r, w, err := os.Pipe()
			must(err)
			name := fmt.Sprint(hand)
			for range turns {
				wg.Go(func() { _, err := w.Write([]byte{1}); must(err) })
				_, err = r.Read(make([]byte, 1))
				must(err)
				must(os.WriteFile(name+".new", []byte("x"), 0o600)) // open, write
				must(os.Rename(name+".new", name))
				must(os.Remove(name))
				runtime.GC()
			}
		})
	}
	wg.Wait()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestThreadsAreCountedOnce: calls between threads don't count, and none counts twice when the scheduler's signals come in between.
func TestThreadsAreCountedOnce(t *testing.T) {
	_, _, calls, _ := run(t, 0, nil, crowd)
	if want := hands * turns * 4; len(calls) != want {
		t.Errorf("%d calls, want %d", len(calls), want)
	}
	// Killed in the middle, there is nothing after it.
	dir, _, calls, killed := run(t, hands*turns*2, nil, crowd)
	if !killed || len(calls) != hands*turns*2 {
		t.Errorf("killed %v after %d calls", killed, len(calls))
	}
	names := map[string]int{}
	for _, c := range calls[:len(calls)-1] {
		if c.To != "" {
			names[c.To]++
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasSuffix(name, ".new") && names[name] == 0 {
			t.Errorf("%s is there, and nothing was renamed to it before the kill", name)
		}
	}
}

// TestProgramThatIsNone: a program that can't be run is an error.
func TestProgramThatIsNone(t *testing.T) {
	if _, _, err := killtest.Run(exec.Command("killtest-has-no-such-program"), killtest.Watch{Folder: "/"}); !errors.Is(err, exec.ErrNotFound) {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "no-program")
	if err := os.WriteFile(path, []byte{0}, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	var said bytes.Buffer
	cmd.Stderr = &said
	_, _, err := killtest.Run(cmd, killtest.Watch{Folder: "/nowhere"})
	if errors.Is(err, killtest.ErrAbsent) {
		t.Skip(err)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || !exit.Exited() || !strings.Contains(said.String(), "exec format error") {
		t.Errorf("%v: %s", err, said.String())
	}
}
