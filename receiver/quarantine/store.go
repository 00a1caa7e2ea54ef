// Package quarantine keeps transfers on the high side until they are released or rejected.
//
//	incoming ─┬─> complete ──> checking ──> held ──> checking ...
//	          │       ^           ├───────> released
//	          └> incomplete       └───────> rejected <── held
//
// A transfer is one folder, named by its [ID]; its state is the folder which that lies in; a
// change of state is one rename inside one file system. Rename is the transaction that file
// systems promise, so a transfer is in exactly one state at any instant, also after a
// crash, and ls is the debugger.
//
// Two programs share a quarantine: pawl-receive owns incoming and incomplete and renames to
// complete, pawl-release owns everything after. Names in a state folder that are not ids are
// reported by [Store.Foreign] and never touched.
package quarantine

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The files in a transfer's folder.
const (
	PlanFile    = "plan"          // the plan object as it came
	ContentFile = "content"       // the content object: the files' bytes in plan order; absent when there are none
	ProofFile   = "proof"         // the proof object as it came
	JournalFile = "journal"       // which blocks of the content are synced; of pawl-receive
	NoteFile    = "transfer.json" // what pawl-receive knows about the arrival
	MissingFile = "missing.json"  // which blocks are missing; of pawl-receive
	HistoryFile = "history.jsonl" // one line for each change of state
)

var (
	// ErrMove is wrapped by errors for a move that the table of states does not have.
	ErrMove = errors.New("no such move")
	// ErrFileSystem is wrapped by Open when a transfer can't be renamed between two states.
	ErrFileSystem = errors.New("state folders are not one file system")
	// ErrShared is wrapped by Open when the root is a group's and what is in it is not.
	ErrShared = errors.New("the group that shares the quarantine can't write there")
)

// Modes of what is made in a quarantine, less the umask. The root's own mode says who gets in: 0700 where Open makes it. Where two users
// share one, as pawl-receive and pawl-release should, it is a group's with mode 2770, and both have the umask 0007 (docs/operations.md).
const (
	FolderMode fs.FileMode = 0o770
	FileMode   fs.FileMode = 0o660
)

// ownPrefix begins the names of this package's own passing files.
const ownPrefix = ".pawl-"

// Store is a quarantine folder. It keeps no memory of what is in it, so that two programs
// can work on one, and is safe for concurrent use.
type Store struct {
	root string
}

// Open makes root (mode 0700) and the state folders where they are absent, and tries that a
// folder can be renamed through all of them: an error that wraps [ErrFileSystem] tells of
// mounts that would break every later move, one that wraps [ErrShared] of modes that would.
func Open(root string) (*Store, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open quarantine: %w", err)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("open quarantine: %w", err)
	}
	s := &Store{root: root}
	for _, st := range States() {
		if err := os.Mkdir(s.folder(st), FolderMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("open quarantine: %w", err)
		}
		info, err := os.Lstat(s.folder(st))
		if err != nil {
			return nil, fmt.Errorf("open quarantine: %w", err)
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("open quarantine: %s is not a folder", s.folder(st))
		}
	}
	if err := os.Mkdir(filepath.Join(root, situationFolder), FolderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("open quarantine: %w", err)
	}
	if err := syncDir(root); err != nil {
		return nil, fmt.Errorf("open quarantine: %w", err)
	}
	if err := s.tryRenames(); err != nil {
		return nil, fmt.Errorf("open quarantine: %w", err)
	}
	return s, nil
}

// View opens a quarantine that is there, to read in it, or to work in it as somebody who may not make or try anything more: nothing is made or
// tried. The error wraps [fs.ErrNotExist] when there is none.
func View(root string) (*Store, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open quarantine: %w", err)
	}
	s := &Store{root: root}
	for _, st := range States() {
		if _, err := os.Stat(s.folder(st)); err != nil {
			return nil, fmt.Errorf("open quarantine: %w", err)
		}
	}
	return s, nil
}

// tryRenames carries an empty folder through the states. Comparing device numbers would
// miss bind mounts of one file system, between which rename fails all the same.
func (s *Store) tryRenames() error {
	probe := filepath.Join(s.root, ownPrefix+"probe-"+rand.Text())
	if err := os.Mkdir(probe, FolderMode); err != nil {
		return err
	}
	if err := s.tryShared(probe); err != nil {
		return errors.Join(err, os.Remove(probe))
	}
	for _, st := range States() {
		next := filepath.Join(s.folder(st), filepath.Base(probe))
		if err := os.Rename(probe, next); err != nil {
			os.Remove(probe)
			return fmt.Errorf("%w: %w", ErrFileSystem, err)
		}
		probe = next
	}
	return os.Remove(probe)
}

