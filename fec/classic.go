package fec

import (
	"fmt"
	"slices"

	"github.com/klauspost/reedsolomon"
)

// classicCodec is the matrix code over GF(2^8), polynomial 0x11D, with a Cauchy matrix:
// repair symbol j is the sum over i of source symbol i divided by ((K+j) xor i).
//
// Why Cauchy and not the library's default, a Vandermonde matrix made systematic: that one
// has to be inverted (K=240: 50-80 ms) before the first block of each geometry, and
// packets choose geometries; this one is written down element by element, and so is its
// inverse. Rebuild uses that: where the library inverts K x K for each new pattern of
// losses, here the few rows that are wanted come out of one formula.
type classicCodec struct {
	k, r int
	enc  reedsolomon.Encoder
	work *workspace
}

func newClassic(k, r int, work *workspace) (Codec, error) {
	enc, err := reedsolomon.New(k, r, reedsolomon.WithCauchyMatrix(),
		reedsolomon.WithMaxGoroutines(1), reedsolomon.WithInversionCache(false))
	if err != nil {
		return nil, fmt.Errorf("classic with K=%d R=%d: %w", k, r, err)
	}
	return &classicCodec{k, r, enc, work}, nil
}

func (c *classicCodec) Encode(symbols [][]byte) error {
	if err := whole(symbols, c.k, c.r); err != nil {
		return err
	}
	if err := c.enc.Encode(symbols); err != nil {
		return fmt.Errorf("encode block: %w", err)
	}
	return nil
}

// Rebuild takes one of three ways to the same symbols. Measured (µs for a block; one core of an
// AMD EPYC with GFNI, decision 0010):
//
//	               200+20 of 1408 octets    200+20 of 8896 octets    64+8 of 1408 octets
//	lost             1    5   10   20         1    5   10   20         1    4    8
//	interpolate      7   43   75  146        39  174  349  680         3   14   16
//	recode          39   59   94  164        52  140  252  480        12   22   31
//	syndromes       74   76  112   93       407  406  415  467        11   11   13
func (c *classicCodec) Rebuild(symbols [][]byte) error {
	_, n, err := survey(symbols, c.k, c.r)
	if err != nil || n == 0 {
		return err
	}
	// Half of the smallest first level of cache: as long as what is computed stays there.
	const cached = 16 << 10
	s := c.work.solver()
	defer c.work.solvers.Put(s)
	size := s.survey(symbols, c.k, n)
	for _, i := range s.lost {
		s.x = append(s.x, uint16(i))
	}
	for _, j := range s.repair {
		s.y = append(s.y, uint16(c.k+j))
	}
	switch {
	case 5*n*(c.k-n) > 4*c.r*c.k:
		// R*K multiplications to encode, at 21 ns each, and n*n at 27, against n*K.
		return s.solve(field8, func(uint16) uint16 { return 1 }, c.enc, symbols, c.k, size)
	case n*size <= cached:
		s.interpolate(symbols, c.k, size)
		return nil
	}
	return s.recode(symbols, c.k, size)
}

// cauchyRows sets rows to the K x n factors that make the missing source symbols out of K
// others (sources that are there, then the chosen repair symbols), all factors of one of
// those after the other. It returns which those are.
//
// The code is Lagrange interpolation in disguise: with w(x) the product of (x+b) over all
// sources b, the polynomial of degree < K that is s_b*w'(b) at each source b is y_a*w(a)
// at each repair point a. Interpolated through the K known points and read at a missing
// source i, all common factors fall away and the factor of the symbol at z is
//
//	g(i) * h(z) / (i+z)    g(i) = prod over chosen a of (i+a) / prod over missing b != i of (i+b)
//	                       h(z) = prod over missing b of (z+b) / prod over chosen a != z of (z+a)
func (s *solver) cauchyRows(symbols [][]byte, k int) (known []int) {
	f, n := field8, len(s.lost)
	s.u = f.products(s.u[:0], s.x, s.y)
	s.rows = s.rows[:0]
	factors := func(z uint16) {
		h := 0
		for _, b := range s.x {
			h += int(f.log[z^b])
		}
		for _, a := range s.y {
			if a != z {
				h -= int(f.log[z^a])
			}
		}
		h = f.reduce(h % f.order)
		for m, i := range s.x {
			s.rows = append(s.rows, f.exp[f.reduce(f.reduce(s.u[m]+h)-int(f.log[i^z]))])
		}
	}
	s.rows = slices.Grow(s.rows, k*n)
	s.known = s.known[:0]
	for i := range k {
		if len(symbols[i]) != 0 {
			factors(uint16(i))
			s.known = append(s.known, i)
		}
	}
	for _, j := range s.repair {
		factors(uint16(k + j))
		s.known = append(s.known, k+j)
	}
	return s.known
}

// interpolate adds the missing symbols up, one product at a time.
func (s *solver) interpolate(symbols [][]byte, k, size int) {
	var library reedsolomon.LowLevel
	n, known := len(s.lost), s.cauchyRows(symbols, k)
	makeRoom(symbols, s.lost, size)
	for z, from := range known {
		for m, to := range s.lost {
			factor := byte(s.rows[z*n+m])
			if z == 0 {
				library.GalMulSlice(factor, symbols[from], symbols[to])
			} else {
				library.GalMulSliceXor(factor, symbols[from], symbols[to])
			}
		}
	}
}

// recode has the library compute the missing symbols with a matrix of its own, several at
// a time. Making that matrix is what it costs in time and memory.
func (s *solver) recode(symbols [][]byte, k, size int) error {
	n, known := len(s.lost), s.cauchyRows(symbols, k)
	matrix := make([][]byte, n)
	for m := range matrix {
		matrix[m] = make([]byte, k)
		for z := range known {
			matrix[m][z] = byte(s.rows[z*n+m])
		}
	}
	dec, err := reedsolomon.New(k, n, reedsolomon.WithCustomMatrix(matrix),
		reedsolomon.WithMaxGoroutines(1), reedsolomon.WithInversionCache(false))
	if err != nil {
		return fmt.Errorf("rebuild block: %w", err)
	}
	makeRoom(symbols, s.lost, size)
	s.block = s.block[:0]
	for _, i := range known {
		s.block = append(s.block, symbols[i])
	}
	for _, i := range s.lost {
		s.block = append(s.block, symbols[i])
	}
	err = dec.Encode(s.block)
	clear(s.block)
	if err != nil {
		return fmt.Errorf("rebuild block: %w", err)
	}
	return nil
}
