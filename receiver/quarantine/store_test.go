package quarantine

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "quarantine"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOpenMakesTheStatesAndLeavesNothingElse(t *testing.T) {
	s := open(t)
	if _, err := Open(s.root); err != nil {
		t.Fatalf("second open: %v", err)
	}
	entries, err := os.ReadDir(s.root)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(States())+1 {
		t.Fatalf("%d entries, want one folder for each of the %d states, and that of the situation", len(entries), len(States()))
	}
	if info, err := os.Stat(s.root); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("root: %v, %v", info, err)
	}
	for _, st := range States() {
		info, err := os.Stat(s.Folder(st))
		if err != nil || info.Mode().Perm()&^FolderMode != 0 {
			t.Errorf("%s: %v, %v", st, info, err)
		}
		if rest, _ := os.ReadDir(s.Folder(st)); len(rest) != 0 {
			t.Errorf("%s holds %v after open", st, rest)
		}
	}
}

func TestViewMakesNothing(t *testing.T) {
	root := t.TempDir()
	if _, err := View(root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("view of nothing: %v", err)
	}
	if entries, _ := os.ReadDir(root); len(entries) != 0 {
		t.Errorf("view made %v", entries)
	}
	s := open(t)
	if _, err := View(s.root); err != nil {
		t.Error(err)
	}
}

func TestRemoveFile(t *testing.T) {
	dir := t.TempDir()
	if err := WriteFile(dir, MissingFile, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := RemoveFile(dir, MissingFile); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveFile(dir, "../x"); err == nil {
		t.Error("RemoveFile took a path")
	}
}

func TestOpenRefusesAStateThatIsNoFolder(t *testing.T) {
	root := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(root, string(Released))); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(root); err == nil {
		t.Fatal("a symbolic link passed as a state's folder")
	}
}

func TestMoveTable(t *testing.T) {
	for _, from := range States() {
		for _, to := range States() {
			s, id := open(t), ID{3, 5}
			if err := os.Mkdir(s.Dir(from, id), 0o700); err != nil {
				t.Fatal(err)
			}
			err := s.Move(id, from, to)
			st, found := s.Find(id)
			if found != nil {
				t.Fatal(found)
			}
			if CanMove(from, to) {
				if err != nil || st != to {
					t.Errorf("%s to %s: %v, is %s", from, to, err, st)
				}
			} else if !errors.Is(err, ErrMove) || st != from {
				t.Errorf("%s to %s: %v, is %s", from, to, err, st)
			}
		}
	}
}

