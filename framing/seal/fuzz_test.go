package seal

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"pawl/framing"
)

// resign signs the session datagram anew, as a hostile sender would that owns the key.
func resign(datagram []byte, key *SenderKey) {
	payload := datagram[framing.HeaderSize : len(datagram)-framing.TagSize]
	copy(payload[1164:], ed25519.Sign(key.private, framing.SignedSession(datagram, payload)))
}

// FuzzAccept throws datagrams at a receiver, as they are and signed by the pinned
// sender. Nothing may panic. In mode AES-GCM only what the sender's own Sealer made may
// be accepted: the fuzzer has no way to make a tag.
func FuzzAccept(f *testing.F) {
	p := newPair(f)
	good := map[Mode][]byte{}
	for _, mode := range modes {
		good[mode] = announced(p.sealer(f, mode, 5), framing.MinSymbolSize)
		f.Add(good[mode])
	}
	f.Add(good[ModeAESGCM][:100])
	f.Fuzz(func(t *testing.T, datagram []byte) {
		var h framing.Header
		if framing.ParseHeader(datagram, &h) != nil {
			return
		}
		for _, mode := range modes {
			o, err := Accept(datagram, &h, mode, p.receiver, p.sender.Public())
			if (o == nil) == (err == nil) {
				t.Fatalf("opener %v, error %v", o, err)
			}
			if err == nil && mode == ModeAESGCM && !bytes.Equal(datagram, good[mode]) {
				t.Fatal("a forgery is accepted")
			}
			if err == nil && o.Confirm(datagram, &h) != nil {
				t.Fatal("what was accepted does not confirm")
			}
		}
		if h.Type != framing.TypeSession {
			return
		}
		signed := bytes.Clone(datagram)
		copy(signed[48+12+1120:], good[ModeAESGCM][48+12+1120:][:32]) // the pinned sender
		resign(signed, p.sender)
		if _, err := Accept(signed, &h, ModeAESGCM, p.receiver, p.sender.Public()); err == nil && !bytes.Equal(signed, good[ModeAESGCM]) {
			t.Fatal("a session without its tag is accepted")
		}
	})
}
