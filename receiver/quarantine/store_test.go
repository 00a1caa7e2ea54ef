package quarantine

import (
	"errors"
	"io/fs"
	"os"
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
	if len(entries) != len(States()) {
		t.Fatalf("%d entries, want one folder for each of the %d states", len(entries), len(States()))
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
