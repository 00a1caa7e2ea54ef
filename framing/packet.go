package framing

import (
	"encoding/binary"
	"fmt"
)

// The first octets of every datagram: "PW" and the version of this format.
const (
	magic0  = 'P'
	magic1  = 'W'
	version = 1
)

// Type says what a packet carries.
type Type uint8

// The packet types.
const (
	TypeSession Type = 1
	TypeBeat    Type = 2
	TypeSymbol  Type = 3
)

// String returns the word for t, or its number.
func (t Type) String() string {
	switch t {
	case TypeSession:
		return "session"
	case TypeBeat:
		return "beat"
	case TypeSymbol:
		return "symbol"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Object says which object of a transfer a symbol belongs to.
type Object uint8

// The objects of a transfer.
const (
	ObjectPlan    Object = 1
	ObjectContent Object = 2
	ObjectProof   Object = 3
)

// String returns the word for o, or its number.
func (o Object) String() string {
	switch o {
	case ObjectPlan:
		return "plan"
	case ObjectContent:
		return "content"
	case ObjectProof:
		return "proof"
	}
	return fmt.Sprintf("object %d", uint8(o))
}

// The codes as the header names them; fec.Code has the same numbers.
const (
	codeNone = 1
	codeLast = 4
)

// Header is the 48 clear octets of a datagram. In session and beat packets
// only Type, Session and Packet are not zero.
type Header struct {
	Type     Type
	Object   Object // symbol: 1..3
	Code     uint8  // symbol: 1..4, the numbers of fec.Code
	Channel  uint16 // symbol: >= 1
	Session  uint64 // >= 1
	Packet   uint64 // packet number in the session, from 0
	Transfer uint64 // symbol: >= 1
	Length   uint64 // symbol: octets of the object, 1..MaxLength
	Block    uint32 // symbol: source block number (SBN, RFC 5052)
	MaxK     uint16 // symbol: B of RFC 5052, most source symbols in a block, >= 1
	R        uint16 // symbol: repair symbols in each block
	ESI      uint16 // symbol: encoding symbol id, < MaxK+R
}

// AppendHeader appends the HeaderSize octets of h to dst. It does not check
// h: a header that ParseHeader would refuse is the caller's bug, and of
// Length only the low 48 bits are written.
func AppendHeader(dst []byte, h *Header) []byte {
	be := binary.BigEndian
	dst = append(dst, magic0, magic1, version, byte(h.Type))
	dst = be.AppendUint16(dst, h.Channel)
	dst = append(dst, byte(h.Object), h.Code)
	dst = be.AppendUint64(dst, h.Session)
	dst = be.AppendUint64(dst, h.Packet)
	dst = be.AppendUint64(dst, h.Transfer)
	dst = be.AppendUint16(dst, uint16(h.Length>>32))
	dst = be.AppendUint32(dst, uint32(h.Length))
	dst = be.AppendUint32(dst, h.Block)
	dst = be.AppendUint16(dst, h.MaxK)
	dst = be.AppendUint16(dst, h.R)
	return be.AppendUint16(dst, h.ESI)
}

// Refusals are made once: a forged packet must not cost an allocation.
var (
	errDatagramSize = fmt.Errorf("%w: datagram is not a header, a symbol and a tag", ErrSize)
	errDatagram     = fmt.Errorf("%w: datagram does not begin with PW", ErrMagic)
	errPacket       = fmt.Errorf("%w: packet is not of version %d", ErrVersion, version)
	errPacketType   = fmt.Errorf("%w: packet is no session, beat or symbol", ErrType)
	errSession      = fmt.Errorf("%w: session is zero", ErrField)
	errNotZero      = fmt.Errorf("%w: session or beat packet with a symbol's fields", ErrField)
	errChannel      = fmt.Errorf("%w: channel is zero", ErrField)
	errObject       = fmt.Errorf("%w: object is unknown", ErrField)
	errCode         = fmt.Errorf("%w: code is unknown", ErrField)
	errTransfer     = fmt.Errorf("%w: transfer is zero", ErrField)
	errLength       = fmt.Errorf("%w: object length is zero", ErrField)
	errMaxK         = fmt.Errorf("%w: maxk is zero", ErrField)
	errRepair       = fmt.Errorf("%w: repair symbols without a code", ErrField)
	errESI          = fmt.Errorf("%w: esi is not below maxk + r", ErrField)
)

// ParseHeader reads the header of a whole datagram into h and checks what can
// be checked without keys: the datagram's size is one a link can have, and
// each field has a permitted value. It does not allocate. On an error (ErrSize,
// ErrMagic, ErrVersion, ErrType, ErrField) h is left alone.
//
// It does not know the link: that the datagram has this link's size, and that
// block and esi exist in the object's partition, is for the caller to check.
func ParseHeader(datagram []byte, h *Header) error {
	if !validSymbolSize(len(datagram) - Overhead) {
		return errDatagramSize
	}
	if datagram[0] != magic0 || datagram[1] != magic1 {
		return errDatagram
	}
	if datagram[2] != version {
		return errPacket
	}
	be := binary.BigEndian
	p := Header{
		Type:     Type(datagram[3]),
		Channel:  be.Uint16(datagram[4:]),
		Object:   Object(datagram[6]),
		Code:     datagram[7],
		Session:  be.Uint64(datagram[8:]),
		Packet:   be.Uint64(datagram[16:]),
		Transfer: be.Uint64(datagram[24:]),
		Length:   uint64(be.Uint16(datagram[32:]))<<32 | uint64(be.Uint32(datagram[34:])),
		Block:    be.Uint32(datagram[38:]),
		MaxK:     be.Uint16(datagram[42:]),
		R:        be.Uint16(datagram[44:]),
		ESI:      be.Uint16(datagram[46:]),
	}
	if err := p.check(); err != nil {
		return err
	}
	*h = p
	return nil
}

// check applies the rules for each field.
func (h *Header) check() error {
	switch h.Type {
	case TypeSymbol:
		return h.checkSymbol()
	case TypeSession, TypeBeat:
		if h.Session == 0 {
			return errSession
		}
		if *h != (Header{Type: h.Type, Session: h.Session, Packet: h.Packet}) {
			return errNotZero
		}
		return nil
	}
	return errPacketType
}

// checkSymbol applies the rules for the fields of a symbol.
func (h *Header) checkSymbol() error {
	switch {
	case h.Session == 0:
		return errSession
	case h.Channel == 0:
		return errChannel
	case h.Object < ObjectPlan || h.Object > ObjectProof:
		return errObject
	case h.Code < codeNone || h.Code > codeLast:
		return errCode
	case h.Transfer == 0:
		return errTransfer
	case h.Length == 0:
		return errLength
	case h.MaxK == 0:
		return errMaxK
	case h.Code == codeNone && h.R != 0:
		return errRepair
	case uint32(h.ESI) >= uint32(h.MaxK)+uint32(h.R):
		return errESI
	}
	return nil
}
