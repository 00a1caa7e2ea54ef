package fec

import (
	"errors"
	"fmt"
	"math"
)

// ErrPartition says that an object can't be cut as asked.
var ErrPartition = errors.New("no such partition")

// Partition is how an object is cut into source blocks: the algorithm of RFC 5052
// section 9.1, which sender and receiver both derive from three numbers in every packet.
// The first blocks have K symbols, the others K-1; only the last symbol of the object
// may be short, and is filled up with zeros to T. The zero Partition has no blocks.
type Partition struct {
	length     uint64
	symbolSize uint64
	large      uint64 // A_large: source symbols in the first blocks
	larger     uint64 // I: how many blocks have A_large symbols
	blocks     uint64 // N
}

// NewPartition cuts an object of length octets into blocks of at most maxK symbols of
// symbolSize octets. All three must be at least 1, maxK at most MaxSymbols, and the
// blocks must be fewer than 2^32, the reach of a source block number; otherwise the
// error is an [ErrPartition]. Nothing is allocated, so the numbers may be a stranger's.
func NewPartition(length uint64, symbolSize, maxK int) (Partition, error) {
	if length == 0 || symbolSize < 1 || maxK < 1 || maxK > MaxSymbols {
		return Partition{}, fmt.Errorf("%w: length %d, symbol size %d, maximum block length %d", ErrPartition, length, symbolSize, maxK)
	}
	t := uint64(symbolSize)
	symbols := ceilDiv(length, t)
	blocks := ceilDiv(symbols, uint64(maxK))
	if blocks > math.MaxUint32 {
		return Partition{}, fmt.Errorf("%w: length %d needs %d blocks of %d symbols of %d octets, more than a block number can name", ErrPartition, length, blocks, maxK, symbolSize)
	}
	p := Partition{length: length, symbolSize: t, blocks: blocks, large: ceilDiv(symbols, blocks)}
	p.larger = symbols - (p.large-1)*blocks // I = T - A_small*N; equal blocks: I = N
	return p, nil
}

// Blocks is N, the number of source blocks.
func (p Partition) Blocks() uint32 { return uint32(p.blocks) }

// MaxK is the number of source symbols in the largest block, which is block 0.
func (p Partition) MaxK() int { return int(p.large) }

// K is the number of source symbols in block sbn; 0 for a block that doesn't exist.
func (p Partition) K(sbn uint32) int {
	switch b := uint64(sbn); {
	case b >= p.blocks:
		return 0
	case b < p.larger:
		return int(p.large)
	default:
		return int(p.large - 1)
	}
}

// Offset is where block sbn begins in the object, in octets; the object's length for a
// block that doesn't exist.
func (p Partition) Offset(sbn uint32) uint64 {
	b := uint64(sbn)
	if b >= p.blocks {
		return p.length
	}
	return (b*p.large - (b - min(b, p.larger))) * p.symbolSize
}

// Size is the number of octets of the object in block sbn: K(sbn)*T but for the last
// block, whose last symbol may be short; 0 for a block that doesn't exist.
func (p Partition) Size(sbn uint32) uint64 {
	return min(uint64(p.K(sbn))*p.symbolSize, p.length-p.Offset(sbn))
}

func ceilDiv(a, b uint64) uint64 {
	q := a / b
	if a%b != 0 {
		q++
	}
	return q
}
