package sender

import (
	"encoding/binary"
	"hash/maphash"
	"io/fs"
	"path/filepath"
	"time"
)

// settling is an entry of an outbox that may still be being written.
type settling struct {
	print uint64    // of everything in it
	since time.Time // when it was first seen so
}

// observe notes what the entry looks like now and says whether it has looked so for quiet.
func (s *settling) observe(now time.Time, print uint64, quiet time.Duration) bool {
	if s.since.IsZero() || s.print != print {
		s.print, s.since = print, now
	}
	return now.Sub(s.since) >= quiet
}

// printer takes the fingerprint of whole entries: paths, kinds, sizes, times and inodes. A
// write that leaves all of these alone is not seen, here as in any other program.
type printer struct {
	seed maphash.Seed
}

// print is the fingerprint of the entry at path. What vanishes meanwhile counts as changed.
func (p printer) print(path string) (uint64, error) {
	var h maphash.Hash
	h.SetSeed(p.seed)
	var numbers [5]uint64
	err := filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		id := identify(info)
		numbers = [5]uint64{id.size, uint64(id.mtime), id.inode, uint64(id.change), uint64(info.Mode())}
		h.WriteString(path)
		h.WriteByte(0)
		return binary.Write(&h, binary.NativeEndian, &numbers)
	})
	return h.Sum64(), err
}
