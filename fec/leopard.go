package fec

import (
	"fmt"
	"sync"

	"github.com/klauspost/reedsolomon"
)

// leopardCodec is Leopard over either field, by the library: a polynomial through the
// source symbols evaluated at R more points with an additive FFT (Lin, Al-Naffouri, Han,
// Chung: "Novel Polynomial Basis with Fast Fourier Transform and Its Application to
// Reed-Solomon Erasure Codes", IEEE Trans. Inf. Theory 2016). Rebuilding costs the same
// whatever was lost.
type leopardCodec struct {
	k, r int
	enc  reedsolomon.Encoder
}

func newLeopard(code Code, k, r int, work *workspace) (Codec, error) {
	field := reedsolomon.WithLeopardGF(true)
	if code == Leopard16 {
		field = reedsolomon.WithLeopardGF16(true)
	}
	// Blocks are coded in parallel by our callers; goroutines within one would only compete.
	// The inversion cache must stay off: in v1.14.2 ReconstructData files its entries by the
	// lost source symbols alone, and rebuilds to wrong bytes, without an error, when the same
	// source symbols are lost beside other repair symbols (K+R <= 64; TestEveryPattern).
	enc, err := reedsolomon.New(k, r, field, reedsolomon.WithMaxGoroutines(1),
		reedsolomon.WithInversionCache(false), reedsolomon.WithWorkAllocator(work))
	if err != nil {
		return nil, fmt.Errorf("%v with K=%d R=%d: %w", code, k, r, err)
	}
	return &leopardCodec{k, r, enc}, nil
}

func (c *leopardCodec) Encode(symbols [][]byte) error {
	if err := whole(symbols, c.k, c.r); err != nil {
		return err
	}
	if err := c.enc.Encode(symbols); err != nil {
		return fmt.Errorf("encode block: %w", err)
	}
	return nil
}

func (c *leopardCodec) Rebuild(symbols [][]byte) error {
	_, lost, err := survey(symbols, c.k, c.r)
	if err != nil || lost == 0 {
		return err
	}
	if err := c.enc.ReconstructData(symbols); err != nil {
		return fmt.Errorf("rebuild block: %w", err)
	}
	return nil
}

// workspace lends the work areas of Leopard, one for each block that is being coded at
// the moment. The library would keep a pool in every codec, and packets choose how many
// codecs there are; this one is shared by all codecs of one cache.
type workspace struct{ free sync.Pool }

// Get returns n buffers of size octets; their contents are whatever was there before.
func (w *workspace) Get(n, size int) [][]byte {
	area, _ := w.free.Get().(*[][]byte)
	if area == nil || len(*area) < n || cap((*area)[0]) < size {
		// One allocation, so that all buffers of an area have one capacity.
		fresh := reedsolomon.AllocAligned(n, size)
		area = &fresh
	}
	lent := (*area)[:n]
	for i := range lent {
		lent[i] = lent[i][:size]
	}
	return lent
}

// Put takes back what Get lent, with the buffers of the area that were not needed. The
// library hands buffers back shortened, never moved.
func (w *workspace) Put(lent [][]byte) {
	if lent = lent[:cap(lent)]; len(lent) > 0 {
		w.free.Put(&lent)
	}
}
