package release

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/framing/person"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/people"
)

func TestTamperedAfterHoldIsHeldAgain(t *testing.T) {
	h := build(t, false)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	content := filepath.Join(h.store.Dir(quarantine.Held, id), quarantine.ContentFile)
	data, err := os.ReadFile(content)
	if err != nil {
		t.Fatal(err)
	}
	data[0] ^= 1
	if err := os.WriteFile(content, data, 0o600); err != nil {
		t.Fatal(err)
	}
	h.approve(t, id, "alice")
	h.run(t, id, quarantine.Held, quarantine.Held)
	if reason := h.reason(t, id); !strings.Contains(reason, "digest mismatch") {
		t.Errorf("reason %q", reason)
	}
	h.wantEmptyInbox(t)
	if h.counts(t, id) != 0 || h.gate.ready(id) {
		t.Error("the approval outlives the check that it was for")
	}
}

func TestApprovalIsForOneProofOnly(t *testing.T) {
	h := build(t, false)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	dir := h.store.Dir(quarantine.Held, id)
	h.approve(t, id, "alice")
	// Another transfer of the same sender under the same id: signed, whole, and not what alice saw.
	checktest.Build(t, id, h.key, []checktest.Entry{{Path: "swapped", Data: []byte("x")}}).Write(t, dir)
	if h.counts(t, id) != 0 {
		t.Error("the approval counts for another proof")
	}
	if _, err := h.gate.Run(t.Context(), id, quarantine.Held); !errors.Is(err, ErrState) {
		t.Errorf("run: %v", err)
	}
	if st, err := h.gate.Recheck(t.Context(), id); err != nil || st != quarantine.Held || h.counts(t, id) != 0 {
		t.Errorf("checked again: %s, %v", st, err)
	}
	h.wantEmptyInbox(t)
}

