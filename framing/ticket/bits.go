package ticket

import (
	"math/bits"

	"pawl/framing"
)

// charBits is what one character carries.
const charBits = 5

// writer collects bits, the highest of a number first.
type writer struct {
	chars []byte
	bits  int
}

func (w *writer) put(value uint64, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.bits%charBits == 0 {
			w.chars = append(w.chars, 0)
		}
		w.chars[len(w.chars)-1] |= byte(value>>i&1) << (charBits - 1 - w.bits%charBits)
		w.bits++
	}
}

// gamma writes a number >= 1 by Elias's gamma code: as many zeros as it has bits after the first, then it.
func (w *writer) gamma(value uint64) {
	n := bits.Len64(value)
	w.put(0, n-1)
	w.put(value, n)
}

// rice writes a number by Rice's code: its high part as so many ones and a zero, its k low bits as they are.
func (w *writer) rice(value uint64, k int) {
	for range value >> k {
		w.put(1, 1)
	}
	w.put(0, 1)
	w.put(value, k)
}

// reader reads what writer wrote. After an error, which stays, it reads zeros.
type reader struct {
	chars []byte
	at    int // bits read
	err   error
}

func (r *reader) left() int { return len(r.chars)*charBits - r.at }

func (r *reader) get(n int) (value uint64) {
	if n > r.left() {
		r.fail()
	}
	if r.err != nil {
		return 0
	}
	for range n {
		bit := r.chars[r.at/charBits] >> (charBits - 1 - r.at%charBits) & 1
		value = value<<1 | uint64(bit)
		r.at++
	}
	return value
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = framing.ErrSize
	}
}

func (r *reader) gamma() uint64 {
	n := 0
	for r.get(1) == 0 {
		if n++; r.err != nil || n > 32 {
			r.fail()
			return 1
		}
	}
	return 1<<n | r.get(n)
}

func (r *reader) rice(k int) uint64 {
	high := uint64(0)
	for r.get(1) == 1 {
		high++
	}
	return high<<k | r.get(k)
}

// riceBits is how many bits a number takes with parameter k.
func riceBits(value uint64, k int) uint64 { return value>>k + 1 + uint64(k) }
