package merkle

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// View is a log at one checkpoint. It reads what it is asked for and proves it against the root: tiles that don't
// bear the root out are an error that wraps [ErrEdited]. Memory does not grow with the log.
type View struct {
	files fs.FS
	at    Checkpoint
}

// OpenView opens the log in files at its checkpoint.
func OpenView(files fs.FS, key Public) (*View, error) {
	at, err := ReadCheckpoint(files, key)
	if err != nil {
		return nil, err
	}
	return &View{files: files, at: at}, nil
}

// Checkpoint is what the view is at.
func (v *View) Checkpoint() Checkpoint { return v.at }

// hashes reads hashes of the tree, proved.
func (v *View) hashes() tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: v.at.Size, Hash: v.at.Root}, tiles{v.files})
}

// tiles gives tlog its tiles.
type tiles struct{ files fs.FS }

func (t tiles) Height() int { return height }

func (t tiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(want))
	for i, tile := range want {
		var err error
		if data[i], err = readTile(t.files, tile.L, tile.N, tile.W); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// proved makes tlog's word for tiles that don't fit the root ours.
func proved(err error) error {
	if errors.Is(err, ErrTruncated) || errors.Is(err, ErrEdited) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrEdited, err)
}

// Prove makes the inclusion proof of entry index.
func (v *View) Prove(index int64) ([]Hash, error) {
	if index < 0 || index >= v.at.Size {
		return nil, fmt.Errorf("prove entry %d: the log has %d", index, v.at.Size)
	}
	proof, err := tlog.ProveRecord(v.at.Size, index, v.hashes())
	if err != nil {
		return nil, fmt.Errorf("prove entry %d: %w", index, proved(err))
	}
	return proof, nil
}

// Includes says whether proof shows that entry is the one at index under the checkpoint.
func (c Checkpoint) Includes(index int64, entry []byte, proof []Hash) bool {
	if index < 0 || index >= c.Size {
		return false
	}
	return tlog.CheckRecord(proof, c.Size, c.Root, index, tlog.RecordHash(entry)) == nil
}

// Extends says whether the view's log goes on from an older checkpoint of it. The error wraps [ErrTruncated] when
// the log is shorter, and [ErrForked] when its first entries are not those that the older one was signed for.
func (v *View) Extends(old Checkpoint) error {
	if old.Size > v.at.Size {
		return fmt.Errorf("%w: it has %d entries, and had %d before", ErrTruncated, v.at.Size, old.Size)
	}
	root, err := v.rootAt(old.Size)
	if err != nil {
		return err
	}
	if root != old.Root {
		return fmt.Errorf("%w: its first %d entries are not those of the older checkpoint", ErrForked, old.Size)
	}
	return nil
}

// rootAt computes the root that the first size entries had.
func (v *View) rootAt(size int64) (Hash, error) {
	if size == 0 {
		return emptyRoot, nil
	}
	root, err := tlog.TreeHash(size, v.hashes())
	if err != nil {
		return Hash{}, fmt.Errorf("root of %d entries: %w", size, proved(err))
	}
	return root, nil
}

// emptyRoot is the root of a tree without entries (RFC 6962).
var emptyRoot = Hash(sha256.Sum256(nil))

// Entries gives the entries from index on, in order, until yield says no. They are read 256 at a time and are not
// proved: use Prove, Proved, or Check for all. An error ends it.
func (v *View) Entries(from int64, yield func(index int64, entry []byte) bool) error {
	return v.entries(from, func(int64, [][]byte) error { return nil }, yield)
}

// Proved is Entries, and proves each 256 against the root before it gives the first of them: what it gives are the entries of the log from
// index on, and all of them if yield never says no. The error wraps [ErrEdited] where they are not.
func (v *View) Proved(from int64, yield func(index int64, entry []byte) bool) error {
	return v.entries(from, v.proveBundle, yield)
}

// proveBundle holds entries against the hashes in the tree, and those against the root.
func (v *View) proveBundle(first int64, entries [][]byte) error {
	places := make([]int64, len(entries))
	for i := range entries {
		places[i] = tlog.StoredHashIndex(0, first+int64(i))
	}
	hashes, err := v.hashes().ReadHashes(places)
	if err != nil {
		return fmt.Errorf("entries from %d on: %w", first, proved(err))
	}
	for i, entry := range entries {
		if tlog.RecordHash(entry) != hashes[i] {
			return fmt.Errorf("entry %d: %w: it is not the one whose hash is in the tree", first+int64(i), ErrEdited)
		}
	}
	return nil
}

// entries reads the entries from index on, 256 at a time, and asks check about those before it gives them.
func (v *View) entries(from int64, check func(first int64, entries [][]byte) error, yield func(index int64, entry []byte) bool) error {
	for at := max(from, 0); at < v.at.Size; {
		n := at >> height
		w := int(min(v.at.Size-n<<height, width))
		bundle, err := v.bundle(n, w)
		if err == nil {
			err = check(n<<height, bundle)
		}
		if err != nil {
			return err
		}
		for ; at < n<<height+int64(w); at++ {
			if !yield(at, bundle[at-n<<height]) {
				return nil
			}
		}
	}
	return nil
}

// bundle reads w entries of a bundle; a log that has grown since the view's checkpoint may have the full bundle only.
func (v *View) bundle(n int64, w int) ([][]byte, error) {
	entries, err := readBundle(v.files, n, w)
	if errors.Is(err, fs.ErrNotExist) && w < width {
		if full, errFull := readBundle(v.files, n, width); errFull == nil {
			return full[:w], nil
		}
	}
	return entries, err
}
