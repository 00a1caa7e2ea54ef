package release

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"pawl/framing/seal"
	"pawl/hw/disk"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// The crash test runs a gate in a child process that kills itself after its n-th step, for every n, and
// then goes on in the state that the disk is in.

const (
	crashEnv  = "PAWL_TEST_CRASH" // n, the step after which the child dies
	crashArgs = 4                 // quarantine, inbox, sender, mode
)

func TestMain(m *testing.M) {
	asChecker()
	if n, err := strconv.Atoi(os.Getenv(crashEnv)); err == nil {
		os.Exit(crashChild(n, os.Args[len(os.Args)-crashArgs:]))
	}
	goleak.VerifyTestMain(m)
}

// Exit codes of the child.
const (
	childDone = 0
	childSick = 3
)

func crashChild(n int, args []string) int {
	store, err := quarantine.Open(args[0])
	if err != nil {
		return sick(err)
	}
	sender, err := seal.ParseSenderPublic(args[2])
	if err != nil {
		return sick(err)
	}
	channel := Channel{ID: id.Channel, Name: "files", Inbox: args[1], Release: modes[args[3]].release}
	modes[args[3]].demand(&channel)
	gate := NewGate(store, sender, []Channel{channel}, "child", zap.NewNop())
	keys, err := keysOf("alice", "bob", "carol", "dave")
	if err != nil {
		return sick(err)
	}
	all, err := registry(keys, sender)
	if err != nil {
		return sick(err)
	}
	gate.People(all)
	step := func(step string) {
		if step == "intent written" && args[3] == "late" {
			_ = os.WriteFile(filepath.Join(args[1], "tree"), nil, 0o600) // somebody takes the name at the last moment
		}
		if n--; n == 0 {
			self, _ := os.FindProcess(os.Getpid())
			self.Kill()
			select {} // until it has come
		}
	}
	gate.step = step
	if args[3] == logged || args[3] == loggedTwo {
		// The system calls of the audit log count, and nothing else.
		gate.step = func(string) {}
		book, err := openBook(filepath.Dir(args[1]), step)
		if err != nil {
			return sick(err)
		}
		gate.Audit(book)
	}
	// What the daemon does at its start, and then once around.
	if err := gate.Sweep(channel); err != nil {
		return sick(err)
	}
	if err := crashRound(gate, modes[args[3]].words, keys); err != nil {
		return sick(err)
	}
	return childDone
}

func sick(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return childSick
}

// child runs until step n and says whether it came to its end.
func (h *house) child(t *testing.T, n int, root, mode string) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], root, h.inbox, h.key.Public().String(), mode)
	// The race detector's runtime sleeps for a second at each exit unless it is told not to.
	cmd.Env = append(os.Environ(), crashEnv+"="+strconv.Itoa(n), "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return true
	case errors.As(err, &exit) && exit.ExitCode() == -1:
		return false
	}
	t.Fatalf("child, step %d: %v\n%s", n, err, out)
	return false
}

// wholeOrAbsent fails when the inbox shows half a transfer.
func (h *house) wholeOrAbsent(t *testing.T, want []checktest.Entry) bool {
	t.Helper()
	if _, err := os.Lstat(filepath.Join(h.inbox, want[0].Path)); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err := diff(h.inbox, want); err != nil {
		t.Fatal(err)
	}
	return true
}

// everyStep is for make soak: the kills of one run of make test are some of them, and others in the next.
var everyStep = flag.Bool("every-step", false, "kill after every step and at every call of the audit log")

// sample says which of the points a run kills at: one in so many, from one that is chosen anew each time and printed.
func sample(t *testing.T, every int) func(n int) bool {
	if *everyStep {
		return func(int) bool { return true }
	}
	first := rand.IntN(every)
	t.Logf("killed at one point in %d, from %d on", every, first)
	return func(n int) bool { return n%every == first }
}

func TestKilledAfterAnyStep(t *testing.T) {
	tree := checktest.Tree()
	mine := sample(t, 3)
	for _, name := range []string{"auto", "approve", "two", "reject", "hold", "hold for", "version", "same", "after", "taken", "late", "damaged"} {
		t.Run(name, func(t *testing.T) {
			for n := 1; ; n++ {
				if n > 100 {
					t.Fatal("no end of steps")
				}
				if !mine(n) {
					continue
				}
				if crashOnce(t, n, name, tree) {
					t.Logf("%d steps", n-1)
					return
				}
			}
		})
	}
}

