package fec

// Groups divides the blocks of an object into the groups that are interleaved, all of
// nearly one size so that none is a weak tail: floor(blocks/depth) groups, at least one,
// of depth to 2*depth-1 blocks each; sizes differ by at most one, the larger come first.
// An object of fewer than depth blocks is one smaller group. The zero Groups is empty.
type Groups struct {
	blocks, groups uint32
}

// NewGroups divides blocks into groups of at least depth; a depth below 1 counts as 1.
func NewGroups(blocks uint32, depth int) Groups {
	if blocks == 0 {
		return Groups{}
	}
	return Groups{blocks, uint32(max(uint64(blocks)/uint64(max(depth, 1)), 1))}
}

// Count is the number of groups.
func (g Groups) Count() uint32 { return g.groups }

// Range gives the first block of group i, counted from 0, and how many blocks it has; it
// has none if there is no group i.
func (g Groups) Range(i uint32) (first uint32, blocks int) {
	if i >= g.groups {
		return g.blocks, 0
	}
	size, larger := g.blocks/g.groups, g.blocks%g.groups
	if i < larger {
		return i * (size + 1), int(size) + 1
	}
	return i*size + larger, int(size)
}

// Smallest and Largest are the extreme sizes of a group, in blocks.
func (g Groups) Smallest() int { _, n := g.Range(g.groups - 1); return n }

// Largest is the size of the first group, see [Groups.Smallest].
func (g Groups) Largest() int { _, n := g.Range(0); return n }

// Interleave visits the encoding symbols of a group of blocks in the order they are sent.
// ks[b] is the K of block b, r the R of all; visit gets the block's index in ks and the ESI.
//
// The blocks take turns and give one symbol a turn, in order of ESI: 0.0 1.0 2.0, 0.1 1.1
// 2.1, and so on, source symbols before repair symbols. A block with one source symbol
// less gives its first repair symbol where the others give their last source symbol.
//
// The promise, for ks in descending order with a difference of at most one (as Partition
// gives them): two symbols of one block are always len(ks) visits apart, therefore any B
// visits in a row take at most ceil(B/len(ks)) symbols from each block.
func Interleave(ks []int, r int, visit func(block, esi int)) {
	turns := 0
	for _, k := range ks {
		turns = max(turns, k+r)
	}
	for esi := range turns {
		for block, k := range ks {
			if esi < k+r {
				visit(block, esi)
			}
		}
	}
}
