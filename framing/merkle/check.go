package merkle

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// Check reads the whole log and believes nothing but the key: every entry is hashed, every tile compared with the
// hashes, and the root with the checkpoint. visit is given each entry; an error of it ends the check. Memory does not grow
// with the log.
//
// The error wraps [ErrEdited], [ErrTruncated] or [ErrSigned], and names the first place that is wrong.
func Check(files fs.FS, key Public, visit func(index int64, entry []byte) error) (Checkpoint, error) {
	at, err := ReadCheckpoint(files, key)
	if err != nil {
		return Checkpoint{}, err
	}
	c := checker{files: files, size: at.Size}
	for n := int64(0); n<<height < at.Size; n++ {
		if err := c.bundle(n, visit); err != nil {
			return at, err
		}
	}
	for level := range levels {
		n, w := lastTile(at.Size, level)
		if w > 0 {
			if err := c.tile(level, n, c.edge.tiles[level]); err != nil {
				return at, err
			}
		}
	}
	if c.edge.root() != at.Root {
		return at, fmt.Errorf("%w: entries and tiles agree, but their root is not the one that was signed", ErrEdited)
	}
	return at, nil
}

type checker struct {
	files fs.FS
	size  int64
	edge  edge
}

// bundle checks up to 256 entries and the tiles that they fill.
func (c *checker) bundle(n int64, visit func(int64, []byte) error) error {
	w := int(min(c.size-n<<height, width))
	entries, err := readBundle(c.files, n, w)
	if err != nil {
		return err
	}
	hashes, err := readTile(c.files, 0, n, w)
	if err != nil {
		return err
	}
	for i, entry := range entries {
		index := n<<height + int64(i)
		leaf := tlog.RecordHash(entry)
		if !bytes.Equal(leaf[:], hashes[i*tlog.HashSize:][:tlog.HashSize]) {
			return fmt.Errorf("entry %d: %w: it is not the one whose hash is in the tree", index, ErrEdited)
		}
		var wrong error
		c.edge.add(leaf, func(level int, n int64, tile []byte) {
			if level > 0 {
				wrong = errors.Join(wrong, c.tile(level, n, tile))
			}
		})
		if wrong != nil {
			return wrong
		}
		if err := visit(index, entry); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	return nil
}

// tile compares a tile on disk with what it must be.
func (c *checker) tile(level int, n int64, want []byte) error {
	w := len(want) / tlog.HashSize
	data, err := readTile(c.files, level, n, w)
	if err != nil {
		return err
	}
	if !bytes.Equal(data, want) {
		return fmt.Errorf("%s: %w: its hashes are not those of the tiles under it", tilePath(level, n, w), ErrEdited)
	}
	return nil
}