// crashOnce kills a child after step n, another one after one step more and so on until one comes through. It says
// whether the first came through.
func crashOnce(t *testing.T, n int, name string, tree []checktest.Entry) bool {
	m := modes[name]
	h := build(t, m.release == Auto)
	h.change(func(c *Channel) { c.Release = m.release; m.demand(c) })
	t.Cleanup(func() { unprotect(h.inbox) })
	root := filepath.Dir(h.store.Folder(quarantine.Complete))
	objects := checktest.Build(t, id, h.key, tree)
	switch name {
	case "version", "same":
		// Another transfer has brought the same before.
		before := quarantine.ID{Channel: id.Channel, Transfer: 1}
		h.put(t, before, checktest.Build(t, before, h.key, tree))
		h.run(t, before, quarantine.Complete, quarantine.Released)
		if name == "version" {
			tree = under(tree, "tree (2)")
		}
	case "taken":
		if err := os.WriteFile(filepath.Join(h.inbox, "tree"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	case "damaged":
		objects.Content[100] ^= 1
	}
	child, want := name, m.want
	h.put(t, id, objects)
	first := h.child(t, n, root, child)
	for again := 1; !h.settled(t, want, tree); again++ {
		if again > 3 {
			t.Fatalf("step %d: does not settle", n)
		}
		// Killed once more while it recovers, then left alone.
		step := map[int]int{1: 2, 2: n}[again]
		h.child(t, step, root, child)
	}
	h.is(t, id, want)
	// A last start clears what is left, and changes nothing else.
	h.child(t, 0, root, child)
	h.is(t, id, want)
	for _, name := range h.names(t) {
		if name != "tree" && name != tree[0].Path {
			t.Errorf("step %d: %q is left in the inbox", n, name)
		}
	}
	if ran, err := os.ReadFile(filepath.Join(h.inbox, "..", "ran")); (err == nil) != (name == "after") || len(ran) > 3*len("ran\n") {
		t.Errorf("step %d: the command ran: %q, %v", n, ran, err)
	}
	_, err := os.Lstat(filepath.Join(h.store.Dir(want, id), quarantine.ContentFile))
	if (err == nil) == (want == quarantine.Released) {
		t.Errorf("step %d: content: %v", n, err)
	}
	return first
}

// under gives a tree another name at its top.
func under(tree []checktest.Entry, name string) []checktest.Entry {
	tree = slices.Clone(tree)
	top := tree[0].Path
	for i := range tree {
		tree[i].Path = name + strings.TrimPrefix(tree[i].Path, top)
	}
	return tree
}

// unprotect lets a test's folder be removed.
func unprotect(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if f, err := os.Open(path); err == nil {
			_ = disk.SetImmutable(f, false)
			f.Close()
		}
		return nil
	})
}

// settled looks at quarantine and inbox after a crash: one state, all or nothing in the inbox.
func (h *house) settled(t *testing.T, want quarantine.State, tree []checktest.Entry) bool {
	t.Helper()
	st, err := h.store.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	h.is(t, id, st)
	if want == quarantine.Released {
		if in := h.wholeOrAbsent(t, tree); st == quarantine.Released && !in {
			t.Fatal("released, but not in the inbox")
		}
	}
	return st == want && (st != quarantine.Held || !h.gate.ready(id))
}

// TestCrashTablePage holds the steps in the docs to those of a release.
func TestCrashTablePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/lifecycle.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| step |")
	table, _, _ = strings.Cut(table, "\n\n")
	var written []string
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "`"); strings.HasPrefix(line, "| `") {
			written = append(written, cells[1])
		}
	}
	var steps []string
	h := build(t, true)
	h.gate.step = func(step string) { steps = append(steps, step) }
	h.put(t, id, checktest.Build(t, id, h.key, []checktest.Entry{{Path: "f", Data: []byte("x")}}))
	h.run(t, id, quarantine.Complete, quarantine.Released)
	if !slices.Equal(steps, written) {
		t.Errorf("steps %q, the page has %q", steps, written)
	}
}
