package link

import (
	"math/bits"
	"time"
)

// DefaultCredit is how much lateness a Pacer makes up when no burst is given: 200 µs at the
// rate. It covers a wake-up that is late by the common 50 to 100 µs, and held 2.5 Gbit/s
// within 0.12 % where the machine was measured; a stall of milliseconds is not made up.
const DefaultCredit = 200 * time.Microsecond

// account is the arithmetic of pacing, without a clock: a virtual clock that stands at the
// time when the link will have sent all that was granted. Each grant moves it by the exact
// time its octets take, so no rounding adds up. It never stands further behind the real
// clock than the credit.
//
// So in any span of time t at most rate·t + credit·rate octets + one grant are sent.
// All times are nanoseconds of any one clock. Not safe for concurrent use.
type account struct {
	rate      uint64 // bit/s, > 0
	credit    int64  // ns of lateness that may be made up
	next      int64  // the virtual clock
	rem       uint64 // what the last grants took beyond whole ns, in 1/rate ns, < rate
	forgiven  int64  // ns of lateness that were not made up
	lastClock int64  // the newest clock reading, so that a clock that steps back is harmless
	started   bool
}

// newAccount makes an account for a rate in bit/s and a burst in octets; burst 0 means
// DefaultCredit.
func newAccount(rate uint64, burst int) account {
	a := account{rate: rate, credit: int64(DefaultCredit)}
	if burst > 0 && rate > 0 {
		ns, _ := spanRem(uint64(burst), rate, 0)
		a.credit = int64(ns)
	}
	return a
}

// grant books n octets at the time now and returns when they may be sent, which is not
// before now - credit and may have passed.
func (a *account) grant(now int64, n int) (at int64) {
	if !a.started {
		a.started, a.next, a.lastClock = true, now, now
	}
	a.lastClock = max(a.lastClock, now)
	at = max(a.next, a.lastClock-a.credit)
	a.forgive(at - a.next)
	whole, rem := spanRem(uint64(max(n, 0)), a.rate, a.rem)
	a.next += int64(whole)
	a.rem = rem
	return at
}

// leave says that the octets granted for the time at go now: lateness of the wake-up beyond
// the credit is not made up either.
func (a *account) leave(now, at int64) { a.forgive(now - at - a.credit) }

func (a *account) forgive(ns int64) {
	if ns > 0 {
		a.next, a.rem = a.next+ns, 0
		a.forgiven += ns
	}
}

// spanRem returns the ns that n octets take at a rate, (n·8·10⁹ + rem) / rate, and the remainder; the product has 128 bits. The
// quotient is held to 2⁶², 146 years.
func spanRem(n, rate, rem uint64) (whole, left uint64) {
	hi, lo := bits.Mul64(n, 8*uint64(time.Second))
	lo, carry := bits.Add64(lo, rem, 0)
	hi += carry
	const longest = 1 << 62
	if hi >= rate {
		return longest, 0
	}
	whole, left = bits.Div64(hi, lo, rate)
	return min(whole, longest), left
}
