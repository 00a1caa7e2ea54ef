package seal

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"pawl/framing"
)

const testSize = 1408 // T at MTU 1500

// pair is both identities of a link.
type pair struct {
	sender   *SenderKey
	receiver *ReceiverKey
}

func newPair(t testing.TB) pair {
	t.Helper()
	sender, err := GenerateSenderKey()
	if err != nil {
		t.Fatal(err)
	}
	receiver, err := GenerateReceiverKey()
	if err != nil {
		t.Fatal(err)
	}
	return pair{sender, receiver}
}

func (p pair) sealer(t testing.TB, mode Mode, session uint64) *Sealer {
	t.Helper()
	s, err := NewSealer(mode, p.sender, p.receiver.Public(), session, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// accept announces s and has the pair's receiver accept it.
func (p pair) accept(t testing.TB, s *Sealer, size int) *Opener {
	t.Helper()
	o, err := p.tryAccept(announced(s, size), s.mode)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (p pair) tryAccept(datagram []byte, mode Mode) (*Opener, error) {
	var h framing.Header
	if err := framing.ParseHeader(datagram, &h); err != nil {
		return nil, err
	}
	return Accept(datagram, &h, mode, p.receiver, p.sender.Public())
}

func announced(s *Sealer, size int) []byte {
	datagram := bytes.Repeat([]byte{0xAA}, size+framing.Overhead) // a slot that was used before
	s.Announce(datagram, 0, 1_700_000_000_000)
	return datagram
}

func symbolHeader(session, packet uint64) framing.Header {
	return framing.Header{Type: framing.TypeSymbol, Channel: 7, Object: framing.ObjectContent, Code: 2,
		Session: session, Packet: packet, Transfer: 9, Length: 1 << 20, MaxK: 200, R: 20, ESI: 3}
}

func pattern(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)*31 + seed
	}
	return b
}

var modes = []Mode{ModeAESGCM, ModeNone}

// TestSealOpen seals from elsewhere and in place, opens to elsewhere and in place.
func TestSealOpen(t *testing.T) {
	p := newPair(t)
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			s := p.sealer(t, mode, 5)
			o := p.accept(t, s, testSize)
			if o.Number() != 5 || o.Link() != 1 || s.Number() != 5 {
				t.Fatalf("session %d on link %d", o.Number(), o.Link())
			}
			payload := pattern(testSize, 1)
			h := symbolHeader(5, 1)
			slab := make([]byte, 3*(testSize+framing.Overhead))
			away, inPlace := slab[:testSize+framing.Overhead], slab[testSize+framing.Overhead:][:testSize+framing.Overhead]
			s.Seal(away, payload, &h)
			copy(inPlace[framing.HeaderSize:], payload)
			s.Seal(inPlace, inPlace[framing.HeaderSize:][:testSize], &h)
			if !bytes.Equal(away, inPlace) {
				t.Fatal("sealing in place writes other octets")
			}
			if sealed := !bytes.Contains(away, payload[:64]); sealed != (mode == ModeAESGCM) {
				t.Errorf("payload hidden: %v", sealed)
			}
			if tail := slab[2*len(away):]; !bytes.Equal(tail, make([]byte, len(tail))) {
				t.Error("Seal wrote past its slot")
			}
			var parsed framing.Header
			if err := framing.ParseHeader(away, &parsed); err != nil || parsed != h {
				t.Fatalf("header %+v, %v", parsed, err)
			}
			slot := make([]byte, 2*testSize)
			if err := o.Open(slot[:testSize], away, &parsed); err != nil || !bytes.Equal(slot[:testSize], payload) {
				t.Errorf("open: %v", err)
			}
			if !bytes.Equal(slot[testSize:], make([]byte, testSize)) {
				t.Error("Open wrote past its slot")
			}
			if err := o.Open(away[framing.HeaderSize:][:testSize], away, &parsed); err != nil || !bytes.Equal(away[framing.HeaderSize:][:testSize], payload) {
				t.Errorf("open in place: %v", err)
			}
		})
	}
}

// TestSealPanics: what would break the seal is our own bug and never leaves.
func TestSealPanics(t *testing.T) {
	s := newPair(t).sealer(t, ModeAESGCM, 5)
	dst := make([]byte, testSize+framing.Overhead)
	for name, tc := range map[string]struct {
		dst []byte
		h   framing.Header
	}{
		"other session":  {dst, symbolHeader(6, 1)},
		"session packet": {dst, framing.Header{Type: framing.TypeSession, Session: 5}},
		"no number left": {dst, symbolHeader(5, MaxPackets)},
		"short slot":     {dst[1:], symbolHeader(5, 1)},
	} {
		mustPanic(t, name, func() { s.Seal(tc.dst, make([]byte, testSize), &tc.h) })
	}
}

func mustPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", name)
		}
	}()
	f()
}

// TestOpenRefuses: whatever bit of a sealed packet changes, it does not open. Every bit
// of header and tag is tried, and one of each payload octet.
func TestOpenRefuses(t *testing.T) {
	p := newPair(t)
	for _, mode := range modes {
		s := p.sealer(t, mode, 5)
		o := p.accept(t, s, testSize)
		h := symbolHeader(5, 1)
		good := make([]byte, testSize+framing.Overhead)
		s.Seal(good, pattern(testSize, 3), &h)
		slot := make([]byte, testSize)
		refused := 0
		for bit := 0; bit < 8*len(good); bit++ {
			if at := bit / 8; at >= framing.HeaderSize && at < framing.HeaderSize+testSize {
				bit += 7
			}
			bad := bytes.Clone(good)
			bad[bit/8] ^= 1 << (bit % 8)
			var bh framing.Header
			if framing.ParseHeader(bad, &bh) != nil {
				continue
			}
			err := o.Open(slot, bad, &bh)
			if !errors.Is(err, ErrAuth) && !errors.Is(err, ErrNumber) && !errors.Is(err, framing.ErrType) {
				t.Fatalf("%v: bit %d: %v", mode, bit, err)
			}
			refused++
		}
		if refused < testSize {
			t.Errorf("%v: only %d changes reached the Opener", mode, refused)
		}
		if err := o.Open(slot, good[:len(good)-64], &h); !errors.Is(err, framing.ErrSize) {
			t.Errorf("%v: a shorter datagram: %v", mode, err)
		}
	}
}

// TestSealOpenProperty: any payload, number and link come back, on any size.
func TestSealOpenProperty(t *testing.T) {
	p := newPair(t)
	rapid.Check(t, func(rt *rapid.T) {
		mode := rapid.SampledFrom(modes).Draw(rt, "mode")
		number := rapid.Uint64Min(1).Draw(rt, "session")
		link := rapid.Uint8().Draw(rt, "link")
		size := 64 * rapid.IntRange(framing.MinSymbolSize/64, 160).Draw(rt, "T/64")
		s, err := NewSealer(mode, p.sender, p.receiver.Public(), number, link)
		if err != nil {
			rt.Fatal(err)
		}
		o, err := p.tryAccept(announced(s, size), mode)
		if err != nil || o.Link() != link || o.Number() != number {
			rt.Fatalf("accept: %v", err)
		}
		h := symbolHeader(number, rapid.Uint64Range(1, MaxPackets-1).Draw(rt, "packet"))
		payload := pattern(size, rapid.Byte().Draw(rt, "payload"))
		datagram, slot := make([]byte, size+framing.Overhead), make([]byte, size)
		s.Seal(datagram, payload, &h)
		if err := o.Open(slot, datagram, &h); err != nil || !bytes.Equal(slot, payload) {
			rt.Fatalf("open: %v", err)
		}
	})
}

// TestSessionsDiffer: two sessions of the same keys share no key stream.
func TestSessionsDiffer(t *testing.T) {
	p := newPair(t)
	seen := map[string]bool{}
	for number := range uint64(4) {
		s := p.sealer(t, ModeAESGCM, number+1)
		h := symbolHeader(number+1, 1)
		datagram := make([]byte, testSize+framing.Overhead)
		s.Seal(datagram, make([]byte, testSize), &h)
		seen[string(datagram[48:80])] = true
	}
	if len(seen) != 4 {
		t.Errorf("4 sessions have %d key streams", len(seen))
	}
}

// TestClone: clones seal and open at the same time (run with -race).
func TestClone(t *testing.T) {
	p := newPair(t)
	s := p.sealer(t, ModeAESGCM, 5)
	o := p.accept(t, s, testSize)
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for worker := range 4 {
		s, o := s.Clone(), o.Clone()
		wg.Go(func() {
			datagram, slot := make([]byte, testSize+framing.Overhead), make([]byte, testSize)
			for n := range 200 {
				h := symbolHeader(5, uint64(1+worker+4*n))
				payload := pattern(testSize, byte(n))
				s.Seal(datagram, payload, &h)
				if err := o.Open(slot, datagram, &h); err != nil || !bytes.Equal(slot, payload) {
					errs <- fmt.Errorf("worker %d, packet %d: %w", worker, h.Packet, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
}

func TestParseMode(t *testing.T) {
	for _, mode := range modes {
		if got, err := ParseMode(mode.String()); got != mode || err != nil {
			t.Errorf("ParseMode(%q) = %v, %v", mode, got, err)
		}
	}
	for _, name := range []string{"", "None", "mode 3", "aes"} {
		if _, err := ParseMode(name); err == nil {
			t.Errorf("ParseMode(%q) succeeds", name)
		}
	}
}
