package seal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// receiptContext begins what a receipt's MAC is over.
const receiptContext = "pawl-receipt-1"

// receiptKeySize is that of the hash: RFC 2104 section 3.
const receiptKeySize = sha256.Size

// ReceiptKey is what both sides of a link share so that the low side can tell a receipt code from an invented one. It
// protects nothing else: who has it can claim arrivals, and neither open nor sign anything. Its text form is a secret;
// String is not.
type ReceiptKey struct {
	secret [receiptKeySize]byte
}

// GenerateReceiptKey makes a new receipt key from the system's randomness.
func GenerateReceiptKey() (*ReceiptKey, error) {
	k := new(ReceiptKey)
	if _, err := rand.Read(k.secret[:]); err != nil {
		return nil, fmt.Errorf("generate receipt key: %w", err)
	}
	return k, nil
}

// ParseReceiptKey reads the text of a receipt key, with its comments. Errors wrap ErrKey.
func ParseReceiptKey(text string) (*ReceiptKey, error) {
	secret, err := readKey(receiptSecret, receiptKeySize, text)
	if err != nil {
		return nil, err
	}
	return &ReceiptKey{[receiptKeySize]byte(secret)}, nil
}

// Text is the secret as one line of text, without its end.
func (k *ReceiptKey) Text() string { return writeKey(receiptSecret, k.secret[:]) }

// Fingerprint is a short text for people to compare on both sides, 80 bits of a hash of the secret.
func (k *ReceiptKey) Fingerprint() string { return fingerprint(receiptSecret, k.secret[:]) }

// String names the key by its fingerprint, so that a log never holds the secret.
func (k *ReceiptKey) String() string { return "receipt key " + k.Fingerprint() }

// GoString is String: %#v must not print the secret either.
func (k *ReceiptKey) GoString() string { return k.String() }

// Receipt is the MAC that says a channel's transfer arrived whole with the proof whose body has the SHA-256 bodyDigest:
// HMAC-SHA-256 of a context, the two numbers and the digest. A receipt code shows its first octets.
func (k *ReceiptKey) Receipt(channel uint16, transfer uint64, bodyDigest [32]byte) [sha256.Size]byte {
	message := binary.BigEndian.AppendUint16([]byte(receiptContext), channel)
	message = binary.BigEndian.AppendUint64(message, transfer)
	mac := hmac.New(sha256.New, k.secret[:])
	mac.Write(append(message, bodyDigest[:]...))
	return [sha256.Size]byte(mac.Sum(nil))
}
