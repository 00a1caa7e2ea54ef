package fec

import (
	"fmt"
	"math/bits"
	"sync"

	"github.com/klauspost/reedsolomon"
)

// leopardCodec is Leopard over either field, by the library: a polynomial through the
// source symbols evaluated at R more points with an additive FFT (Lin, Al-Naffouri, Han,
// Chung: "Novel Polynomial Basis with Fast Fourier Transform and Its Application to
// Reed-Solomon Erasure Codes", IEEE Trans. Inf. Theory 2016). The library's rebuilding costs
// the same whatever was lost, two to twenty times an encoding; up to few lost it is done by
// syndromes.
type leopardCodec struct {
	k, r  int
	enc   reedsolomon.Encoder
	field *logField
	few   int // see fewLost
	work  *workspace
}

func newLeopard(code Code, k, r int, work *workspace) (Codec, error) {
	c := &leopardCodec{k: k, r: r, field: cantor8, few: fewLost(code, k, r), work: work}
	option := reedsolomon.WithLeopardGF(true)
	if code == Leopard16 {
		option, c.field = reedsolomon.WithLeopardGF16(true), field16()
	}
	// Blocks are coded in parallel by our callers; goroutines within one would only compete.
	// The inversion cache must stay off: in v1.14.2 ReconstructData files its entries by the
	// lost source symbols alone, and rebuilds to wrong bytes, without an error, when the same
	// source symbols are lost beside other repair symbols (K+R <= 64; TestEveryPattern).
	var err error
	c.enc, err = reedsolomon.New(k, r, option, reedsolomon.WithMaxGoroutines(1),
		reedsolomon.WithInversionCache(false), reedsolomon.WithWorkAllocator(work))
	if err != nil {
		return nil, fmt.Errorf("%v with K=%d R=%d: %w", code, k, r, err)
	}
	return c, nil
}

// fewLost is how many source symbols may be lost for syndromes to be the faster way.
//
// Counted in multiplications of a symbol: with m the power of two at or above R and N the one
// at or above m+K, the library encodes in (K+m)/2*log(m) and rebuilds in N*log(N), whatever is
// lost. Solving n equations takes n*n, a quarter more in leopard16, where it reads more memory,
// and 48 more for each n in leopard8, where octets are turned into another basis and back.
// Measured for 1408 octets (µs, one core of an AMD EPYC with GFNI; decision 0010): a
// multiplication takes 27 to 37 ns within the library's transforms, 16 to 28 in solving, the
// change of basis of a symbol 560.
//
//	leopard8  200+20    encode  21, rebuild   62; by syndromes  20 for 1 lost,   60 for  20; fewLost  20
//	leopard8  128+64    encode  13, rebuild   58; by syndromes  21 for 1 lost,   95 for  32; fewLost  21
//	leopard16 1000+50   encode  85, rebuild 1220; by syndromes  84 for 1 lost,  162 for  50; fewLost  50
//	leopard16 1000+200  encode 117, rebuild 1210; by syndromes 117 for 1 lost, 1240 for 200; fewLost 118
//	leopard16 4000+360  encode 530, rebuild 4100; by syndromes 530 for 1 lost, 4590 for 293; fewLost 256
//
// The count bounds the work of a hostile pattern by that of the library's rebuilding, and
// maxSolved the memory: n*n factors, 128 KiB.
func fewLost(code Code, k, r int) int {
	log := func(n int) int { return max(bits.Len(uint(n-1)), 1) }
	m := powerOfTwo(r)
	all := powerOfTwo(m + k)
	saved, each := all*log(all)-(k+m)*log(m)/2, 48
	if code == Leopard16 {
		saved, each = saved*4/5, 0
	}
	n := 0
	for n < min(k, r, maxSolved) && (n+1)*(n+1+each) <= saved {
		n++
	}
	return n
}

// maxSolved bounds the equations solved at once, whatever the geometry.
const maxSolved = 256

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
	if lost <= c.few {
		return c.solve(symbols, lost)
	}
	if err := c.enc.ReconstructData(symbols); err != nil {
		return fmt.Errorf("rebuild block: %w", err)
	}
	return nil
}

// solve rebuilds by syndromes.
//
// Source symbol i stands at the point x = m+i, repair symbol j at j. The factor of docs/wire.md
// is a product over the other points l of the group g of m points that holds x:
//
//	product (j+l)/(x+l) = product over all l in g of (j+l) / product over l != x of (x+l) / (x+j)
//
// In Cantor's basis the first product is the number of the group, x/m, for every j below m, and
// the second is 1: the polynomial with the first m points for its zeros shifts a number right
// by log(m) bits. TestFactors holds that to the encoder.
func (c *leopardCodec) solve(symbols [][]byte, lost int) error {
	s := c.work.solver()
	defer c.work.solvers.Put(s)
	size := s.survey(symbols, c.k, lost)
	m := powerOfTwo(c.r)
	for _, i := range s.lost {
		s.x = append(s.x, uint16(m+i))
	}
	for _, j := range s.repair {
		s.y = append(s.y, uint16(j))
	}
	group := func(x uint16) uint16 { return x / uint16(m) }
	return s.solve(c.field, group, c.enc, symbols, c.k, size)
}

// workspace lends the work areas of Leopard, one for each block that is being coded at
// the moment. The library would keep a pool in every codec, and packets choose how many
// codecs there are; this one is shared by all codecs of one cache.
type workspace struct {
	free    sync.Pool // of *[][]byte
	solvers sync.Pool // of *solver
}

// solver lends the work area of a rebuild by syndromes.
func (w *workspace) solver() *solver {
	if s, ok := w.solvers.Get().(*solver); ok {
		return s
	}
	return new(solver)
}

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
