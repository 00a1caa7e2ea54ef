package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"pawl/framing"
)

// Mode says how the packets of a session are sealed; the numbers are the wire's.
type Mode uint8

// The modes.
const (
	ModeAESGCM Mode = 1 // AES-256-GCM: encrypted and authenticated
	ModeNone   Mode = 2 // in clear with XXH64 in the tag's place: finds damage, authenticates nothing
)

// ParseMode reads the mode as configurations name it: "aes-256-gcm" or "none".
func ParseMode(name string) (Mode, error) {
	switch name {
	case ModeAESGCM.String():
		return ModeAESGCM, nil
	case ModeNone.String():
		return ModeNone, nil
	}
	return 0, fmt.Errorf("seal %q is unknown: want %q or %q", name, ModeAESGCM, ModeNone)
}

// String is the mode as configurations name it.
func (m Mode) String() string {
	switch m {
	case ModeAESGCM:
		return "aes-256-gcm"
	case ModeNone:
		return "none"
	}
	return fmt.Sprintf("mode %d", uint8(m))
}

// MaxPackets is how many packets one session may have: packet numbers stay below it.
// At the largest T (4,088 AES blocks) they use 2^44 blocks of a key, which leaves an
// attacker an advantage of 2^-41 (2^88 / 2^129, the birthday bound of counter mode).
const MaxPackets = 1 << 32

const (
	keySize   = 32 // AES-256
	nonceSize = 12 // GCM, SP 800-38D
	xxh64Size = 8  // octets of the tag in ModeNone; the other 8 are zero
)

// The contexts of HPKE's info and exports: what a secret is for is part of it.
const (
	infoContext = "pawl session v1\x00"
	keyContext  = "pawl key"
	ivContext   = "pawl iv"
)

// sessionInfo is HPKE's info: whatever both sides must agree on, so that a session
// moved to another link, number, mode or sender has another key.
func sessionInfo(session uint64, link uint8, mode Mode, sender SenderPublic) []byte {
	info := binary.BigEndian.AppendUint64([]byte(infoContext), session)
	info = append(info, link, byte(mode))
	return append(info, sender.key[:]...)
}

// exporter is what both ends of HPKE have.
type exporter interface {
	Export(context string, length int) ([]byte, error)
}

// keys is one end of a session: what seals and opens its packets. The zero value has
// no mode and is refused. Not for concurrent use: nonce is its scratch space, so that
// a packet costs no allocation.
type keys struct {
	mode   Mode
	link   uint8
	number uint64
	aead   cipher.AEAD // nil in ModeNone
	iv     [nonceSize]byte
	nonce  [nonceSize]byte
}

// schedule fills in the key and iv that e exports.
func (k *keys) schedule(e exporter) error {
	key, err := e.Export(keyContext, keySize)
	if err != nil {
		return fmt.Errorf("export session key: %w", err)
	}
	iv, err := e.Export(ivContext, nonceSize)
	if err != nil {
		return fmt.Errorf("export session iv: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("session key: %w", err)
	}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		return fmt.Errorf("session key: %w", err)
	}
	k.iv = [nonceSize]byte(iv)
	return nil
}

// at is the nonce of a packet: iv XOR (four zero octets, the packet number), as in
// TLS 1.3 (RFC 8446 s5.3). It is valid until the next call.
func (k *keys) at(packet uint64) []byte {
	k.nonce = k.iv
	tail := k.nonce[nonceSize-8:]
	binary.BigEndian.PutUint64(tail, binary.BigEndian.Uint64(tail)^packet)
	return k.nonce[:]
}

// putSum writes the tag of ModeNone after the octets that it covers: XXH64 with seed
// 0, big-endian, then zeros.
func putSum(datagram []byte) {
	body, tag := datagram[:len(datagram)-framing.TagSize], datagram[len(datagram)-framing.TagSize:]
	binary.BigEndian.PutUint64(tag, xxhash.Sum64(body))
	clear(tag[xxh64Size:])
}

// checkSum reports whether the tag is what putSum writes.
func checkSum(datagram []byte) bool {
	body, tag := datagram[:len(datagram)-framing.TagSize], datagram[len(datagram)-framing.TagSize:]
	return binary.BigEndian.Uint64(tag) == xxhash.Sum64(body) && binary.BigEndian.Uint64(tag[xxh64Size:]) == 0
}
