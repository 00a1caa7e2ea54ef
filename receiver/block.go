package receiver

import "math/bits"

// block is a source block that is being received: K source slots, then R repair slots, T octets each, in one buffer, so
// that the source symbols lie as they will in the file. A symbol is opened straight into its slot.
type block struct {
	object     *object
	number     uint32 // SBN
	k, n       int    // source symbols; all symbols
	buf        []byte
	have       bitset
	source     int // source symbols in place
	repair     int // repair symbols in place
	prev, next *block
}

// count is how many symbols are in place.
func (b *block) count() int { return b.source + b.repair }

// slot is the place of an encoding symbol.
func (b *block) slot(esi int) []byte {
	t := b.object.geometry.SymbolSize
	return b.buf[esi*t : (esi+1)*t : (esi+1)*t]
}

// mark enters a symbol that was put into its slot.
func (b *block) mark(esi int) {
	b.have.set(uint32(esi))
	if esi < b.k {
		b.source++
	} else {
		b.repair++
	}
}

// recency is the list of open blocks, the one touched longest ago first: when memory runs short that one is parked.
type recency struct {
	root block // sentinel of a ring
}

func (l *recency) init() { l.root.prev, l.root.next = &l.root, &l.root }

func (l *recency) pushBack(b *block) {
	b.prev, b.next = l.root.prev, &l.root
	b.prev.next, b.next.prev = b, b
}

func (l *recency) remove(b *block) {
	b.prev.next, b.next.prev = b.next, b.prev
	b.prev, b.next = nil, nil
}

func (l *recency) touch(b *block) {
	if l.root.prev == b {
		return
	}
	l.remove(b)
	l.pushBack(b)
}

// oldest returns the block touched longest ago, nil when none is open.
func (l *recency) oldest() *block {
	if l.root.next == &l.root {
		return nil
	}
	return l.root.next
}

// bitset is a set of small numbers.
type bitset []uint64

func newBitset(n uint32) bitset { return make(bitset, (uint64(n)+63)/64) }

func (s bitset) has(i uint32) bool { return s[i/64]&(1<<(i%64)) != 0 }
func (s bitset) set(i uint32)      { s[i/64] |= 1 << (i % 64) }
func (s bitset) clear(i uint32)    { s[i/64] &^= 1 << (i % 64) }

// count is how many numbers are in the set.
func (s bitset) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// runs calls visit for each maximal run of numbers in the set below n.
func (s bitset) runs(n uint32, visit func(first, end uint32) error) error {
	for i := uint32(0); i < n; i++ {
		if !s.has(i) {
			continue
		}
		first := i
		for i < n && s.has(i) {
			i++
		}
		if err := visit(first, i); err != nil {
			return err
		}
	}
	return nil
}
