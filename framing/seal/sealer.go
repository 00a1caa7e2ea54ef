package seal

import (
	"crypto/ed25519"
	"crypto/hpke"
	"errors"
	"fmt"

	"pawl/framing"
)

// Sealer is the sending end of one session. One goroutine may use it; others take a
// Clone. The zero Sealer panics.
type Sealer struct {
	keys
	signer *SenderKey
	enc    []byte // HPKE encapsulation; nil in ModeNone
}

// NewSealer begins the session of the given number (at least 1, never used before on
// this link) on the given link. In ModeNone both keys are ignored and may be nil.
func NewSealer(mode Mode, sender *SenderKey, receiver *ReceiverPublic, session uint64, link uint8) (*Sealer, error) {
	if session == 0 {
		return nil, errors.New("begin session: number is zero")
	}
	s := &Sealer{keys: keys{mode: mode, link: link, number: session}}
	switch {
	case mode == ModeNone:
		return s, nil
	case mode != ModeAESGCM:
		return nil, fmt.Errorf("begin session: %w: %v", ErrMode, mode)
	case sender == nil || receiver == nil:
		return nil, errors.New("begin session: a sealed session needs the sender's and the receiver's key")
	}
	enc, context, err := hpke.NewSender(receiver.public, kdf, aead, sessionInfo(session, link, mode, sender.Public()))
	if err != nil {
		return nil, fmt.Errorf("begin session: encapsulate: %w", err)
	}
	s.signer, s.enc = sender, enc
	if err := s.schedule(context); err != nil {
		return nil, fmt.Errorf("begin session: %w", err)
	}
	return s, nil
}

// Number is the session's number.
func (s *Sealer) Number() uint64 { return s.number }

// Clone returns a Sealer of the same session for another goroutine. Packet numbers are
// still one count for all clones together: a number used twice gives the key away.
func (s *Sealer) Clone() *Sealer {
	c := *s
	return &c
}

// Seal writes one whole datagram to dst: h, the sealed payload and the tag. dst has
// T+64 octets; payload has T and is elsewhere or exactly dst[48:48+T]. h is that of a
// beat or a symbol of this session with a packet number never used before in it, below
// MaxPackets; anything else is the caller's bug and panics. Seal does not allocate.
func (s *Sealer) Seal(dst, payload []byte, h *framing.Header) {
	if h.Type == framing.TypeSession || h.Session != s.number || len(dst) != len(payload)+framing.Overhead {
		panic("seal: packet is not one of this session's beats or symbols, or its slot has a wrong size")
	}
	s.check(h.Packet)
	framing.AppendHeader(dst[:0], h)
	header, body := dst[:framing.HeaderSize], dst[framing.HeaderSize:]
	if s.mode == ModeNone {
		copy(body, payload)
		putSum(dst)
		return
	}
	s.aead.Seal(body[:0], s.at(h.Packet), payload, header)
}

// Announce writes one whole session packet to dst, which has T+64 octets: sent before
// the session's first other packet, and again every second. It uses up the packet
// number as any other packet does. issued is the low side's clock in Unix milliseconds,
// for information only.
func (s *Sealer) Announce(dst []byte, packet uint64, issued int64) {
	s.check(packet)
	signed := len(dst) - framing.TagSize
	message := framing.Session{Mode: uint8(s.mode), Link: s.link, Issued: issued}
	out := framing.AppendHeader(dst[:0], &framing.Header{Type: framing.TypeSession, Session: s.number, Packet: packet})
	if s.mode == ModeNone {
		framing.AppendSession(out, &message, signed-framing.HeaderSize)
		putSum(dst)
		return
	}
	message.Enc = [len(message.Enc)]byte(s.enc)
	message.Sender = s.signer.Public().key
	framing.AppendSession(out, &message, signed-framing.HeaderSize) // for its octets that are signed
	message.Signature = [len(message.Signature)]byte(ed25519.Sign(s.signer.private,
		framing.SignedSession(dst[:framing.HeaderSize], dst[framing.HeaderSize:signed])))
	framing.AppendSession(out, &message, signed-framing.HeaderSize)
	s.aead.Seal(dst[signed:signed], s.at(packet), nil, dst[:signed])
}

func (s *Sealer) check(packet uint64) {
	if s.mode == 0 {
		panic("seal: zero Sealer")
	}
	if packet >= MaxPackets {
		panic("seal: session has no packet numbers left: rotate before MaxPackets")
	}
}
