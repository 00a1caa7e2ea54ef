package merkle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 of the tree (RFC 6962: leaves and nodes are kept apart).
type Hash = tlog.Hash

const (
	// MaxEntry is the most octets of an entry: its length takes two octets in a bundle.
	MaxEntry = 1<<16 - 1

	height  = 8 // of a tile, fixed by the layout
	width   = 1 << height
	levels  = 8 // of tiles in a log of up to 2^63 entries
	maxNote = 16 << 10
	// maxBundle is the most octets of a bundle of entries.
	maxBundle = width * (2 + MaxEntry)

	checkpointFile = "checkpoint"
	pendingFile    = "checkpoint.new" // signed, and about to become the checkpoint
	tileFolder     = "tile"
)

// number writes a tile's number in groups of three digits, all but the last with an x before them.
func number(n int64) string {
	text := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		text = fmt.Sprintf("x%03d/%s", n%1000, text)
	}
	return text
}

// tilePath names the tile of hashes at a level, w wide.
func tilePath(level int, n int64, w int) string {
	return partial(fmt.Sprintf("%s/%d/%s", tileFolder, level, number(n)), w)
}

// bundlePath names the bundle of entries n, which holds w of them.
func bundlePath(n int64, w int) string {
	return partial(tileFolder+"/entries/"+number(n), w)
}

func partial(path string, w int) string {
	if w == width {
		return path
	}
	return fmt.Sprintf("%s.p/%d", path, w)
}

// appendBundle adds one entry to a bundle.
func appendBundle(bundle, entry []byte) []byte {
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(entry)))
	return append(bundle, entry...)
}

// splitBundle gives the w entries of a bundle; there must be no more.
func splitBundle(bundle []byte, w int) ([][]byte, error) {
	entries := make([][]byte, 0, w)
	for range w {
		if len(bundle) < 2 {
			return nil, fmt.Errorf("%w: a bundle ends early", ErrEdited)
		}
		n := int(binary.BigEndian.Uint16(bundle))
		if len(bundle) < 2+n {
			return nil, fmt.Errorf("%w: a bundle ends early", ErrEdited)
		}
		entries, bundle = append(entries, bundle[2:2+n:2+n]), bundle[2+n:]
	}
	if len(bundle) > 0 {
		return nil, fmt.Errorf("%w: a bundle is longer than its %d entries", ErrEdited, w)
	}
	return entries, nil
}

// readFile reads a file of at most limit octets. One that is not there is [ErrTruncated]: names are only ever taken
// from a checkpoint.
func readFile(files fs.FS, name string, limit int) ([]byte, error) {
	f, err := files.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing: %w", ErrTruncated, name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a plain file", ErrEdited, name)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > limit {
		return nil, fmt.Errorf("%w: %s is larger than %d bytes", ErrEdited, name, limit)
	}
	return data, nil
}

// spans gives width and number of the last, perhaps partial, tile of a level in a tree of size entries; a full tile
// is not partial and is not last: w is 0 to 255.
func lastTile(size int64, level int) (n int64, w int) {
	at := size >> (height * level)
	return at >> height, int(at & (width - 1))
}

// readTile reads the tile of hashes, w wide.
func readTile(files fs.FS, level int, n int64, w int) ([]byte, error) {
	path := tilePath(level, n, w)
	data, err := readFile(files, path, width*tlog.HashSize)
	if errors.Is(err, fs.ErrNotExist) && w < width {
		// The log has grown past a partial tile since: the full one begins with it.
		if full, errFull := readFile(files, tilePath(level, n, width), width*tlog.HashSize); errFull == nil {
			return full[:min(len(full), w*tlog.HashSize)], nil
		}
	}
	if err == nil && len(data) != w*tlog.HashSize {
		err = fmt.Errorf("%w: %s has %d bytes, not %d", ErrEdited, path, len(data), w*tlog.HashSize)
	}
	return data, err
}

// readBundle reads the w entries of a bundle.
func readBundle(files fs.FS, n int64, w int) ([][]byte, error) {
	path := bundlePath(n, w)
	data, err := readFile(files, path, maxBundle)
	if err != nil {
		return nil, err
	}
	entries, err := splitBundle(data, w)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return entries, nil
}

// validOrigin: a name of a log is also the name of its key and of a line in a note.
func validOrigin(name string) bool {
	return name != "" && len(name) <= 255 && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r == '+' || r > '~'
	})
}
