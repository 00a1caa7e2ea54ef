package seal

import (
	"crypto/hpke"
	"fmt"

	"pawl/framing"
)

// Opener is the receiving end of one session that was accepted. One goroutine may use
// it; others take a Clone. The zero Opener opens nothing.
type Opener struct {
	keys
	size int // octets of each datagram: that of the session packet
}

// Errors of the form, made once.
var (
	errSize    = fmt.Errorf("%w: datagram has not the size of its session's", framing.ErrSize)
	errSession = fmt.Errorf("%w: packet announces no session", framing.ErrType)
	errPacket  = fmt.Errorf("%w: session packet where a beat or a symbol is due", framing.ErrType)
)

// Accept opens the session that the datagram, whose header is h, announces. mode, key
// and sender are the link's configuration, never the packet's: in ModeNone key may be
// nil and sender zero, and nothing is authenticated.
//
// It checks in this order, so that a forger without the sender's key costs at most one
// signature check: form and mode (errors of framing, ErrMode), the sender's key against
// the pinned one (ErrSender), the signature (ErrSignature), the encapsulation
// (ErrEncapsulation), the tag (ErrAuth; also when the session was sealed to another
// receiver). Whether the number is fresh is for the caller to check: before, because it
// is cheap, and against what it has on disk.
func Accept(datagram []byte, h *framing.Header, mode Mode, key *ReceiverKey, sender SenderPublic) (*Opener, error) {
	if h.Type != framing.TypeSession {
		return nil, errSession
	}
	if len(datagram) < framing.Overhead {
		return nil, errSize
	}
	header, payload := datagram[:framing.HeaderSize], datagram[framing.HeaderSize:len(datagram)-framing.TagSize]
	message, err := framing.ParseSession(payload)
	if err != nil {
		return nil, err
	}
	if mode != Mode(message.Mode) {
		return nil, ErrMode
	}
	o := &Opener{keys{mode: mode, link: message.Link, number: h.Session}, len(datagram)}
	if mode == ModeAESGCM {
		if sender.zero() || message.Sender != sender.key {
			return nil, ErrSender
		}
		if !sender.verify(framing.SignedSession(header, payload), message.Signature[:]) {
			return nil, ErrSignature
		}
		info := sessionInfo(h.Session, message.Link, mode, sender)
		context, err := hpke.NewRecipient(message.Enc[:], key.private, kdf, aead, info)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrEncapsulation, err)
		}
		if err := o.schedule(context); err != nil {
			return nil, err
		}
	}
	if err := o.Confirm(datagram, h); err != nil {
		return nil, err
	}
	return o, nil
}

// Link is the number of the link as the sender counts its links.
func (o *Opener) Link() uint8 { return o.link }

// Number is the session's number.
func (o *Opener) Number() uint64 { return o.number }

// Clone returns an Opener of the same session for another goroutine.
func (o *Opener) Clone() *Opener {
	c := *o
	return &c
}

// Confirm checks a repeated session packet of this session, whose header is h: the tag
// alone, which only the session's sender can make. It does not allocate.
func (o *Opener) Confirm(datagram []byte, h *framing.Header) error {
	if h.Type != framing.TypeSession {
		return errSession
	}
	if err := o.check(datagram, h); err != nil {
		return err
	}
	if o.mode == ModeNone {
		if !checkSum(datagram) {
			return ErrAuth
		}
		return nil
	}
	signed := len(datagram) - framing.TagSize
	if _, err := o.aead.Open(nil, o.at(h.Packet), datagram[signed:], datagram[:signed]); err != nil {
		return ErrAuth
	}
	return nil
}

// Open authenticates the datagram of a beat or a symbol, whose header is h, and writes
// its payload to dst. dst has T octets and is elsewhere (the symbol's place in its
// block) or exactly datagram[48:48+T]. On an error (ErrAuth, ErrNumber, ErrMode,
// framing.ErrSize, framing.ErrType) dst holds nothing of the packet but may have been
// cleared. It does not allocate.
func (o *Opener) Open(dst, datagram []byte, h *framing.Header) error {
	if h.Type == framing.TypeSession {
		return errPacket
	}
	if err := o.check(datagram, h); err != nil {
		return err
	}
	header, sealed := datagram[:framing.HeaderSize], datagram[framing.HeaderSize:]
	size := len(sealed) - framing.TagSize
	dst = dst[:size:size]
	if o.mode == ModeNone {
		if !checkSum(datagram) {
			return ErrAuth
		}
		copy(dst, sealed)
		return nil
	}
	if _, err := o.aead.Open(dst[:0], o.at(h.Packet), sealed, header); err != nil {
		return ErrAuth
	}
	return nil
}

func (o *Opener) check(datagram []byte, h *framing.Header) error {
	switch {
	case o.mode == 0:
		return ErrMode
	case h.Session != o.number:
		return ErrNumber
	case len(datagram) != o.size:
		return errSize
	}
	return nil
}