func TestWhatPawlReceivePlantsDoesNotCount(t *testing.T) {
	h := build(t, false)
	objects := checktest.Build(t, id, h.key, checktest.Tree())
	h.put(t, id, objects)
	dir := h.store.Dir(quarantine.Complete, id)
	// Even a word that alice has really given, once, and that a thief has kept.
	plant := &job{Gate: h.gate, id: id, channel: h.gate.channels[id.Channel], state: quarantine.Complete, who: "x"}
	if err := plant.keep(h.signed(t, id, "alice", person.Approve), people.Person{Key: h.keys["alice"].Public()}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, decisionFile("nobody")), nil, 0o600), writeJSON(dir, heldFile, held{Since: time.Unix(1, 0)})); err != nil {
		t.Fatal(err)
	}
	if err := writeJSON(dir, intentFile, intent{Inbox: h.inbox, Name: "tree"}); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(h.inbox, stageName(id)), 0o700); err != nil {
		t.Fatal(err)
	}
	h.run(t, id, quarantine.Complete, quarantine.Held)
	if files, err := DecisionFiles(h.store.Dir(quarantine.Held, id)); err != nil || len(files) != 0 {
		t.Errorf("a planted approval was taken over: %q, %v", files, err)
	}
	if w, err := h.gate.Waits(id); err != nil || w.Since.Unix() == 1 || len(w.Decisions) != 0 || w.For != "waits for approval: 0 of 1" {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestBadTransfersNeverReachTheInbox(t *testing.T) {
	flip := func(data []byte) { data[len(data)/2] ^= 4 }
	cases := map[string]struct {
		spoil  func(h *house, o *checktest.Objects)
		want   quarantine.State
		reason string
	}{
		"flipped content": {func(h *house, o *checktest.Objects) { flip(o.Content) }, quarantine.Held, "digest: tree/big: digest mismatch"},
		"cut content":     {func(h *house, o *checktest.Objects) { o.Content = o.Content[1:] }, quarantine.Held, "bytes on disk"},
		"longer content":  {func(h *house, o *checktest.Objects) { o.Content = append(o.Content, 1) }, quarantine.Held, "bytes on disk"},
		"wrong key": {func(h *house, o *checktest.Objects) {
			*o = checktest.Build(t, id, checktest.Key(t), checktest.Tree())
		}, quarantine.Rejected, "not signed by the pinned sender"},
		"swapped plan": {func(h *house, o *checktest.Objects) {
			o.Plan = checktest.Build(t, quarantine.ID{Channel: 3, Transfer: id.Transfer + 1}, h.key, checktest.Tree()).Plan
		}, quarantine.Held, "digest mismatch in the plan"},
		"aborted": {func(h *house, o *checktest.Objects) {
			*o = checktest.Abort(t, id, h.key, "tree/log", "changed while it was read")
		}, quarantine.Rejected, "aborted by sender: tree/log: changed while it was read"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := build(t, true)
			objects := checktest.Build(t, id, h.key, checktest.Tree())
			c.spoil(h, &objects)
			h.put(t, id, objects)
			h.run(t, id, quarantine.Complete, c.want)
			if got := h.reason(t, id); !strings.Contains(got, c.reason) {
				t.Errorf("reason %q, want %q", got, c.reason)
			}
			h.wantEmptyInbox(t)
		})
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	outside := t.TempDir()
	plant := map[string]func(path string) error{
		"file":         func(path string) error { return os.WriteFile(path, []byte("theirs"), 0o600) },
		"empty folder": func(path string) error { return os.Mkdir(path, 0o755) },
		"link out":     func(path string) error { return os.Symlink(outside, path) },
		"dead link":    func(path string) error { return os.Symlink("nowhere", path) },
	}
	for name, put := range plant {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, late %t", name, late), func(t *testing.T) {
				h := build(t, true)
				h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
				path := filepath.Join(h.inbox, "tree")
				if late {
					h.gate.step = func(step string) {
						if step == "intent written" {
							if err := put(path); err != nil {
								t.Error(err)
							}
						}
					}
				} else if err := put(path); err != nil {
					t.Fatal(err)
				}
				before, _ := os.Lstat(path)
				h.run(t, id, quarantine.Complete, quarantine.Held)
				if reason := h.reason(t, id); !strings.Contains(reason, ErrTaken.Error()) {
					t.Errorf("reason %q", reason)
				}
				if names := h.names(t); len(names) != 1 {
					t.Errorf("the inbox has %q", names)
				}
				if after, err := os.Lstat(path); err != nil || !late && !os.SameFile(before, after) {
					t.Errorf("what was there is not any more: %v", err)
				}
				if inside, _ := os.ReadDir(outside); len(inside) != 0 {
					t.Errorf("written outside: %v", inside)
				}
				// The remedy: the name is freed and it is checked again.
				h.gate.step = func(string) {}
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
				if st, err := h.gate.Recheck(t.Context(), id); err != nil || st != quarantine.Released {
					t.Fatalf("recheck: %s, %v", st, err)
				}
				if err := diff(h.inbox, checktest.Tree()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestPlantedStaging(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "precious"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	plant := map[string]func(path string) error{
		"link":   func(path string) error { return os.Symlink(outside, path) },
		"file":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"folder": func(path string) error { return os.MkdirAll(filepath.Join(path, "tree", "x"), 0o777) },
		"folder with a link": func(path string) error {
			return errors.Join(os.Mkdir(path, 0o777), os.Symlink(outside, filepath.Join(path, "tree")))
		},
	}
	for name, put := range plant {
		t.Run(name, func(t *testing.T) {
			h := build(t, true)
			h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
			if err := put(filepath.Join(h.inbox, stageName(id))); err != nil {
				t.Fatal(err)
			}
			h.run(t, id, quarantine.Complete, quarantine.Released)
			if err := diff(h.inbox, checktest.Tree()); err != nil {
				t.Error(err)
			}
			if left, _ := os.ReadDir(outside); len(left) != 1 {
				t.Errorf("outside has %v", left)
			}
		})
	}
}

func TestStagingIsOursAlone(t *testing.T) {
	h := build(t, true)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	looked := false
	h.gate.step = func(step string) {
		if step != "file staged" || looked {
			return
		}
		looked = true
		info, err := os.Lstat(filepath.Join(h.inbox, stageName(id)))
		if err != nil || info.Mode() != fs.ModeDir|0o700 {
			t.Errorf("staging: %v, %v", info.Mode(), err)
		}
	}
	h.run(t, id, quarantine.Complete, quarantine.Released)
	if !looked {
		t.Error("no file was staged")
	}
}

func TestSetgidInboxGivesNoSetgidFolders(t *testing.T) {
	h := build(t, true)
	if err := os.Chmod(h.inbox, 0o2775|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Released)
	if err := diff(h.inbox, checktest.Tree()); err != nil {
		t.Error(err)
	}
}

// TestHostileInboxIsNotWaitedFor: who may write to the inbox exchanges what was released for a pipe, while it is made immutable and while
// another is compared with it.
func TestHostileInboxIsNotWaitedFor(t *testing.T) {
	h := build(t, true)
	h.change(func(c *Channel) { c.Immutable, c.Collision = Best, Same })
	exchange := func(path string) {
		if out, err := exec.Command("sh", "-c", `rm -f "$1" && mkfifo "$1"`, "sh", path).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	path := filepath.Join(h.inbox, "f")
	h.gate.step = func(step string) {
		if step == "renamed into the inbox" {
			exchange(path)
		}
	}
	file := []checktest.Entry{{Path: "f", Data: []byte("x")}}
	h.put(t, id, checktest.Build(t, id, h.key, file))
	h.run(t, id, quarantine.Complete, quarantine.Released)
	h.gate.step = func(string) {}
	other := quarantine.ID{Channel: id.Channel, Transfer: 9}
	h.put(t, other, checktest.Build(t, other, h.key, file))
	h.run(t, other, quarantine.Complete, quarantine.Held)
}

// TestTemporariesOfACrashAreCleared: they are nobody's files.
func TestTemporariesOfACrashAreCleared(t *testing.T) {
	h := build(t, false)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	left := filepath.Join(h.store.Dir(quarantine.Complete, id), ".pawl-new-123")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.run(t, id, quarantine.Complete, quarantine.Held)
	entries, err := os.ReadDir(h.store.Dir(quarantine.Held, id))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".pawl-") {
			t.Errorf("%s is left", e.Name())
		}
	}
}
