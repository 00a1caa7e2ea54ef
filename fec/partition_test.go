package fec

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestPartitionNaive holds the closed form to RFC 5052 section 9.1 block by block.
func TestPartitionNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 200).Draw(t, "T") * 64
		maxK := rapid.IntRange(1, 300).Draw(t, "B")
		length := rapid.Uint64Range(1, uint64(size*maxK*20)).Draw(t, "L")
		p, err := NewPartition(length, size, maxK)
		if err != nil {
			t.Fatal(err)
		}
		// The RFC's words: T = ceil(L/E), N = ceil(T/B), A_large = ceil(T/N),
		// A_small = floor(T/N), I = T - A_small*N; the first I blocks are large.
		symbols := (length + uint64(size) - 1) / uint64(size)
		n := (symbols + uint64(maxK) - 1) / uint64(maxK)
		large, small := (symbols+n-1)/n, symbols/n
		i := symbols - small*n
		if uint64(p.Blocks()) != n || uint64(p.MaxK()) != large {
			t.Fatalf("N %d, A_large %d: want %d, %d", p.Blocks(), p.MaxK(), n, large)
		}
		offset := uint64(0)
		for b := range p.Blocks() {
			k := small
			if uint64(b) < i {
				k = large
			}
			octets := min(k*uint64(size), length-offset)
			if uint64(p.K(b)) != k || p.Offset(b) != offset || p.Size(b) != octets {
				t.Fatalf("block %d: K %d, offset %d, size %d: want %d, %d, %d", b, p.K(b), p.Offset(b), p.Size(b), k, offset, octets)
			}
			offset += octets
		}
		if offset != length {
			t.Fatalf("blocks hold %d of %d octets", offset, length)
		}
	})
}

func TestPartitionEdges(t *testing.T) {
	p, err := NewPartition(1<<48-1, 1280, 65535)
	if err != nil {
		t.Fatal(err)
	}
	last := p.Blocks() - 1
	if got := p.Offset(last) + p.Size(last); got != 1<<48-1 {
		t.Errorf("largest object ends at %d", got)
	}
	for _, sbn := range []uint32{last + 1, math.MaxUint32} {
		if p.K(sbn) != 0 || p.Size(sbn) != 0 || p.Offset(sbn) != 1<<48-1 {
			t.Errorf("block %d, which isn't there, has K %d, size %d, offset %d", sbn, p.K(sbn), p.Size(sbn), p.Offset(sbn))
		}
	}
	for _, bad := range []struct {
		length      uint64
		size, maxK  int
		description string
	}{
		{0, 1408, 200, "no octets"},
		{1, 0, 200, "no symbol size"},
		{1, -64, 200, "negative symbol size"},
		{1, 1408, 0, "no symbols"},
		{1, 1408, MaxSymbols + 1, "more symbols than a header can say"},
		{1<<48 - 1, 1280, 1, "more blocks than a header can say"},
		{math.MaxUint64, 64, 1, "more octets than a header can say"},
	} {
		if _, err := NewPartition(bad.length, bad.size, bad.maxK); !errors.Is(err, ErrPartition) {
			t.Errorf("%s: %v", bad.description, err)
		}
	}
	if p, err := NewPartition(math.MaxUint64, 1<<30, 65535); err != nil || p.Offset(p.Blocks()-1)+p.Size(p.Blocks()-1) != math.MaxUint64 {
		t.Errorf("64-bit length: %v, %v", p, err)
	}
}
