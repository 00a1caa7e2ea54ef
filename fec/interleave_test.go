package fec

import (
	"testing"

	"pgregory.net/rapid"
)

// TestInterleaveBurst holds Interleave to its promise for every burst of a group.
func TestInterleaveBurst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		depth := rapid.IntRange(1, 20).Draw(t, "blocks")
		k := rapid.IntRange(2, 12).Draw(t, "K")
		r := rapid.IntRange(0, 6).Draw(t, "R")
		large := rapid.IntRange(1, depth).Draw(t, "blocks of K")
		ks := make([]int, depth)
		for b := range ks {
			ks[b] = k
			if b >= large {
				ks[b] = k - 1
			}
		}
		var order []int
		next := make([]int, depth)
		Interleave(ks, r, func(block, esi int) {
			if esi != next[block] {
				t.Fatalf("block %d gives symbol %d after %d", block, esi, next[block]-1)
			}
			next[block]++
			order = append(order, block)
		})
		for b := range ks {
			if next[b] != ks[b]+r {
				t.Fatalf("block %d gave %d of %d symbols", b, next[b], ks[b]+r)
			}
		}
		for burst := 1; burst <= len(order); burst++ {
			taken := make([]int, depth)
			for end, b := range order {
				taken[b]++
				if start := end - burst; start >= 0 {
					taken[order[start]]--
				}
				if taken[b] > (burst+depth-1)/depth {
					t.Fatalf("a burst of %d ending at %d takes %d of block %d, depth %d", burst, end, taken[b], b, depth)
				}
			}
		}
	})
}

func TestGroups(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blocks := rapid.Uint32Range(0, 500).Draw(t, "blocks")
		depth := rapid.IntRange(-1, 600).Draw(t, "depth")
		g := NewGroups(blocks, depth)
		at := uint32(0)
		for i := range g.Count() {
			first, n := g.Range(i)
			if first != at || n < 1 {
				t.Fatalf("group %d is %d blocks from %d, want from %d", i, n, first, at)
			}
			if uint64(blocks) >= uint64(max(depth, 1)) && (n < depth || n > 2*max(depth, 1)-1) {
				t.Fatalf("group %d has %d blocks at depth %d", i, n, depth)
			}
			if n < g.Smallest() || n > g.Largest() || g.Largest()-g.Smallest() > 1 {
				t.Fatalf("group %d of %d is not within %d..%d", i, n, g.Smallest(), g.Largest())
			}
			at += uint32(n)
		}
		if at != blocks {
			t.Fatalf("groups hold %d of %d blocks", at, blocks)
		}
		if _, n := g.Range(g.Count()); n != 0 {
			t.Fatalf("a group beyond the last has %d blocks", n)
		}
	})
}
