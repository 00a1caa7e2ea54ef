package fec

import (
	"crypto/subtle"
	"fmt"
	"slices"

	"github.com/klauspost/reedsolomon"
)

// syndromeArea bounds the octets of repair symbols that are computed at once; longer symbols
// are rebuilt piece by piece.
const syndromeArea = 4 << 20

// zeros stands for the source symbols that are missing. Nobody writes to it.
var zeros [1 << 16]byte

// solver computes the n missing source symbols of a block from n repair symbols and as many
// syndromes: what is left of a repair symbol when the source symbols that are there are
// taken out. The library's encoder takes them out, at its full speed.
//
// In all three codes the factor of source symbol i in repair symbol j is g(x)/(x+y), x a point
// of i and y of j, all different. A matrix of 1/(x+y) is Cauchy's, and each element of its
// inverse can be written down (S. Schechter, "On the inversion of certain matrices", 1959):
// n equations take time n*n and not n*n*n, whoever chose what is lost, and nothing has to be
// kept from one block to the next.
//
// A solver is the work area of one rebuild; all it has is overwritten by the next.
type solver struct {
	lost, repair []int    // source symbols to compute, and the first repair symbols that are there
	x, y         []uint16 // their points
	known        []int    // what is there of a block of classic
	u, v         []int    // logarithms of the products that make up rows
	rows         []uint16 // lost[a] = sum over b of rows[a*n+b] * syndromes[b]
	block        [][]byte // pieces of the K+R symbols
	syndromes    [][]byte // those repair symbols of block that count
	area         []byte   // memory of the repair symbols of block
	sink         []byte   // takes products that nobody wants
}

// survey notes what is missing and what serves instead, and returns T.
func (s *solver) survey(symbols [][]byte, k, n int) (size int) {
	s.lost, s.repair, s.x, s.y = s.lost[:0], s.repair[:0], s.x[:0], s.y[:0]
	for i, symbol := range symbols {
		switch {
		case len(symbol) == 0 && i < k:
			s.lost = append(s.lost, i)
		case len(symbol) != 0:
			size = len(symbol)
			if i >= k && len(s.repair) < n {
				s.repair = append(s.repair, i-k)
			}
		}
	}
	return size
}

// solve computes what is missing, when survey was done and the points are set. g is the
// numerator of the factors of a source symbol, by its point.
func (s *solver) solve(f *logField, g func(x uint16) uint16, enc reedsolomon.Encoder, symbols [][]byte, k, size int) error {
	s.invert(f, g)
	makeRoom(symbols, s.lost, size)
	r := len(symbols) - k
	step := min(size, len(zeros), max(syndromeArea/r/symbolUnit, 1)*symbolUnit)
	for at := 0; at < size; at += step {
		end := min(at+step, size)
		if err := s.encode(enc, symbols, k, at, end); err != nil {
			return err
		}
		for b, j := range s.repair {
			syndrome, received := s.syndromes[b], symbols[k+j][at:end]
			if f.in != nil {
				f.in.sum(syndrome, syndrome, received)
			} else {
				subtle.XORBytes(syndrome, syndrome, received)
			}
		}
		if f.order > 255 {
			s.multiply16(symbols, at, end)
		} else {
			s.multiply8(f, symbols, at, end)
		}
	}
	return nil
}

// invert computes rows.
func (s *solver) invert(f *logField, g func(x uint16) uint16) {
	n := len(s.x)
	s.u, s.v = f.products(s.u[:0], s.x, s.y), f.products(s.v[:0], s.y, s.x)
	s.rows = slices.Grow(s.rows[:0], n*n)[:n*n]
	for a, x := range s.x {
		u := f.reduce(s.u[a] - int(f.log[g(x)]))
		row := s.rows[a*n : a*n+n]
		for b, y := range s.y {
			row[b] = f.exp[f.reduce(f.reduce(u+s.v[b])-int(f.log[x^y]))]
		}
	}
}

// makeRoom gives the missing symbols T octets each, where there is room in their own memory.
func makeRoom(symbols [][]byte, missing []int, size int) {
	for _, i := range missing {
		if cap(symbols[i]) < size {
			symbols[i] = make([]byte, size)
		}
		symbols[i] = symbols[i][:size]
	}
}

// encode computes the syndromes at octets at..end, but for the repair symbols received.
func (s *solver) encode(enc reedsolomon.Encoder, symbols [][]byte, k, at, end int) error {
	size := end - at
	need := (len(symbols) - k) * size
	s.area = slices.Grow(s.area[:0], need)[:need]
	s.block, s.syndromes = s.block[:0], s.syndromes[:0]
	for i := range symbols {
		if i < k {
			s.block = append(s.block, symbols[i][at:end:end])
			continue
		}
		j := (i - k) * size
		s.block = append(s.block, s.area[j:j+size:j+size])
	}
	for _, i := range s.lost {
		s.block[i] = zeros[:size:size]
	}
	for _, j := range s.repair {
		s.syndromes = append(s.syndromes, s.block[k+j])
	}
	err := enc.Encode(s.block)
	clear(s.block[:k]) // no reference to the caller's symbols is kept
	if err != nil {
		return fmt.Errorf("rebuild block: %w", err)
	}
	return nil
}

// multiply16 computes octets at..end of the missing symbols in GF(2^16), eight at a time: the
// library reads each syndrome once for all eight.
func (s *solver) multiply16(symbols [][]byte, at, end int) {
	const tile = 2048 // of eight symbols and a syndrome: they stay in the first level of cache
	var library reedsolomon.LowLevel
	n := len(s.lost)
	s.sink = slices.Grow(s.sink[:0], tile)[:tile]
	for from := at; from < end; from += tile {
		to := min(from+tile, end)
		for a := 0; a < n; a += 8 {
			factors, out := [8]uint16{}, [8][]byte{} // without an eighth symbol 0 times the syndrome goes to the sink
			for o := range out {
				out[o] = s.sink[:to-from]
				if a+o < n {
					out[o] = symbols[s.lost[a+o]][from:to]
					clear(out[o])
				}
			}
			for b, syndrome := range s.syndromes {
				for o := range min(len(out), n-a) {
					factors[o] = s.rows[(a+o)*n+b]
				}
				library.GF16MulSliceXor8(&factors, syndrome[from-at:to-at], &out)
			}
		}
	}
}

// multiply8 does the same in GF(2^8), one symbol at a time.
func (s *solver) multiply8(f *logField, symbols [][]byte, at, end int) {
	var library reedsolomon.LowLevel
	n := len(s.lost)
	for a, i := range s.lost {
		out := symbols[i][at:end]
		library.GalMulSlice(byte(s.rows[a*n]), s.syndromes[0], out)
		for b, syndrome := range s.syndromes[1:] {
			library.GalMulSliceXor(byte(s.rows[a*n+b+1]), syndrome, out)
		}
		if f.out != nil {
			f.out.sum(out, out, zeros[:])
		}
	}
}
