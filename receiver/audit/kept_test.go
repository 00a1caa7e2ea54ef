package audit_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/receiver/audit"
)

// shelf keeps a checkpoint in memory.
type shelf struct {
	note []byte
	full bool
}

var errShelf = errors.New("no space left on device")

func (s *shelf) Kept() ([]byte, error) { return s.note, nil }
func (s *shelf) Keep(note []byte) error {
	if s.full {
		return errShelf
	}
	s.note = note
	return nil
}

// TestRolledBackLogIsRefused: an older checkpoint with the tiles that belong to it, which takes no key, is found by the checkpoint that was kept
// elsewhere. Nothing is entered on top of it until a person accepts it, and that is entered.
func TestRolledBackLogIsRefused(t *testing.T) {
	key := merkletest.Key(t, origin)
	store, kept := merkletest.NewStore(), new(shelf)
	log, begun, err := audit.OpenKept(store, key, kept, clock)
	if err != nil || !begun {
		t.Fatal(begun, err)
	}
	for i := range 2 {
		if _, err := log.Append("test", move(i)); err != nil {
			t.Fatal(err)
		}
	}
	older := store.Copy()
	if _, err := log.Append("test", move(2)); err != nil {
		t.Fatal(err)
	}
	if again, _, err := audit.OpenKept(store, key, kept, clock); err != nil || again.Checkpoint().Size != 3 {
		t.Fatalf("the log as it was left: %v", err)
	}
	fork := older.Copy()
	other, _, err := audit.Open(fork, key, clock)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if _, err := other.Append("test", move(7+i)); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		store *merkletest.Store
		want  error
	}{"put back": {older, merkle.ErrTruncated}, "forked": {fork, merkle.ErrForked}, "gone": {merkletest.NewStore(), merkle.ErrEmpty}} {
		t.Run(name, func(t *testing.T) {
			kept := &shelf{note: kept.note}
			was := maps.Clone(c.store.Files)
			if _, _, err := audit.OpenKept(c.store, key, kept, clock); !errors.Is(err, audit.ErrRolledBack) || !errors.Is(err, c.want) {
				t.Errorf("opened: %v", err)
			}
			if !maps.Equal(was, c.store.Files) {
				t.Error("something was written on top of it")
			}
			entry, err := audit.Accept(c.store, key, kept, clock, "root", "from the backup")
			if err != nil || entry.Kept != 3 || entry.Reason != "from the backup" {
				t.Fatalf("accepted: %+v, %v", entry, err)
			}
			var told []*audit.Entry
			s, err := audit.Verify(c.store.FS(), key.Public(), nil, func(_ int64, e *audit.Entry) error {
				told = append(told, e)
				return nil
			})
			last := told[len(told)-1]
			if err != nil || last.Restored == nil || last.By != "root" || last.Restored.Size != entry.Size || s.Restored != 1 {
				t.Errorf("entered: %+v, %v", last, err)
			}
			old, err := merkle.OpenCheckpoint(kept.note, key.Public())
			if err != nil || old.Size != s.Checkpoint.Size {
				t.Errorf("kept now: %d entries, %v", old.Size, err)
			}
			if _, _, err := audit.OpenKept(c.store, key, kept, clock); err != nil {
				t.Errorf("after that: %v", err)
			}
			if entry, err := audit.Accept(c.store, key, kept, clock, "root", "again"); entry != nil || err != nil {
				t.Errorf("accepted without a reason to: %v, %v", entry, err)
			}
		})
	}
	if entry, err := audit.Accept(store, key, &shelf{note: kept.note}, clock, "root", "x"); entry != nil || err != nil {
		t.Errorf("a log that goes on was accepted: %v, %v", entry, err)
	}
	stranger := merkletest.Key(t, origin)
	if _, _, err := audit.OpenKept(merkletest.NewStore(), stranger, kept, clock); !errors.Is(err, audit.ErrRolledBack) || !errors.Is(err, merkle.ErrSigned) {
		t.Errorf("kept of another key: %v", err)
	}
	// A new log with a new key, as somebody wants who begins one, and a file that somebody damaged.
	for name, note := range map[string][]byte{"another key": kept.note, "damaged": []byte("x")} {
		entry, err := audit.Accept(merkletest.NewStore(), stranger, &shelf{note: note}, clock, "root", "a new log")
		if err != nil || entry.Kept != 0 || entry.KeptRoot != "" {
			t.Errorf("%s: %+v, %v", name, entry, err)
		}
	}
	kept.full = true
	if r, err := log.Append("test", move(3)); !errors.Is(err, errShelf) || r.Valid() {
		t.Errorf("a checkpoint that can't be kept: %v", err)
	}
}

// TestFilesBeyondTheCheckpoint: where an older checkpoint was put in the place of a newer one and the tiles were left, they tell; what a program leaves
// that died while it added one entry is said and is no fault.
func TestFilesBeyondTheCheckpoint(t *testing.T) {
	key := merkletest.Key(t, origin)
	for _, size := range []int{1, 200, 255, 256, 300} {
		for more, fine := range map[int]bool{0: true, 1: true, 2: false, 60: false} {
			store := merkletest.NewStore()
			fillWith(t, store, key, size)
			older := store.Copy()
			fillWith(t, store, key, more)
			// All files of the newer log beside those of the older one, under the older checkpoint.
			for name, f := range store.Files {
				if _, there := older.Files[name]; !there {
					older.Files[name] = f
				}
			}
			s, err := audit.Verify(older.FS(), key.Public(), nil, nil)
			if fine != (err == nil) || !fine && (!errors.Is(err, merkle.ErrTruncated) || !strings.Contains(err.Error(), "an older checkpoint was put in place")) {
				t.Errorf("%d entries and files of %d more: %v", size, more, err)
			}
			if s.Beyond != int64(more) {
				t.Errorf("%d entries and files of %d more: %d said", size, more, s.Beyond)
			}
		}
	}
}

// fillWith adds entries one by one.
func fillWith(t testing.TB, store *merkletest.Store, key *merkle.Key, n int) {
	t.Helper()
	log, _, err := audit.Open(store, key, clock)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := log.Append("test", move(i)); err != nil {
			t.Fatal(err)
		}
	}
}
