package merkle

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// Store is a folder that a log is written to. hw/disk.Folder is one.
type Store interface {
	// FS reads the folder.
	FS() fs.FS
	// Put makes a file with these bytes, in place of one that is there. When it returns nil, file and name last;
	// a reader sees the old bytes or the new, also after a crash.
	Put(name string, data []byte) error
	// Rename renames a file in place of another, in one step. When it returns nil, that lasts.
	Rename(from, to string) error
	// Remove removes a file; it need not last.
	Remove(name string) error
	// Lock takes the folder's one lock until unlock is called, and waits a little for it.
	Lock() (unlock func(), err error)
}

// Writer adds entries to a log. Several programs may each have a Writer of one folder: they take turns, and each
// looks what the others did. It is not for concurrent use.
//
//	tiles and entries ─> checkpoint.new ─> checkpoint
//	     Put, Put ...        Put             Rename
//
// The new tiles lie beside the old ones, and nothing speaks of them until the checkpoint does. It is signed and on
// disk under the name checkpoint.new before anybody can read it as the checkpoint; if it is found there after a
// crash it becomes the checkpoint. So no checkpoint that was ever read is forgotten, and no size is signed twice
// with different roots where one of them was read.
type Writer struct {
	store Store
	key   *Key

	edge   *edge // nil: read again what is on disk
	at     Checkpoint
	bundle []byte // entries of the last, partial bundle
}

// NewWriter opens the log in a folder, or begins one in an empty folder. It says whether it is new. Errors are those
// of Append.
func NewWriter(store Store, key *Key) (w *Writer, begun bool, err error) {
	w = &Writer{store: store, key: key}
	unlock, err := store.Lock()
	if err != nil {
		return nil, false, fmt.Errorf("open log: %w", err)
	}
	defer unlock()
	if err = w.load(); errors.Is(err, ErrEmpty) {
		begun, err = true, w.begin()
	}
	if err != nil {
		return nil, false, fmt.Errorf("open log: %w", err)
	}
	return w, begun, nil
}

// begin writes the checkpoint of no entries.
func (w *Writer) begin() error {
	first, err := sign(w.key, 0, emptyRoot)
	if err != nil {
		return err
	}
	if err := w.store.Put(checkpointFile, first.note); err != nil {
		return err
	}
	w.at, w.edge, w.bundle = first, &edge{}, nil
	return nil
}

// Checkpoint is the last one that this writer read or wrote.
func (w *Writer) Checkpoint() Checkpoint { return w.at }

// Append adds entries, all or none, and gives the index of the first. When it returns nil they are on disk and under a
// signed checkpoint. After an error they may be there all the same, for a crash after the signature could not be told
// from it; the log is sound in any case, and the next Append goes on from what is on disk.
//
// The error wraps [ErrSize] for an entry that is empty or too large; [ErrForked] and [ErrTruncated] when what is on disk is not what
// this writer left there or goes on from it; [ErrEdited] and [ErrSigned] when it is damaged or another key's. All others are the store's: a
// full disk, a lock that somebody keeps.
func (w *Writer) Append(entries ...[]byte) (first int64, err error) {
	for _, entry := range entries {
		if len(entry) == 0 || len(entry) > MaxEntry {
			return 0, fmt.Errorf("append to log: %w: %d bytes, not 1 to %d", ErrSize, len(entry), MaxEntry)
		}
	}
	unlock, err := w.store.Lock()
	if err != nil {
		return 0, fmt.Errorf("append to log: %w", err)
	}
	defer unlock()
	err = w.load()
	if err == nil {
		first = w.at.Size
		err = w.append(entries)
	}
	if err != nil {
		w.edge = nil
		return 0, fmt.Errorf("append to log: %w", err)
	}
	return first, nil
}

