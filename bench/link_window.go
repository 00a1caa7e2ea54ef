package bench

import mathbits "math/bits"

// linkWindow tells lost numbers from late and repeated ones, in constant memory: a number
// that has not come when one 65,536 higher has is lost.
type linkWindow struct {
	seen [windowSize / 64]uint64
	base int // numbers below are decided
	next int // one more than the highest number so far, at most base + windowSize
	run  int // numbers in a row that are lost, up to base

	received, lost, duplicates, reordered, late int
	runs                                        [32]uint64 // of lost numbers: runs[i] counts those longer than 2^(i-1), up to 2^i
}

const windowSize = 1 << 16

func (w *linkWindow) bit(number int) (word *uint64, mask uint64) {
	number %= windowSize
	return &w.seen[number/64], 1 << (number % 64)
}

// see enters a number that came, below MaxLinkCount.
func (w *linkWindow) see(number int) {
	word, mask := w.bit(number)
	switch {
	case number < w.base:
		w.late++ // was decided; whether it came before nobody knows any more
		return
	case number < w.next && *word&mask != 0:
		w.duplicates++
		return
	case number < w.next:
		w.reordered++
	default:
		w.advance(number + 1)
	}
	*word |= mask
	w.received++
}

// advance moves the window's end: what leaves at its beginning is decided.
func (w *linkWindow) advance(next int) {
	start := next - windowSize
	w.decide(min(start, w.next))
	if start > w.next {
		w.run += start - w.next // in one go: a stranger's numbers may be a thousand million apart
		w.base = start
	}
	w.next = next
}

// decide says of all numbers below end, at most next, whether they were lost.
func (w *linkWindow) decide(end int) {
	for ; w.base < end; w.base++ {
		word, mask := w.bit(w.base)
		if *word&mask == 0 {
			w.run++
			continue
		}
		*word &^= mask
		w.endRun()
	}
}

func (w *linkWindow) endRun() {
	if w.run > 0 {
		w.lost += w.run
		w.runs[mathbits.Len(uint(w.run-1))]++
		w.run = 0
	}
}

// finish decides everything: count numbers were sent.
func (w *linkWindow) finish(count int) {
	w.decide(w.next)
	if count > w.next {
		w.run += count - w.next
		w.next, w.base = count, count
	}
	w.endRun()
}

// bins are the lengths of the runs of lost numbers.
func (w *linkWindow) bins() (bins []Bin) {
	for i, count := range w.runs {
		if count > 0 {
			bins = append(bins, Bin{At: float64(uint64(1) << i), Count: count})
		}
	}
	return bins
}
