package seal

import (
	"fmt"
	"testing"

	"pawl/framing"
)

// hotPath is Seal and Open of one packet, with all they need made before.
type hotPath struct {
	s       *Sealer
	o       *Opener
	h       framing.Header
	payload []byte
	sealed  []byte
	slot    []byte
}

func newHotPath(t testing.TB, mode Mode, size int) *hotPath {
	p := newPair(t)
	s := p.sealer(t, mode, 5)
	hot := &hotPath{s, p.accept(t, s, size), symbolHeader(5, 1), pattern(size, 1), make([]byte, size+framing.Overhead), make([]byte, size)}
	hot.seal()
	return hot
}

func (hot *hotPath) seal() { hot.s.Seal(hot.sealed, hot.payload, &hot.h) }

// open is what a receiver does with each packet: parse, then open into the block's slot.
func (hot *hotPath) open() error {
	var h framing.Header
	if err := framing.ParseHeader(hot.sealed, &h); err != nil {
		return err
	}
	return hot.o.Open(hot.slot, hot.sealed, &h)
}

func TestHotPathAllocates(t *testing.T) {
	for _, mode := range modes {
		hot := newHotPath(t, mode, testSize)
		if n := testing.AllocsPerRun(100, hot.seal); n != 0 {
			t.Errorf("%v: Seal allocates %v times", mode, n)
		}
		if n := testing.AllocsPerRun(100, func() {
			if err := hot.open(); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%v: Open allocates %v times", mode, n)
		}
		hot.sealed[100] ^= 1
		if n := testing.AllocsPerRun(100, func() {
			if hot.open() == nil {
				t.Error("a damaged packet opens")
			}
		}); n != 0 {
			t.Errorf("%v: refusing allocates %v times", mode, n)
		}
		announcement := announced(hot.s, testSize)
		h := framing.Header{Type: framing.TypeSession, Session: 5}
		if n := testing.AllocsPerRun(100, func() {
			if err := hot.o.Confirm(announcement, &h); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%v: Confirm allocates %v times", mode, n)
		}
	}
}

func eachCase(b *testing.B, run func(b *testing.B, hot *hotPath)) {
	for _, mode := range modes {
		for _, size := range []int{1408, 8896} {
			b.Run(fmt.Sprintf("%v/T=%d", mode, size), func(b *testing.B) {
				hot := newHotPath(b, mode, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				b.ResetTimer()
				run(b, hot)
			})
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	eachCase(b, func(b *testing.B, hot *hotPath) {
		for range b.N {
			hot.seal()
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	eachCase(b, func(b *testing.B, hot *hotPath) {
		for range b.N {
			if err := hot.open(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkAcceptForged is what a forger costs us who knows the sender's public key.
func BenchmarkAcceptForged(b *testing.B) {
	p := newPair(b)
	datagram := announced(p.sealer(b, ModeAESGCM, 5), testSize)
	datagram[48+1164] ^= 1
	for range b.N {
		if _, err := p.tryAccept(datagram, ModeAESGCM); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkAccept(b *testing.B) {
	p := newPair(b)
	datagram := announced(p.sealer(b, ModeAESGCM, 5), testSize)
	for range b.N {
		if _, err := p.tryAccept(datagram, ModeAESGCM); err != nil {
			b.Fatal(err)
		}
	}
}
