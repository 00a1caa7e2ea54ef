package fec

// The naive twin: each code computed element by element from the definition in
// docs/wire.md ("Codes"), with nothing shared with the library nor with the package. It
// judges the codecs and it makes the public vectors.

// cantor is a binary field whose elements are written in a basis: bit b of an index adds
// basis[b]. Symbols hold indices.
type cantor struct {
	polynomial uint32
	basis      []uint32
	index      map[uint32]uint32 // from element to index
}

var (
	naive8 = newCantor(0x11D, []uint32{1, 214, 152, 146, 86, 200, 88, 230})

	naive16 = newCantor(0x1002D, []uint32{
		0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E, 0x914C, 0x4012,
		0x6C98, 0x10D8, 0x6A72, 0xB900, 0xFDB8, 0xFB34, 0xFF38, 0x991E})

	// naiveClassic is GF(2^8) in the ordinary basis: an index is an element.
	naiveClassic = newCantor(0x11D, []uint32{1, 2, 4, 8, 16, 32, 64, 128})
)

func newCantor(polynomial uint32, basis []uint32) *cantor {
	f := &cantor{polynomial, basis, make(map[uint32]uint32)}
	for x := range uint32(1) << len(basis) {
		f.index[f.element(x)] = x
	}
	return f
}

func (f *cantor) element(index uint32) (e uint32) {
	for b, v := range f.basis {
		if index>>b&1 == 1 {
			e ^= v
		}
	}
	return e
}

// product multiplies elements: shift and reduce.
func (f *cantor) product(a, b uint32) (p uint32) {
	for ; b != 0; b >>= 1 {
		if b&1 == 1 {
			p ^= a
		}
		if a <<= 1; a>>len(f.basis) == 1 {
			a ^= f.polynomial
		}
	}
	return p
}

// inverse is e^(q-2).
func (f *cantor) inverse(e uint32) uint32 {
	result, power := uint32(1), e
	for n := uint32(1)<<len(f.basis) - 2; n != 0; n >>= 1 {
		if n&1 == 1 {
			result = f.product(result, power)
		}
		power = f.product(power, power)
	}
	return result
}

// leopardCoefficient is the factor of source symbol i in repair symbol j: Lagrange
// interpolation on the m indices of the group that holds m+i, read at j.
func (f *cantor) leopardCoefficient(m, i, j uint32) uint32 {
	x := m + i
	above, below := uint32(1), uint32(1)
	for l := x / m * m; l < x/m*m+m; l++ {
		if l != x {
			above = f.product(above, f.element(j)^f.element(l))
			below = f.product(below, f.element(x)^f.element(l))
		}
	}
	return f.product(above, f.inverse(below))
}

// polynomialCoefficient is the same factor by the other definition: the one polynomial of
// degree below n-m that is the source symbols at m..m+K-1 and zero at m+K..n-1, read at j.
func (f *cantor) polynomialCoefficient(m, n, i, j uint32) uint32 {
	x := m + i
	above, below := uint32(1), uint32(1)
	for l := m; l < n; l++ {
		if l != x {
			above = f.product(above, f.element(j)^f.element(l))
			below = f.product(below, f.element(x)^f.element(l))
		}
	}
	return f.product(above, f.inverse(below))
}

// naiveEncode fills symbols[k:] from symbols[:k].
func naiveEncode(code Code, symbols [][]byte, k int) {
	r := len(symbols) - k
	for j := range r {
		repair := symbols[k+j]
		clear(repair)
		for i := range k {
			switch code {
			case Leopard8:
				c := naive8.leopardCoefficient(uint32(powerOfTwo(r)), uint32(i), uint32(j))
				naive8.addOctets(repair, symbols[i], c)
			case Leopard16:
				c := naive16.leopardCoefficient(uint32(powerOfTwo(r)), uint32(i), uint32(j))
				naive16.addPairs(repair, symbols[i], c)
			case Classic:
				c := naiveClassic.inverse(uint32(k+j) ^ uint32(i))
				naiveClassic.addOctets(repair, symbols[i], c)
			}
		}
	}
}

// addOctets adds c times src to dst, one field index an octet.
func (f *cantor) addOctets(dst, src []byte, c uint32) {
	for n, v := range src {
		dst[n] ^= byte(f.index[f.product(c, f.element(uint32(v)))])
	}
}

// addPairs does the same over 16 bits: in each 64 octets, octet n is the low and octet
// n+32 the high half of an index.
func (f *cantor) addPairs(dst, src []byte, c uint32) {
	for group := 0; group < len(src); group += 64 {
		for n := group; n < group+32; n++ {
			v := f.index[f.product(c, f.element(uint32(src[n])|uint32(src[n+32])<<8))]
			dst[n] ^= byte(v)
			dst[n+32] ^= byte(v >> 8)
		}
	}
}
