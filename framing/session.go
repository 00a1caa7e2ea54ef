package framing

import (
	"encoding/binary"
	"fmt"
)

// Offsets of the session payload, in octets. What is before signatureOffset is
// what the signature covers, after the header.
const (
	encSize         = 1120 // ML-KEM-768 ciphertext 1088 + X25519 public key 32
	senderSize      = 32   // Ed25519 public key (RFC 8032)
	signatureSize   = 64   // Ed25519 signature
	issuedOffset    = 4
	encOffset       = issuedOffset + 8
	senderOffset    = encOffset + encSize
	signatureOffset = senderOffset + senderSize
	sessionSize     = signatureOffset + signatureSize // 1228
)

// The modes of a session; seal.Mode has the same numbers.
const (
	modeAESGCM = 1
	modeNone   = 2
)

// sessionContext is what every signature of a session begins with, so that it
// can never be one of anything else.
const sessionContext = "pawl session v1\x00"

// Session is the payload of a session packet: which keys the sender's packets
// are sealed with, and who says so. Its number is the header's.
type Session struct {
	Mode      uint8               // 1 AES-256-GCM, 2 none
	Link      uint8               // the link's number
	Issued    int64               // low side's clock, Unix milliseconds; information only
	Enc       [encSize]byte       // HPKE encapsulation; zero in mode 2
	Sender    [senderSize]byte    // Ed25519 public key; zero in mode 2
	Signature [signatureSize]byte // over SignedSession; zero in mode 2
}

// AppendSession appends the payload of s, zero-padded to symbolSize octets, to
// dst. It does not check s: a session that ParseSession would refuse, or a
// symbolSize below MinSymbolSize, is the caller's bug.
func AppendSession(dst []byte, s *Session, symbolSize int) []byte {
	start := len(dst)
	dst = append(dst, s.Mode, s.Link, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.Issued))
	dst = append(dst, s.Enc[:]...)
	dst = append(dst, s.Sender[:]...)
	dst = append(dst, s.Signature[:]...)
	return appendZeros(dst, symbolSize-(len(dst)-start))
}

// ParseSession reads the payload (T octets) of a session packet. It checks the
// form only: keys and signature are for framing/seal. Errors are ErrSize,
// ErrField and, for padding that is not zero, ErrCanonical.
func ParseSession(payload []byte) (Session, error) {
	if !validSymbolSize(len(payload)) {
		return Session{}, fmt.Errorf("%w: session payload of %d octets", ErrSize, len(payload))
	}
	s := Session{
		Mode:      payload[0],
		Link:      payload[1],
		Issued:    int64(binary.BigEndian.Uint64(payload[issuedOffset:])),
		Enc:       [encSize]byte(payload[encOffset:]),
		Sender:    [senderSize]byte(payload[senderOffset:]),
		Signature: [signatureSize]byte(payload[signatureOffset:]),
	}
	if s.Mode != modeAESGCM && s.Mode != modeNone {
		return Session{}, fmt.Errorf("%w: session mode %d", ErrField, s.Mode)
	}
	if payload[2] != 0 || payload[3] != 0 {
		return Session{}, fmt.Errorf("%w: reserved octets of the session are not zero", ErrField)
	}
	if s.Mode == modeNone && !allZero(payload[encOffset:sessionSize]) {
		return Session{}, fmt.Errorf("%w: session without a seal has keys", ErrField)
	}
	if !allZero(payload[sessionSize:]) {
		return Session{}, fmt.Errorf("%w: session padding is not zero", ErrCanonical)
	}
	return s, nil
}

// SignedSession returns the octets that a session's signature covers: the
// context, the header and the payload up to the signature. header has
// HeaderSize octets, payload at least 1164.
func SignedSession(header, payload []byte) []byte {
	signed := make([]byte, 0, len(sessionContext)+HeaderSize+signatureOffset)
	signed = append(signed, sessionContext...)
	signed = append(signed, header[:HeaderSize]...)
	return append(signed, payload[:signatureOffset]...)
}

// appendZeros appends n zero octets, none when n is negative.
func appendZeros(dst []byte, n int) []byte {
	if n <= 0 {
		return dst
	}
	return append(dst, make([]byte, n)...)
}

// allZero says whether all octets of b are zero.
func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