// tryShared sees that whoever shares the root can move what this program makes. That of another user is asked of by that user's program.
func (s *Store) tryShared(probe string) error {
	const group = 0o070
	root, err := os.Stat(s.root)
	if err != nil || root.Mode()&group != group {
		return err
	}
	if made, err := os.Stat(probe); err != nil || made.Mode()&group != group {
		return errors.Join(err, fmt.Errorf("%w: this program's umask takes it away: set the umask 0007 (UMask=0007 in the unit)", ErrShared))
	}
	for _, st := range States() {
		if info, err := os.Stat(s.folder(st)); err != nil || info.Mode()&group != group {
			return errors.Join(err, fmt.Errorf("%w: run chmod g+rwx %q", ErrShared, s.folder(st)))
		}
	}
	return nil
}

// Arrivals are the folders that pawl-receive works in: the states of which it moves transfers, and where it says what it hears. Whoever takes it over must
// find no other that it can write to.
func (s *Store) Arrivals() []string {
	return []string{s.folder(Incoming), s.folder(Incomplete), s.folder(Complete), filepath.Join(s.root, situationFolder)}
}

func (s *Store) folder(st State) string { return filepath.Join(s.root, string(st)) }

// Folder is the path of a state's folder: what to watch for arrivals.
func (s *Store) Folder(st State) string { return s.folder(st) }

// Dir is the path that transfer id has, or would have, in state st.
func (s *Store) Dir(st State, id ID) string { return filepath.Join(s.folder(st), id.String()) }

// Create makes the folder of a new transfer in incoming and gives its path; the entry is on
// disk when Create returns. The error wraps [fs.ErrExist] when the transfer is known in any
// state: a recording played again can't bring back what was rejected.
func (s *Store) Create(id ID) (string, error) {
	if !id.Valid() {
		return "", fmt.Errorf("create transfer %s: %w", id, ErrID)
	}
	st, err := s.Find(id)
	if err == nil {
		return "", fmt.Errorf("create transfer %s: is %s: %w", id, st, fs.ErrExist)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("create transfer %s: %w", id, err)
	}
	dir := s.Dir(Incoming, id)
	if err := os.Mkdir(dir, FolderMode); err != nil {
		return "", fmt.Errorf("create transfer %s: %w", id, err)
	}
	if err := syncDir(s.folder(Incoming)); err != nil {
		return "", fmt.Errorf("create transfer %s: %w", id, err)
	}
	return dir, nil
}

// Move changes a transfer's state with one rename and syncs both state folders. The error
// wraps [ErrMove] for a move that is not in the table, [fs.ErrNotExist] when id is not in
// from, and [fs.ErrExist] when to has one of that name already.
//
// When only the sync failed, the move has happened and the error is the sync's: the caller
// must not act on it as if it would last.
func (s *Store) Move(id ID, from, to State) error {
	if !CanMove(from, to) {
		return fmt.Errorf("move transfer %s from %s to %s: %w", id, from, to, ErrMove)
	}
	// Rename replaces an empty folder without a word, so its absence is asked for. Only one
	// program moves transfers into a state, and it holds the transfer's lock.
	if _, err := os.Lstat(s.Dir(to, id)); err == nil {
		return fmt.Errorf("move transfer %s from %s to %s: %w", id, from, to, fs.ErrExist)
	}
	if err := os.Rename(s.Dir(from, id), s.Dir(to, id)); err != nil {
		return fmt.Errorf("move transfer %s: %w", id, err)
	}
	// The new place first: a crash between the two may show both, never neither.
	if err := errors.Join(syncDir(s.folder(to)), syncDir(s.folder(from))); err != nil {
		return fmt.Errorf("move transfer %s: sync: %w", id, err)
	}
	return nil
}

// Find tells the state of a transfer; the error wraps [fs.ErrNotExist] when it has none.
func (s *Store) Find(id ID) (State, error) {
	// Twice: a move against the order of States can slip past one look.
	for range 2 {
		for _, st := range States() {
			info, err := os.Lstat(s.Dir(st, id))
			if err == nil && info.IsDir() {
				return st, nil
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("find transfer %s: %w", id, err)
			}
		}
	}
	return "", fmt.Errorf("find transfer %s: %w", id, fs.ErrNotExist)
}

// List names the transfers in a state, by channel as text and then by number.
func (s *Store) List(st State) ([]ID, error) {
	ids, _, err := s.read(st)
	return ids, err
}

// Foreign names what lies in a state's folder and is not a transfer. It is not ours: it is
// reported and left alone.
func (s *Store) Foreign(st State) ([]string, error) {
	_, names, err := s.read(st)
	return names, err
}

func (s *Store) read(st State) (ids []ID, foreign []string, err error) {
	if !st.Valid() {
		return nil, nil, fmt.Errorf("list transfers: %q is not a state", string(st))
	}
	entries, err := os.ReadDir(s.folder(st))
	if err != nil {
		return nil, nil, fmt.Errorf("list transfers: %w", err)
	}
	for _, entry := range entries {
		id, err := ParseID(entry.Name())
		switch {
		case err == nil && entry.IsDir():
			ids = append(ids, id)
		case !strings.HasPrefix(entry.Name(), ownPrefix+"probe-"):
			foreign = append(foreign, entry.Name())
		}
	}
	return ids, foreign, nil
}
