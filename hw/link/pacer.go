package link

import (
	"sync/atomic"
	"time"
)

// nap is the longest a Pacer sleeps before it looks whether it was stopped.
const nap = 50 * time.Millisecond

// clock is what a Pacer reads and sleeps by: ns since any fixed moment, never back.
type clock interface {
	now() int64
	// sleepUntil returns at the time t or later; it may return early.
	sleepUntil(t int64)
	// lock and unlock prepare the calling goroutine's thread for short sleeps.
	lock()
	unlock()
}

// Pacer lets octets pass at a rate, in the order of its calls: each Wait returns when the
// octets before it have had their time on the wire. Deadlines are absolute, so that late
// wake-ups do not add up; lateness beyond the burst is forgiven, not made up.
//
// Its calls are for one goroutine, apart from Stop and Forgiven.
type Pacer struct {
	clock    clock
	account  account
	spin     bool
	stopped  atomic.Bool
	forgiven atomic.Int64
}

// NewPacer makes a Pacer for a rate in bit/s on the wire; 0 means no limit. After lateness it
// makes up at most burst octets (0: what the rate sends in [DefaultCredit]), so that the
// longest run at the device's own speed is burst + the octets of one Wait.
//
// A sleep is a system call, and when it ends the goroutine needs a P of Go's scheduler again:
// where goroutines that compute hold them all it waits milliseconds, and with the default
// burst the link then runs at half its rate ([Pacer.Forgiven] says so). Set GOMAXPROCS to two
// more than compute, and a burst of 1 ms where the diode and the receiver have buffers for
// it: BenchmarkPacerBusy shows the difference.
//
// On Linux it sleeps with clock_nanosleep, which wakes within some 100 µs once the thread is
// locked: call [Pacer.Lock] in the goroutine that waits. Elsewhere it is [NewTimePacer].
func NewPacer(rate uint64, burst int) *Pacer { return newPacer(rate, burst, systemClock()) }

// NewTimePacer is NewPacer over package time: for tests under testing/synctest. Its sleeps
// may be a millisecond late, which at a high rate costs what the burst does not make up.
func NewTimePacer(rate uint64, burst int) *Pacer { return newPacer(rate, burst, timeClock{time.Now()}) }

func newPacer(rate uint64, burst int, c clock) *Pacer {
	return &Pacer{clock: c, account: newAccount(rate, burst)}
}

// Lock ties the calling goroutine to its thread and takes the timer slack of that thread
// down from 50 µs to 1 ns (PR_SET_TIMERSLACK). Unlock, from the same goroutine, undoes both.
func (p *Pacer) Lock() { p.clock.lock() }

// Unlock undoes Lock.
func (p *Pacer) Unlock() { p.clock.unlock() }

// Spin makes Wait burn a core instead of sleeping: gaps are half as long and the core is
// gone. Off by default.
func (p *Pacer) Spin(on bool) { p.spin = on }

// Wait books the octets of the next send, as they count on the wire ([WireSize] for each
// datagram), and returns when they may go. After Stop it returns at once.
func (p *Pacer) Wait(wireBytes int) {
	if p.account.rate == 0 {
		return
	}
	now := p.clock.now()
	at := p.account.grant(now, wireBytes)
	for now < at && !p.stopped.Load() {
		if !p.spin {
			p.clock.sleepUntil(min(at, now+int64(nap)))
		}
		now = p.clock.now()
	}
	p.account.leave(now, at)
	p.forgiven.Store(p.account.forgiven)
}

// Stop makes a Wait that sleeps return within 50 ms and each one after return at once, so
// that a program can end. Nothing more should be sent then. From any goroutine.
func (p *Pacer) Stop() { p.stopped.Store(true) }

// Forgiven returns how long the link was left idle beyond what the burst could make up:
// because nothing was there to send, or the machine was late. From any goroutine.
func (p *Pacer) Forgiven() time.Duration { return time.Duration(p.forgiven.Load()) }

// timeClock is package time.
type timeClock struct{ start time.Time }

func (c timeClock) now() int64         { return int64(time.Since(c.start)) }
func (c timeClock) sleepUntil(t int64) { time.Sleep(time.Duration(t - c.now())) }
func (c timeClock) lock()              {}
func (c timeClock) unlock()            {}
