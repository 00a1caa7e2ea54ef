package seal

import (
	"bytes"
	"errors"
	"testing"

	"pawl/framing"
)

// TestAnnounceTwice: each announcement of a session opens it and confirms it.
func TestAnnounceTwice(t *testing.T) {
	p := newPair(t)
	for _, mode := range modes {
		s := p.sealer(t, mode, 5)
		o := p.accept(t, s, testSize)
		again := make([]byte, testSize+framing.Overhead)
		s.Announce(again, 77, 1_700_000_001_000)
		var h framing.Header
		if err := framing.ParseHeader(again, &h); err != nil || h.Packet != 77 {
			t.Fatalf("%v: header %+v, %v", mode, h, err)
		}
		if err := o.Confirm(again, &h); err != nil {
			t.Errorf("%v: confirm: %v", mode, err)
		}
		late, err := p.tryAccept(again, mode)
		if err != nil {
			t.Fatalf("%v: accept the second announcement: %v", mode, err)
		}
		h = symbolHeader(5, 78)
		s.Seal(again, pattern(testSize, 2), &h)
		if err := late.Open(make([]byte, testSize), again, &h); err != nil {
			t.Errorf("%v: open after the second announcement: %v", mode, err)
		}
	}
}

// TestAcceptOrder: each wrong thing has its class, and the cheaper check answers first.
func TestAcceptOrder(t *testing.T) {
	p, other := newPair(t), newPair(t)
	datagram := announced(p.sealer(t, ModeAESGCM, 5), testSize)
	with := func(edit func(d []byte)) []byte {
		d := bytes.Clone(datagram)
		edit(d)
		return d
	}
	resigned := func(edit func(d []byte)) []byte { return with(func(d []byte) { edit(d); resign(d, p.sender) }) }
	clearText := announced(p.sealer(t, ModeNone, 5), testSize)
	for _, tc := range []struct {
		name     string
		p        pair
		datagram []byte
		mode     Mode
		want     error
	}{
		{"good", p, datagram, ModeAESGCM, nil},
		{"good without a seal", p, clearText, ModeNone, nil},
		{"downgrade", p, clearText, ModeAESGCM, ErrMode},
		{"upgrade", p, datagram, ModeNone, ErrMode},
		{"other sender", pair{other.sender, p.receiver}, datagram, ModeAESGCM, ErrSender},
		{"other sender, everything else broken", pair{other.sender, p.receiver},
			with(func(d []byte) { d[100] ^= 1; d[len(d)-1] ^= 1 }), ModeAESGCM, ErrSender},
		{"other number", p, with(func(d []byte) { d[15] ^= 1 }), ModeAESGCM, ErrSignature},
		{"other packet", p, with(func(d []byte) { d[23] ^= 1 }), ModeAESGCM, ErrSignature},
		{"other link", p, with(func(d []byte) { d[49] ^= 1 }), ModeAESGCM, ErrSignature},
		{"other time", p, with(func(d []byte) { d[59] ^= 1 }), ModeAESGCM, ErrSignature},
		{"other encapsulation and tag", p, with(func(d []byte) { d[100] ^= 1; d[len(d)-1] ^= 1 }), ModeAESGCM, ErrSignature},
		{"signature", p, with(func(d []byte) { d[48+1164] ^= 1 }), ModeAESGCM, ErrSignature},
		{"encapsulation of low order", p, resigned(func(d []byte) { clear(d[48+12+1088:][:32]) }), ModeAESGCM, ErrEncapsulation},
		{"encapsulation, signed", p, resigned(func(d []byte) { d[100] ^= 1 }), ModeAESGCM, ErrAuth},
		{"number, signed", p, resigned(func(d []byte) { d[15] ^= 1 }), ModeAESGCM, ErrAuth},
		{"link, signed", p, resigned(func(d []byte) { d[49] ^= 1 }), ModeAESGCM, ErrAuth},
		{"padding", p, with(func(d []byte) { d[48+1228] = 1 }), ModeAESGCM, framing.ErrCanonical},
		{"tag", p, with(func(d []byte) { d[len(d)-1] ^= 1 }), ModeAESGCM, ErrAuth},
		{"other receiver", pair{p.sender, other.receiver}, datagram, ModeAESGCM, ErrAuth},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, err := tc.p.tryAccept(tc.datagram, tc.mode)
			if !errors.Is(err, tc.want) || (o == nil) != (tc.want != nil) {
				t.Errorf("accept: %v, want %v", err, tc.want)
			}
		})
	}
}

// TestZero: values that no one made are refused.
func TestZero(t *testing.T) {
	p := newPair(t)
	datagram := announced(p.sealer(t, ModeAESGCM, 5), testSize)
	var h framing.Header
	if err := framing.ParseHeader(datagram, &h); err != nil {
		t.Fatal(err)
	}
	if _, err := Accept(datagram, &h, ModeAESGCM, p.receiver, SenderPublic{}); !errors.Is(err, ErrSender) {
		t.Errorf("accept with a zero sender: %v", err)
	}
	if (SenderPublic{}).VerifyProof([32]byte{}, [64]byte{}) {
		t.Error("the zero sender verifies a proof")
	}
	var o Opener
	sh := symbolHeader(5, 1)
	if err := o.Open(make([]byte, testSize), datagram, &sh); !errors.Is(err, ErrMode) {
		t.Errorf("zero Opener opens: %v", err)
	}
	if err := o.Confirm(datagram, &h); !errors.Is(err, ErrMode) {
		t.Errorf("zero Opener confirms: %v", err)
	}
	sh.Session = 0
	mustPanic(t, "zero Sealer seals", func() { new(Sealer).Seal(datagram, datagram[48:48+testSize], &sh) })
	mustPanic(t, "zero Sealer announces", func() { new(Sealer).Announce(datagram, 1, 0) })
	if _, err := NewSealer(0, p.sender, p.receiver.Public(), 1, 1); !errors.Is(err, ErrMode) {
		t.Errorf("mode 0: %v", err)
	}
	if _, err := NewSealer(ModeAESGCM, p.sender, p.receiver.Public(), 0, 1); err == nil {
		t.Error("session 0 begins")
	}
	if _, err := NewSealer(ModeAESGCM, nil, nil, 1, 1); err == nil {
		t.Error("a sealed session begins without keys")
	}
}