// append writes the tiles that change, the new checkpoint, and clears the tiles that it made stale.
func (w *Writer) append(entries [][]byte) error {
	next, bundle := w.edge.clone(), bytes.Clone(w.bundle)
	var failed error
	put := func(path string, data []byte) {
		if failed == nil {
			failed = w.store.Put(path, data)
		}
	}
	for _, entry := range entries {
		bundle = appendBundle(bundle, entry)
		next.add(tlog.RecordHash(entry), func(level int, n int64, tile []byte) {
			if level == 0 {
				put(bundlePath(n, width), bundle)
				bundle = nil
			}
			put(tilePath(level, n, width), tile)
		})
	}
	for level := range levels {
		n, k := lastTile(next.size, level)
		if was, before := lastTile(w.edge.size, level); k == 0 || was == n && before == k {
			continue
		}
		if level == 0 {
			put(bundlePath(n, k), bundle)
		}
		put(tilePath(level, n, k), next.tiles[level])
	}
	if failed != nil {
		return failed
	}
	at, err := sign(w.key, next.size, next.root())
	if err != nil {
		return err
	}
	if err := w.store.Put(pendingFile, at.note); err != nil {
		return err
	}
	if err := w.store.Rename(pendingFile, checkpointFile); err != nil {
		return err
	}
	old := w.edge.size
	w.at, w.edge, w.bundle = at, next, bundle
	w.clear(old)
	return nil
}

// clear removes the partial tiles of the tree before: the layout has them for the newest checkpoint only. What can't
// be removed does no harm.
func (w *Writer) clear(old int64) {
	for level := range levels {
		n, k := lastTile(old, level)
		if now, still := lastTile(w.at.Size, level); k == 0 || now == n && still == k {
			continue
		}
		_ = w.store.Remove(tilePath(level, n, k))
		if level == 0 {
			_ = w.store.Remove(bundlePath(n, k))
		}
	}
}

// load makes the writer stand on what is on disk. The lock is held.
func (w *Writer) load() error {
	files := w.store.FS()
	signed, err := readFile(files, checkpointFile, maxNote)
	if err == nil && w.edge != nil && bytes.Equal(signed, w.at.note) {
		// Ours, and nobody was here since. A checkpoint.new can only be that of our own failed append, after which edge is nil.
		return nil
	}
	at, err := ReadCheckpoint(files, w.key.public)
	if err != nil {
		return err
	}
	if w.at.note != nil {
		if err := (&View{files: files, at: at}).Extends(w.at); err != nil {
			return err
		}
	}
	w.edge = nil
	if err := w.stand(at); err != nil {
		return err
	}
	return w.settle()
}

// stand reads what is needed to go on from a checkpoint, and proves it.
func (w *Writer) stand(at Checkpoint) error {
	files := w.store.FS()
	e, err := edgeAt(files, at)
	if err != nil {
		return err
	}
	var bundle []byte
	if n, k := lastTile(at.Size, 0); k > 0 {
		entries, err := readBundle(files, n, k)
		if err != nil {
			return err
		}
		for i, entry := range entries {
			if tlog.RecordHash(entry) != Hash(e.tiles[0][i*tlog.HashSize:]) {
				return fmt.Errorf("entry %d: %w", n<<height+int64(i), ErrEdited)
			}
			bundle = appendBundle(bundle, entry)
		}
	}
	w.at, w.edge, w.bundle = at, e, bundle
	return nil
}

// settle looks for a checkpoint that was signed and not shown: everything under it is on disk, so it is shown now. What
// a crash left half-written there is removed.
func (w *Writer) settle() error {
	files := w.store.FS()
	signed, err := readFile(files, pendingFile, maxNote)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	next, err := OpenCheckpoint(signed, w.key.public)
	if err != nil || next.Size <= w.at.Size {
		return w.store.Remove(pendingFile)
	}
	view := &View{files: files, at: next}
	if err := view.Extends(w.at); err != nil {
		return fmt.Errorf("%s: %w", pendingFile, err)
	}
	if err := w.stand(next); err != nil {
		return fmt.Errorf("%s: %w", pendingFile, err)
	}
	return w.store.Rename(pendingFile, checkpointFile)
}