func TestMoveRefuses(t *testing.T) {
	s, id := open(t), ID{1, 1}
	if err := s.Move(id, Incoming, Complete); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	// Two folders of one id are our own bug or a foreign hand: neither may be lost.
	for _, st := range []State{Incoming, Complete} {
		if err := os.Mkdir(s.Dir(st, id), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Move(id, Incoming, Complete); !errors.Is(err, fs.ErrExist) {
		t.Errorf("taken: %v", err)
	}
	if err := s.Move(id, "gone", Complete); !errors.Is(err, ErrMove) {
		t.Errorf("unknown state: %v", err)
	}
}

func TestCreateRefusesWhatIsKnownAnywhere(t *testing.T) {
	for _, st := range States() {
		s, id := open(t), ID{2, 9}
		if err := os.Mkdir(s.Dir(st, id), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(id); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", st, err)
		}
	}
	if _, err := open(t).Create(ID{0, 1}); !errors.Is(err, ErrID) {
		t.Errorf("channel 0: %v", err)
	}
}

func TestForeignNamesAreReportedAndLeft(t *testing.T) {
	s, id := open(t), ID{1, 7}
	if err := os.Mkdir(s.Dir(Complete, id), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Folder(Complete), "1-0000000000000008"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.Folder(Complete), "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	ids, err := s.List(Complete)
	if err != nil || !slices.Equal(ids, []ID{id}) {
		t.Errorf("List = %v, %v", ids, err)
	}
	foreign, err := s.Foreign(Complete)
	if err != nil || !slices.Equal(foreign, []string{"1-0000000000000008", "lost+found"}) {
		t.Errorf("Foreign = %v, %v", foreign, err)
	}
	if _, err := s.Find(ID{1, 8}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a plain file was found as a transfer: %v", err)
	}
}

// TestStoreAgainstModel drives a store and a map with the same random steps.
func TestStoreAgainstModel(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		root, err := os.MkdirTemp(base, "q")
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(root)
		if err != nil {
			t.Fatal(err)
		}
		model := map[ID]State{}
		ids := []ID{{1, 1}, {1, 2}, {2, 1}}
		t.Repeat(map[string]func(*rapid.T){
			"create": func(t *rapid.T) {
				id := rapid.SampledFrom(ids).Draw(t, "id")
				_, known := model[id]
				_, err := s.Create(id)
				if known != errors.Is(err, fs.ErrExist) || !known && err != nil {
					t.Fatalf("create %s, known %t: %v", id, known, err)
				}
				if !known {
					model[id] = Incoming
				}
			},
			"move": func(t *rapid.T) {
				id := rapid.SampledFrom(ids).Draw(t, "id")
				from := rapid.SampledFrom(States()).Draw(t, "from")
				to := rapid.SampledFrom(States()).Draw(t, "to")
				legal := CanMove(from, to) && model[id] == from
				if err := s.Move(id, from, to); (err == nil) != legal {
					t.Fatalf("move %s from %s to %s, legal %t: %v", id, from, to, legal, err)
				}
				if legal {
					model[id] = to
				}
			},
			"": func(t *rapid.T) {
				for _, id := range ids {
					st, err := s.Find(id)
					if st != model[id] || (err != nil) != (model[id] == "") {
						t.Fatalf("%s is %q (%v), want %q", id, st, err, model[id])
					}
				}
				for _, st := range States() {
					got, err := s.List(st)
					if err != nil {
						t.Fatal(err)
					}
					for _, id := range got {
						if model[id] != st {
							t.Fatalf("%s is listed in %s, is in %q", id, st, model[id])
						}
					}
				}
			},
		})
	})
}

func TestWriteFileReplaces(t *testing.T) {
	dir := t.TempDir()
	for _, want := range []string{"first", "second, longer", ""} {
		if err := WriteFile(dir, NoteFile, []byte(want)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, NoteFile))
		if err != nil || string(got) != want {
			t.Fatalf("read %q, %v, want %q", got, err, want)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d entries left, want 1", len(entries))
	}
	for _, name := range []string{"", "a/b", "../x"} {
		if err := WriteFile(dir, name, nil); err == nil {
			t.Errorf("WriteFile took the name %q", name)
		}
	}
}

func TestHistorySurvivesHalfALine(t *testing.T) {
	s, id := open(t), ID{1, 1}
	dir, err := s.Create(id)
	if err != nil {
		t.Fatal(err)
	}
	if events, err := s.History(id, Incoming); err != nil || events != nil {
		t.Fatalf("empty history: %v, %v", events, err)
	}
	if err := s.Record(id, Incoming, Event{Who: "pawl-receive", To: Incoming}); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, HistoryFile), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"when":"2026-01-`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	want := Event{Who: "pawl-receive", From: Incoming, To: Complete, Reason: "line\nbreak " + strings.Repeat("x", 300)}
	if err := s.Record(id, Incoming, want); err != nil {
		t.Fatal(err)
	}
	events, err := s.History(id, Incoming)
	if err != nil || len(events) != 2 {
		t.Fatalf("%d events, %v, want 2", len(events), err)
	}
	if events[1].When.IsZero() {
		t.Error("no time was filled in")
	}
	want.When = events[1].When
	if events[1] != want {
		t.Errorf("read %+v, want %+v", events[1], want)
	}
}

func TestLockExcludesAndFollowsTheTransfer(t *testing.T) {
	s, id := open(t), ID{1, 1}
	if err := os.Mkdir(s.Dir(Complete, id), 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := s.Lock(id, Complete)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(id, Complete); !errors.Is(err, ErrLocked) {
		t.Errorf("second lock: %v", err)
	}
	if err := s.Move(id, Complete, Checking); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(id, Complete); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("lock in the old state: %v", err)
	}
	if _, err := s.Lock(id, Checking); !errors.Is(err, ErrLocked) {
		t.Errorf("lock in the new state: %v", err)
	}
	lock.Unlock()
	again, err := s.Lock(id, Checking)
	if err != nil {
		t.Fatal(err)
	}
	again.Unlock()
}

// TestPlantedFilesCostNothing: pawl-receive, taken over, makes what others read.
func TestPlantedFilesCostNothing(t *testing.T) {
	s, id := open(t), ID{1, 1}
	dir, err := s.Create(id)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, HistoryFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(300<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Record(id, Incoming, Event{Who: "test", To: Incoming, Reason: "ours"}); err != nil {
		t.Fatal(err)
	}
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			events, err := s.History(id, Incoming)
			if err != nil || len(events) != 1 || events[0].Reason != "ours" {
				b.Fatalf("%d events, %v", len(events), err)
			}
		}
	})
	if got.AllocedBytesPerOp() > 8<<20 || got.N == 0 {
		t.Errorf("%d bytes for a planted history", got.AllocedBytesPerOp())
	}
	// A pipe is not waited for, a link not followed, and neither is what is larger than it can be.
	for name, plant := range map[string]func(path string) error{
		"pipe":  func(path string) error { return exec.Command("mkfifo", path).Run() },
		"link":  func(path string) error { return os.Symlink("/etc/passwd", path) },
		"large": func(path string) error { return os.WriteFile(path, make([]byte, 101), 0o600) },
	} {
		path := filepath.Join(dir, "x")
		if err := errors.Join(RemoveFile(dir, "x"), plant(path)); err != nil {
			t.Fatal(err)
		}
		if data, err := ReadFile(dir, "x", 100); err == nil {
			t.Errorf("%s: read %q", name, data)
		}
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, MissingFile)); err != nil {
		t.Fatal(err)
	}
	if m, err := ReadMissing(dir); err == nil {
		t.Errorf("read %v", m)
	}
}
