package fec

import (
	"errors"
	"testing"
)

// FuzzGeometry takes what a packet may say of an object and goes where a receiver goes
// with it: partition, check, codec, rebuild.
func FuzzGeometry(f *testing.F) {
	f.Add(uint8(2), uint64(1<<30), uint16(200), uint16(20), uint32(17), []byte{1, 2, 3})
	f.Add(uint8(4), uint64(1), uint16(1), uint16(6), uint32(0), []byte{0xFF})
	f.Add(uint8(3), uint64(1<<48-1), uint16(4096), uint16(4096), uint32(1), []byte{})
	f.Add(uint8(1), uint64(5000), uint16(65535), uint16(0), uint32(0), []byte{0})
	f.Add(uint8(9), uint64(0), uint16(0), uint16(65535), uint32(1<<32-1), []byte{7})
	f.Fuzz(func(t *testing.T, code uint8, length uint64, maxK, r uint16, sbn uint32, present []byte) {
		part, err := NewPartition(length, 64, int(maxK))
		if err != nil {
			if !errors.Is(err, ErrPartition) {
				t.Fatal(err)
			}
			return
		}
		k, end := part.K(sbn), part.Offset(sbn)+part.Size(sbn)
		if end > length || (k == 0) != (sbn >= part.Blocks()) || part.Size(sbn) > uint64(k)*64 {
			t.Fatalf("block %d of %d: K %d, ends at %d of %d", sbn, part.Blocks(), k, end, length)
		}
		if k+int(r) > 300 {
			return // Check is for the unit tests; here each try should be quick
		}
		codec, err := testCodecs.Get(Code(code), k, int(r))
		if err != nil {
			if !errors.Is(err, ErrGeometry) {
				t.Fatal(err)
			}
			return
		}
		symbols, here := make([][]byte, k+int(r)), 0
		for i := range symbols {
			if len(present) > 0 && present[i/8%len(present)]>>(i%8)&1 == 1 {
				symbols[i] = make([]byte, 64)
				here++
			}
		}
		if err := codec.Rebuild(symbols); (err == nil) != (here >= k) || err != nil && !errors.Is(err, ErrTooFew) {
			t.Fatalf("%d of K=%d present: %v", here, k, err)
		}
		for i := range k {
			if here >= k && len(symbols[i]) != 64 {
				t.Fatalf("symbol %d is not rebuilt", i)
			}
		}
	})
}
