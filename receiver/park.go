package receiver

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/cespare/xxhash/v2"
	"go.uber.org/zap"
)

// A block that lacks symbols and for which there is no memory left is parked in the transfer's folder, so that a later pass
// adds to it: its source symbols in their place in the object's file, its repair symbols in <object>.repair, and in
// <object>.parked a record that says which are there:
//
//	XXH64 of bitmap and symbols, 8 octets | bitmap of K+R bits, in words of 8 octets
//
// A record of zeros says that nothing is parked. A block whose hash is wrong, because the machine stopped half way, was
// never parked.

// parkedName and repairName are the files beside an object's own.
func parkedName(o *object) string { return o.fileName() + ".parked" }
func repairName(o *object) string { return o.fileName() + ".repair" }

// parkedSize is the size of an object's parking records.
func parkedSize(o *object) int64 {
	return 8 + int64(len(newBitset(uint32(o.part.K(0))+uint32(o.geometry.R))))*8
}

// parkBlock writes an open block to the disk and gives its memory back. What can't be written is forgotten and counted:
// the block is then as short as if the symbols had not come.
func (r *Receiver) parkBlock(b *block) {
	o := b.object
	r.recency.remove(b)
	delete(o.open, b.number)
	if err := writeParked(b); err != nil {
		o.parked.clear(b.number)
		r.forgotten += uint64(b.count())
		r.log.Error("symbols of a short block could not be kept", zap.Stringer("transfer", o.transfer.id), zap.Uint32("block", b.number), zap.Error(err))
	} else {
		o.parked.set(b.number)
		r.parkings++
	}
	r.pool.put(b.buf)
}

// writeParked writes the symbols, then the record.
func writeParked(b *block) error {
	o := b.object
	content, err := o.transfer.lockedFile(o.fileName())
	if err != nil {
		return err
	}
	err = b.have.runs(uint32(b.k), func(first, end uint32) error {
		offset, data := b.place(int(first), int(end))
		_, err := content.WriteAt(data, offset)
		return err
	})
	if err != nil {
		return err
	}
	if b.repair > 0 {
		repair, err := o.transfer.lockedFile(repairName(o))
		if err != nil {
			return err
		}
		if err := b.eachRepair(func(offset int64, data []byte) error { _, err := repair.WriteAt(data, offset); return err }); err != nil {
			return err
		}
	}
	parked, err := o.transfer.lockedFile(parkedName(o))
	if err != nil {
		return err
	}
	record := make([]byte, parkedSize(o))
	for i, w := range b.have {
		binary.BigEndian.PutUint64(record[8+8*i:], w)
	}
	binary.BigEndian.PutUint64(record, b.hash())
	_, err = parked.WriteAt(record, int64(b.number)*int64(len(record)))
	return err
}

// unpark reads a parked block's symbols into b. A block that is not as it was parked is left empty.
func (r *Receiver) unpark(b *block) {
	o := b.object
	o.parked.clear(b.number)
	err := readParked(b)
	if err == nil {
		return
	}
	r.forgotten += uint64(b.count())
	clear(b.have)
	b.source, b.repair = 0, 0
	if !errors.Is(err, errNotParked) {
		r.log.Error("symbols of a short block could not be read back", zap.Stringer("transfer", o.transfer.id), zap.Uint32("block", b.number), zap.Error(err))
	}
}

// errNotParked says that a record or its symbols are not what was parked.
var errNotParked = errors.New("block is not parked")

// readRecord reads which symbols of a block are parked, and the hash over them.
func readRecord(o *object, number uint32) (have bitset, hash uint64, err error) {
	parked, err := o.transfer.lockedFile(parkedName(o))
	if err != nil {
		return nil, 0, err
	}
	record := make([]byte, parkedSize(o))
	if _, err := parked.ReadAt(record, int64(number)*int64(len(record))); err == io.EOF {
		return nil, 0, errNotParked
	} else if err != nil {
		return nil, 0, err
	}
	n := uint32(o.part.K(number)) + uint32(o.geometry.R)
	have = newBitset(n)
	for i := range have {
		have[i] = binary.BigEndian.Uint64(record[8+8*i:])
	}
	if spare := n % 64; spare != 0 && have[len(have)-1]>>spare != 0 {
		return nil, 0, errNotParked
	}
	return have, binary.BigEndian.Uint64(record), nil
}

func readParked(b *block) error {
	o := b.object
	have, hash, err := readRecord(o, b.number)
	if err != nil {
		return err
	}
	b.have = have
	for i := range b.n {
		if !have.has(uint32(i)) {
			continue
		}
		if i < b.k {
			b.source++
		} else {
			b.repair++
		}
	}
	content, err := o.transfer.lockedFile(o.fileName())
	if err != nil {
		return err
	}
	err = have.runs(uint32(b.k), func(first, end uint32) error {
		offset, data := b.place(int(first), int(end))
		clear(b.buf[int(offset-int64(o.part.Offset(b.number)))+len(data) : int(end)*o.geometry.SymbolSize]) // padding is not in the file
		return readFull(content, data, offset)
	})
	if err != nil {
		return err
	}
	if b.repair > 0 {
		repair, err := o.transfer.lockedFile(repairName(o))
		if err != nil {
			return err
		}
		if err := b.eachRepair(func(offset int64, data []byte) error { return readFull(repair, data, offset) }); err != nil {
			return err
		}
	}
	if b.count() >= b.k || b.hash() != hash {
		return errNotParked
	}
	return nil
}

// readFull reads all of data; a file that ends before it does not hold what was parked.
func readFull(f *os.File, data []byte, offset int64) error {
	_, err := f.ReadAt(data, offset)
	if err == io.EOF {
		return errNotParked
	}
	return err
}

// place returns where source symbols first to end-1 lie in the object's file, and their octets without padding.
func (b *block) place(first, end int) (offset int64, data []byte) {
	o := b.object
	t := o.geometry.SymbolSize
	last := min(end*t, int(o.part.Size(b.number)))
	return int64(o.part.Offset(b.number)) + int64(first*t), b.buf[first*t : last]
}

// eachRepair calls visit for each repair symbol in place with its offset in the repair file.
func (b *block) eachRepair(visit func(offset int64, data []byte) error) error {
	t, r := int64(b.object.geometry.SymbolSize), int64(b.object.geometry.R)
	for esi := b.k; esi < b.n; esi++ {
		if !b.have.has(uint32(esi)) {
			continue
		}
		if err := visit((int64(b.number)*r+int64(esi-b.k))*t, b.slot(esi)); err != nil {
			return err
		}
	}
	return nil
}

// hash is the XXH64 over the bitmap and the symbols in place, source symbols without padding.
func (b *block) hash() uint64 {
	d := xxhash.New()
	var word [8]byte
	for _, w := range b.have {
		binary.BigEndian.PutUint64(word[:], w)
		_, _ = d.Write(word[:])
	}
	_ = b.have.runs(uint32(b.k), func(first, end uint32) error {
		_, data := b.place(int(first), int(end))
		_, err := d.Write(data)
		return err
	})
	_ = b.eachRepair(func(_ int64, data []byte) error { _, err := d.Write(data); return err })
	return d.Sum64()
}
