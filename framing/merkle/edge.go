package merkle

import (
	"bytes"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// edge is the right side of the tree: the hashes of the last, partial tile of each level. With it entries are added
// and the root is known without reading anything else; it is at most 8 x 255 hashes.
type edge struct {
	size  int64
	tiles [levels][]byte
}

// readEdge reads the edge of a tree of size entries.
func readEdge(files fs.FS, size int64) (*edge, error) {
	e := &edge{size: size}
	for level := range levels {
		n, w := lastTile(size, level)
		if w == 0 {
			continue
		}
		data, err := readTile(files, level, n, w)
		if err != nil {
			return nil, err
		}
		e.tiles[level] = bytes.Clone(data)
	}
	return e, nil
}

func (e *edge) clone() *edge {
	c := *e
	for level := range c.tiles {
		c.tiles[level] = bytes.Clone(c.tiles[level])
	}
	return &c
}

// add adds the hash of one entry; full is told of each tile that is full by it.
func (e *edge) add(leaf Hash, full func(level int, n int64, tile []byte)) {
	e.size++
	for level := range levels {
		tile := append(e.tiles[level], leaf[:]...)
		if len(tile) < width*tlog.HashSize {
			e.tiles[level] = tile
			return
		}
		full(level, e.size>>(height*(level+1))-1, tile)
		leaf = subtree(tile)
		e.tiles[level] = nil
	}
}

// subtree is the root of a power of two of hashes.
func subtree(hashes []byte) Hash {
	if len(hashes) == tlog.HashSize {
		return Hash(hashes)
	}
	half := len(hashes) / 2
	return tlog.NodeHash(subtree(hashes[:half]), subtree(hashes[half:]))
}

// root folds the edge. Of each tile the hashes make complete subtrees, one for each bit of its width.
func (e *edge) root() Hash {
	if e.size == 0 {
		return emptyRoot
	}
	var whole []Hash // complete subtrees, the largest first
	for level := levels - 1; level >= 0; level-- {
		tile := e.tiles[level]
		for n := width / 2; n > 0; n /= 2 {
			if len(tile)/tlog.HashSize&n != 0 {
				// The wider ones of this tile come first, and lie to the left.
				at := len(tile) / tlog.HashSize &^ (2*n - 1) * tlog.HashSize
				whole = append(whole, subtree(tile[at:at+n*tlog.HashSize]))
			}
		}
	}
	root := whole[len(whole)-1]
	for i := len(whole) - 2; i >= 0; i-- {
		root = tlog.NodeHash(whole[i], root)
	}
	return root
}

// edgeAt reads the edge that a checkpoint was signed for.
func edgeAt(files fs.FS, at Checkpoint) (*edge, error) {
	e, err := readEdge(files, at.Size)
	if err != nil {
		return nil, err
	}
	if e.root() != at.Root {
		return nil, fmt.Errorf("%w: the tiles of %d entries don't make the root of the checkpoint", ErrEdited, at.Size)
	}
	return e, nil
}
