package release

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/framing/person"
	"pawl/hw/disk"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// failing is an audit log that can't be written from its n-th entry on, for a while.
type failing struct {
	Recorder
	n    int
	left int // entries that fail
}

var errUnwritable = errors.New("no space left on device")

func (f *failing) Append(by string, body audit.Body) (audit.Receipt, error) {
	if f.n--; f.n < 0 && f.left > 0 {
		f.left--
		return audit.Receipt{}, errUnwritable
	}
	return f.Recorder.Append(by, body)
}

// audit gives the gate an audit log.
func (h *house) audit(t testing.TB) (*merkletest.Store, *merkle.Key, *audit.Log) {
	t.Helper()
	store, key := merkletest.NewStore(), merkletest.Key(t, "example.org/pawl/test")
	log, _, err := audit.Open(store, key, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	h.gate.Audit(log)
	return store, key, log
}

func told(t testing.TB, store *merkletest.Store, key *merkle.Key) []string {
	t.Helper()
	kinds, err := kindsIn(store.FS(), key)
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

// kindsIn verifies a log and gives the kinds of its entries, or the new state of changes of state.
func kindsIn(files fs.FS, key *merkle.Key) (kinds []string, err error) {
	_, err = audit.Verify(files, key.Public(), nil, func(_ int64, e *audit.Entry) error {
		text := e.Body().Kind()
		if e.State != nil {
			text = e.State.To
		}
		kinds = append(kinds, text)
		return nil
	})
	return kinds, err
}

// moves leaves out the removal of content at the end, which comes when all else is done.
func moves(kinds []string) []string {
	for len(kinds) > 0 && kinds[len(kinds)-1] == "removal" {
		kinds = kinds[:len(kinds)-1]
	}
	return kinds
}

// TestEverythingIsEntered: what a gate does is in the log, in order, and makes evidence that holds alone.
func TestEverythingIsEntered(t *testing.T) {
	h := build(t, false)
	store, key, _ := h.audit(t)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	for _, action := range []person.Action{person.Approve, person.Revoke, person.Approve} {
		if err := h.decide(t, id, "alice", action); err != nil {
			t.Fatal(err)
		}
	}
	h.run(t, id, quarantine.Held, quarantine.Released)
	want := "complete checking verdict held approval revocation approval checking verdict release released removal"
	if got := strings.Join(told(t, store, key), " "); got != want {
		t.Errorf("entries %s, want %s", got, want)
	}
	view, err := merkle.OpenView(store.FS(), key.Public())
	if err != nil {
		t.Fatal(err)
	}
	pack, err := h.pack(view, key)
	if err != nil {
		t.Fatal(err)
	}
	e, err := audit.VerifyPack(bytes.NewReader(pack), int64(len(pack)), key.Public())
	if err != nil || e.Outcome != "released" || e.Name != "tree" || e.Sender != h.key.Public() {
		t.Fatalf("%+v, %v", e, err)
	}
	if terms := e.Release.Terms; terms == nil || terms.Approvals != 1 || terms.Channel != "files" || terms.Policy+terms.People+terms.Config != "" {
		t.Errorf("terms %+v", terms)
	}
	if len(e.Decisions) != 1 || e.Decisions[0].Person != "alice" || e.Decisions[0].Action != person.Approve {
		t.Errorf("decisions %+v", e.Decisions)
	}
	// Signed by bob, which the log knows nothing of; and by nobody.
	forged, err := person.AppendFiled(nil, h.signed(t, id, "bob", person.Approve), h.keys["bob"].Public())
	if err != nil {
		t.Fatal(err)
	}
	objects, files, err := h.objects()
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string][][]byte{"another": {forged}, "one more": {files[0], forged}, "none": {}} {
		if objects[audit.PackDecisions], err = audit.AppendDecisions(nil, files); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.WritePack(io.Discard, view, key, h.key.Public(), id.String(), objects); !errors.Is(err, audit.ErrPack) {
			t.Errorf("evidence with %s: %v", name, err)
		}
	}
}

// TestUnwritableLogStopsRelease: whichever entry can't be made, nothing is in the inbox that the log does not speak of; the
// reason is told, and when the log can be written again the transfer goes its way.
func TestUnwritableLogStopsRelease(t *testing.T) {
	for n := range 5 { // complete, checking, verdict, release, released
		h := build(t, true)
		store, key, log := h.audit(t)
		h.gate.Audit(&failing{Recorder: log, n: n, left: 2})
		h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
		for try := 0; ; try++ {
			st, err := h.store.Find(id)
			if err != nil {
				t.Fatal(err)
			}
			if st == quarantine.Released {
				if try != 3 {
					t.Errorf("entry %d: released after %d tries", n, try)
				}
				break
			}
			st, err = h.gate.Run(context.Background(), id, st)
			if try < 2 && !errors.Is(err, errUnwritable) || try == 2 && err != nil {
				t.Fatalf("entry %d, try %d: %s, %v", n, try, st, err)
			}
			in := h.wholeOrAbsent(t, checktest.Tree())
			if in != (n == 4 || try == 2) {
				t.Fatalf("entry %d, try %d: in the inbox: %v", n, try, in)
			}
			if kinds := moves(told(t, store, key)); in && kinds[len(kinds)-1] != "release" && kinds[len(kinds)-1] != "released" {
				t.Fatalf("entry %d: in the inbox, and the log ends with %q", n, kinds)
			}
		}
		kinds := moves(told(t, store, key))
		if kinds[len(kinds)-1] != "released" {
			t.Errorf("entry %d: the log ends with %q", n, kinds)
		}
		if err := diff(h.inbox, checktest.Tree()); err != nil {
			t.Error(err)
		}
	}
}

// logged is the crash test's mode with an audit log on disk.
const logged = "logged"

// loggedTwo is the same with two people, one of whom hesitates.
const loggedTwo = "logged two"

// openBook opens the audit log of the crash test; step is told of each system call of it that changes the disk.
func openBook(dir string, step func(string)) (*audit.Log, error) {
	text, err := os.ReadFile(filepath.Join(dir, "audit.key"))
	if err != nil {
		return nil, err
	}
	key, err := merkle.ParseKey(string(text))
	if err != nil {
		return nil, err
	}
	folder, err := disk.OpenFolder(filepath.Join(dir, "audit"))
	if err != nil {
		return nil, err
	}
	folder.Before = func(call string) error { step(call); return nil }
	book, _, err := audit.Open(folder, key, time.Now)
	return book, err
}

// TestKilledInTheAuditLog kills the program at each system call of the audit log while a transfer is released. Afterwards it
// is released once, the log is sound, and at no time was anything in the inbox that the log does not tell of.
func TestKilledInTheAuditLog(t *testing.T) {
	mine := sample(t, 9)
	for _, name := range []string{logged, loggedTwo} {
		t.Run(name, func(t *testing.T) {
			for n := 1; ; n++ {
				if n > 600 {
					t.Fatal("no end of system calls")
				}
				if !mine(n) {
					continue
				}
				if killedInLog(t, n, name) {
					t.Logf("%d system calls", n-1)
					return
				}
			}
		})
	}
}

// killedInLog kills a child at the n-th system call, and says whether it came to its end before.
func killedInLog(t *testing.T, n int, name string) bool {
	tree := checktest.Tree()
	h := build(t, name == logged)
	h.change(func(c *Channel) { c.Release = modes[name].release })
	dir := filepath.Dir(h.inbox)
	key := merkletest.Key(t, "example.org/pawl/test")
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "audit"), 0o700), os.WriteFile(filepath.Join(dir, "audit.key"), []byte(key.Text()), 0o600)); err != nil {
		t.Fatal(err)
	}
	root := filepath.Dir(h.store.Folder(quarantine.Complete))
	h.put(t, id, checktest.Build(t, id, h.key, tree))
	whole := h.child(t, n, root, name)
	for again := 0; ; again++ {
		kinds := onDisk(t, dir, key)
		in := h.wholeOrAbsent(t, tree)
		if in && !slices.Contains(kinds, "release") {
			t.Fatalf("call %d: in the inbox, and the log says %q", n, kinds)
		}
		files, err := decisionsOf(h)
		if err != nil || len(files) > count(kinds, "approval")+count(kinds, "revocation") {
			t.Fatalf("call %d: %d decisions on disk (%v), and the log says %q", n, len(files), err, kinds)
		}
		if st, err := h.store.Find(id); err == nil && st == quarantine.Released {
			if !in || !slices.Contains(kinds, "released") {
				t.Fatalf("call %d: the log says %q, in the inbox: %t", n, kinds, in)
			}
			break
		}
		if again > 3 {
			t.Fatalf("call %d: does not settle", n)
		}
		h.child(t, 0, root, name)
	}
	h.is(t, id, quarantine.Released)
	// Whatever it died in, the evidence of it holds.
	view, err := merkle.OpenView(os.DirFS(filepath.Join(dir, "audit")), key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.pack(view, key); err != nil {
		t.Errorf("call %d: %v", n, err)
	}
	return whole
}

func count(kinds []string, kind string) int {
	n := 0
	for _, k := range kinds {
		if k == kind {
			n++
		}
	}
	return n
}

// decisionsOf reads the decisions in the transfer's folder, wherever it is.
func decisionsOf(h *house) ([][]byte, error) {
	st, err := h.store.Find(id)
	if err != nil {
		return nil, err
	}
	return DecisionFiles(h.store.Dir(st, id))
}

// onDisk verifies the log of the crash test.
func onDisk(t testing.TB, dir string, key *merkle.Key) []string {
	t.Helper()
	files := os.DirFS(filepath.Join(dir, "audit"))
	if _, err := fs.Stat(files, "checkpoint"); errors.Is(err, fs.ErrNotExist) {
		return nil // killed before the log began
	}
	kinds, err := kindsIn(files, key)
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}
