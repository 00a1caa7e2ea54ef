package bench

import (
	"bytes"
	"fmt"
	"runtime"
	"time"

	"pawl/fec"
)

// codecBench is one codec with blocks to work on.
type codecBench struct {
	Geometry
	codec    fec.Codec
	blocks   [][][]byte // each of K+R encoded symbols
	next     int        // block, and pattern, of the next turn
	patterns [][]int    // each an order of the K source symbols: the first n of it are lost
	spare    [][]byte   // min(K, R) symbols of memory for what is rebuilt
	work     [][]byte   // the symbols of one turn
	retained float64    // octets of heap that the codec keeps after it has worked
}

func newCodecBench(g Geometry, seed uint64) (*codecBench, error) {
	b := &codecBench{Geometry: g, work: make([][]byte, g.K+g.R), spare: make([][]byte, min(g.K, g.R))}
	if err := fec.Check(g.Code, g.K, g.R); err != nil {
		return nil, err
	}
	if g.T < 64 || g.T%64 != 0 {
		return nil, fmt.Errorf("a symbol of %d octets: it must be a multiple of 64", g.T)
	}
	random := codecRandom(g, seed)
	size := (g.K + g.R) * g.T
	for range min(max(codecMemory/size, 1), 256) {
		slab := make([]byte, size)
		for i := 0; i < g.K*g.T; i += 8 {
			x := random.Uint64()
			for n := range 8 { // T is a multiple of 64
				slab[i+n] = byte(x >> (8 * n))
			}
		}
		block := make([][]byte, g.K+g.R)
		for i := range block {
			block[i] = slab[i*g.T : (i+1)*g.T : (i+1)*g.T]
		}
		b.blocks = append(b.blocks, block)
	}
	for range codecPatterns {
		b.patterns = append(b.patterns, random.Perm(g.K))
	}
	for i := range b.spare {
		b.spare[i] = make([]byte, g.T)
	}
	return b, nil
}

// few is how many source symbols are lost at 1 %, if the code can bear as many.
func (b *codecBench) few() int { return min(max(b.K/100, 1), len(b.spare)) }

// prove makes the codec, encodes every block and rebuilds the first at the losses that are measured; the
// error is an ErrCodec if that gives other bytes. It measures what the codec retains.
func (b *codecBench) prove() (err error) {
	before := heapInUse()
	var codecs fec.Codecs
	if b.codec, err = codecs.Get(b.Code, b.K, b.R); err != nil {
		return err
	}
	for range b.blocks {
		if err := b.encode(); err != nil {
			return err
		}
	}
	for _, n := range []int{b.few(), len(b.spare)} { // the codec may have a way of its own for each
		b.lose(b.blocks[0], b.patterns[0][:n])
		if err := b.codec.Rebuild(b.work); err != nil {
			return err
		}
		for i, want := range b.blocks[0][:b.K] {
			if !bytes.Equal(b.work[i], want) {
				return fmt.Errorf("%w: symbol %d with %d lost", ErrCodec, i, n)
			}
		}
	}
	b.retained = heapInUse() - before
	return nil
}

func (b *codecBench) encode() error {
	block := b.blocks[b.next%len(b.blocks)]
	b.next++
	return b.codec.Encode(block)
}

// lose puts a block into work with symbols missing; they are to be rebuilt in spare memory.
func (b *codecBench) lose(block [][]byte, lost []int) {
	copy(b.work, block)
	for n, i := range lost {
		b.work[i] = b.spare[n][:0]
	}
}

func (b *codecBench) rebuild(lost int) error {
	b.lose(b.blocks[b.next%len(b.blocks)], b.patterns[b.next%len(b.patterns)][:lost])
	b.next++
	return b.codec.Rebuild(b.work)
}

// sample works for at least the given time and returns GB of source symbols for a second of
// CPU time, and octets allocated for a block. lost is how many source symbols to rebuild,
// -1 to encode.
func (b *codecBench) sample(lost int, least time.Duration) (speed, allocated float64, err error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	had := m.TotalAlloc
	cpu, err := cpuTime()
	if err != nil {
		return 0, 0, err
	}
	turns := 0
	for begun := time.Now(); time.Since(begun) < least || turns == 0; turns++ {
		if lost < 0 {
			err = b.encode()
		} else {
			err = b.rebuild(lost)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	after, err := cpuTime()
	if err != nil {
		return 0, 0, err
	}
	if after <= cpu {
		return 0, 0, fmt.Errorf("no CPU time passed in %v", least)
	}
	runtime.ReadMemStats(&m)
	gb := float64(turns) * float64(b.K*b.T) / 1e9
	return gb / (after - cpu).Seconds(), float64(m.TotalAlloc-had) / float64(turns), nil
}
