package fec

import (
	"encoding/binary"
	"sync"

	"github.com/klauspost/reedsolomon"
)

// logField is a binary field by its logarithms to one base. Symbols hold numbers, which stand
// for elements. In leopard8 a number is not what the library's multiplication takes for it: log
// is by number, exp gives what the library takes, in and out turn one into the other.
type logField struct {
	order   int      // elements but zero: 255 or 65535
	log     []uint16 // by number; log[0] means nothing
	exp     []uint16 // powers 0..order-1
	in, out *linear  // nil: it is the same
}

// reduce brings the logarithm e, -order <= e < 2*order, to 0 <= e < order.
func (f *logField) reduce(e int) int {
	switch {
	case e < 0:
		return e + f.order
	case e >= f.order:
		return e - f.order
	}
	return e
}

// products appends, for each point p of some, the logarithm of
//
//	product over q in other of (p+q) / product over q in some but p of (p+q)
func (f *logField) products(logs []int, some, other []uint16) []int {
	for _, p := range some {
		sum := 0
		for _, q := range other {
			sum += int(f.log[p^q])
		}
		for _, q := range some {
			if q != p {
				sum -= int(f.log[p^q])
			}
		}
		logs = append(logs, f.reduce(sum%f.order))
	}
	return logs
}

// field8 is GF(2^8) modulo x^8+x^4+x^3+x^2+1 to the base 2, numbers as elements: classic.
var field8 = newField8(func(e byte) byte { return e })

// cantor8 is the same field with the numbers of leopard8, the bits of which stand for these
// elements (docs/wire.md).
var cantor8 = func() *logField {
	in := newLinear([8]byte{1, 214, 152, 146, 86, 200, 88, 230})
	f := newField8(in.of)
	f.in, f.out = in, in.inverse()
	return f
}()

// newField8 makes a field whose numbers are turned to elements by e.
func newField8(e func(byte) byte) *logField {
	const polynomial = 0x11D
	var log [256]uint16
	f := &logField{order: 255, log: make([]uint16, 256), exp: make([]uint16, 255)}
	x := 1
	for i := range f.exp {
		f.exp[i], log[x] = uint16(x), uint16(i)
		if x <<= 1; x > 255 {
			x ^= polynomial
		}
	}
	for n := range f.log {
		f.log[n] = log[e(byte(n))]
	}
	return f
}

// field16 is GF(2^16) in the numbers of leopard16, 256 KiB. It is taken from the library's
// multiplication, so that both are of one mind; the first Leopard16 codec makes it.
var field16 = sync.OnceValue(func() *logField {
	const order = 1<<16 - 1
	var multiply reedsolomon.LowLevel
	f := &logField{order: order, log: make([]uint16, order+1), exp: make([]uint16, order)}
	// Every second element of the field has all others as its powers; those below 256 are in
	// the field of 256 and have not.
	for base := uint16(256); ; base++ {
		x, period := base, 1
		for f.exp[0] = 1; x != 1; period++ {
			f.exp[period] = x
			x = multiply.GF16Mul(x, base)
		}
		if period == order {
			break
		}
	}
	for e, n := range f.exp {
		f.log[n] = uint16(e)
	}
	return f
})

// linear is a linear map of octets to octets, each bit of an octet by itself: element b is the
// image of bit b.
type linear [8]uint64

func newLinear(images [8]byte) *linear {
	l := new(linear)
	for b, v := range images {
		l[b] = uint64(v)
	}
	return l
}

func (l *linear) of(v byte) (image byte) {
	for b, i := range l {
		image ^= v >> b & 1 * byte(i)
	}
	return image
}

func (l *linear) inverse() *linear {
	var images [8]byte
	for v := range 256 {
		for b := range images {
			if l.of(byte(v)) == 1<<b {
				images[b] = byte(v)
			}
		}
	}
	return newLinear(images)
}

// sum sets dst to the image of a xor b; all three have one length, a multiple of 8. Eight
// octets at a time: a bit of each octet, times the image of that bit, never leaves the octet.
// This takes 0.4 ns an octet, a table of 256 octets 0.5.
func (l *linear) sum(dst, a, b []byte) {
	const bits = 0x0101010101010101
	l0, l1, l2, l3, l4, l5, l6, l7 := l[0], l[1], l[2], l[3], l[4], l[5], l[6], l[7]
	for len(a) >= 8 && len(b) >= 8 && len(dst) >= 8 {
		v := binary.LittleEndian.Uint64(a) ^ binary.LittleEndian.Uint64(b)
		binary.LittleEndian.PutUint64(dst, (v&bits)*l0^(v>>1&bits)*l1^(v>>2&bits)*l2^(v>>3&bits)*l3^
			(v>>4&bits)*l4^(v>>5&bits)*l5^(v>>6&bits)*l6^(v>>7&bits)*l7)
		dst, a, b = dst[8:], a[8:], b[8:]
	}
}
