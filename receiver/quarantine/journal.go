package quarantine

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// recordSize is the size of one journal record in octets: a power of two, so that no record crosses a disk sector and a
// torn write damages one record only.
const recordSize = 32

// Kinds of journal record.
const (
	recordGeometry = 1 // an object's geometry, before its first block
	recordBlock    = 2 // a source block was written
	recordSync     = 3 // the blocks named before a given offset of the journal are on stable storage
)

// Geometry is how an object (plan, content or proof) is cut into source blocks and symbols. It is the same in every packet
// of an object; with it RFC 5052's block partition places each block.
type Geometry struct {
	Object     uint8  // framing.Object
	Code       uint8  // fec.Code
	SymbolSize int    // T, octets
	Length     uint64 // object length, octets
	MaxK       uint16 // B of RFC 5052, symbols
	R          uint16 // repair symbols per block
}

// WrittenBlock is one source block that was written to its place in the object's file.
type WrittenBlock struct {
	Object uint8
	Block  uint32 // SBN
	Hash   uint64 // XXH64 of the block's octets in the object (without padding)
	Synced bool   // a sync record covers it: it is on stable storage and need not be hashed again
	at     uint64 // offset of its record in the journal
}

// Journal is the append-only list of what was written to a transfer's folder: geometry of each object, then each block
// with its XXH64, then marks that say up to where the files were synced. It is written without waiting for the disk: a
// record that got there before its block did is found out by the hash, and only blocks without a sync mark are hashed
// again after a crash. Safe for concurrent use.
type Journal struct {
	mu   sync.Mutex
	file *os.File
	size int64
	buf  [recordSize]byte
}

// OpenJournal opens or makes the journal in a transfer's folder and returns what it already says. A torn or damaged tail is
// cut off; what stood before it is returned.
func OpenJournal(dir string) (*Journal, []Geometry, []WrittenBlock, error) {
	path := filepath.Join(dir, JournalFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, FileMode)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("open journal: %w", err)
	}
	geometries, blocks, good, err := readJournal(f)
	if err == nil {
		err = f.Truncate(good)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, nil, fmt.Errorf("read journal %s: %w", path, err)
	}
	return &Journal{file: f, size: good}, geometries, blocks, nil
}

// readJournal returns the records up to the first that is torn or damaged, and the offset where that one begins.
func readJournal(r io.Reader) (geometries []Geometry, blocks []WrittenBlock, good int64, err error) {
	buf := make([]byte, 1024*recordSize)
	synced := 0 // blocks[:synced] have a sync mark
	for {
		n, err := io.ReadFull(r, buf)
		for at := 0; at+recordSize <= n; at += recordSize {
			rec := buf[at : at+recordSize]
			if binary.BigEndian.Uint64(rec[24:]) != xxhash.Sum64(rec[:24]) {
				return geometries, blocks, good, nil
			}
			switch rec[0] {
			case recordGeometry:
				geometries = append(geometries, Geometry{
					Object: rec[1], Code: rec[2], SymbolSize: int(binary.BigEndian.Uint32(rec[4:])),
					Length: binary.BigEndian.Uint64(rec[8:]), MaxK: binary.BigEndian.Uint16(rec[16:]), R: binary.BigEndian.Uint16(rec[18:]),
				})
				blocks, synced = dropObject(blocks, rec[1], synced)
			case recordBlock:
				blocks = append(blocks, WrittenBlock{
					Object: rec[1], Block: binary.BigEndian.Uint32(rec[4:]), Hash: binary.BigEndian.Uint64(rec[8:]), at: uint64(good),
				})
			case recordSync:
				for upTo := binary.BigEndian.Uint64(rec[8:]); synced < len(blocks) && blocks[synced].at < upTo; synced++ {
					blocks[synced].Synced = true
				}
			default:
				return geometries, blocks, good, nil
			}
			good += recordSize
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return geometries, blocks, good, nil
		}
		if err != nil {
			return nil, nil, 0, err
		}
	}
}

// dropObject forgets the blocks of an object whose geometry is declared anew: the object was begun again.
func dropObject(blocks []WrittenBlock, object uint8, synced int) ([]WrittenBlock, int) {
	kept := blocks[:0]
	for i, b := range blocks {
		if b.Object == object {
			if i < synced {
				synced--
			}
			continue
		}
		kept = append(kept, b)
	}
	return kept, synced
}

// Geometry notes an object's geometry; blocks of that object noted earlier no longer count.
func (j *Journal) Geometry(g Geometry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	rec := j.record(recordGeometry, g.Object)
	rec[2] = g.Code
	binary.BigEndian.PutUint32(rec[4:], uint32(g.SymbolSize))
	binary.BigEndian.PutUint64(rec[8:], g.Length)
	binary.BigEndian.PutUint16(rec[16:], g.MaxK)
	binary.BigEndian.PutUint16(rec[18:], g.R)
	return j.append(rec)
}

// Block notes a block that was written.
func (j *Journal) Block(object uint8, block uint32, hash uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	rec := j.record(recordBlock, object)
	binary.BigEndian.PutUint32(rec[4:], block)
	binary.BigEndian.PutUint64(rec[8:], hash)
	return j.append(rec)
}

// Sync runs flush, which must bring every object's file of this transfer to stable storage, and then marks the blocks that
// were noted before flush began. Blocks noted while flush runs wait for the next mark.
func (j *Journal) Sync(flush func() error) error {
	j.mu.Lock()
	before := j.size
	j.mu.Unlock()
	if err := flush(); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	rec := j.record(recordSync, 0)
	binary.BigEndian.PutUint64(rec[8:], uint64(before))
	return j.append(rec)
}

// Close closes the journal's file.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.file.Close()
}

// record returns the cleared record buffer with its first two octets set.
func (j *Journal) record(kind, object uint8) []byte {
	clear(j.buf[:])
	j.buf[0], j.buf[1] = kind, object
	return j.buf[:]
}

// append writes one record at the end.
func (j *Journal) append(rec []byte) error {
	binary.BigEndian.PutUint64(rec[24:], xxhash.Sum64(rec[:24]))
	if _, err := j.file.WriteAt(rec, j.size); err != nil {
		return fmt.Errorf("append to journal: %w", err)
	}
	j.size += recordSize
	return nil
}
