package seal

import (
	"crypto/hpke"
	"fmt"
)

// The HPKE suite of sessions (RFC 9180; the KEM is X-Wing, X25519 with ML-KEM-768,
// id 0x647a): recordings made today stay closed to tomorrow's quantum computers. The
// AEAD is "export only": HPKE gives the key, packets are sealed by us.
var (
	kem  = hpke.MLKEM768X25519()
	kdf  = hpke.HKDFSHA256()
	aead = hpke.ExportOnly()
)

// Octets of the KEM's keys: the secret is X-Wing's seed; the public key is that of
// ML-KEM-768 (1,184) and of X25519 (32).
const (
	receiverSecretSize = 32
	receiverPublicSize = 1184 + 32
)

// ReceiverKey is the identity of a receiver: it opens sessions. Its text form is a
// secret; String is not.
type ReceiverKey struct {
	private hpke.PrivateKey
}

// ReceiverPublic is the public half of a ReceiverKey: senders seal to it.
type ReceiverPublic struct {
	public hpke.PublicKey
}

// GenerateReceiverKey makes a new receiver's key from the system's randomness.
func GenerateReceiverKey() (*ReceiverKey, error) {
	private, err := kem.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("generate receiver key: %w", err)
	}
	return &ReceiverKey{private}, nil
}

// ParseReceiverKey reads the text of a receiver's secret key, with its comments.
// Errors wrap ErrKey.
func ParseReceiverKey(text string) (*ReceiverKey, error) {
	seed, err := readKey(receiverSecret, receiverSecretSize, text)
	if err != nil {
		return nil, err
	}
	private, err := kem.NewPrivateKey(seed)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrKey, receiverSecret, err)
	}
	return &ReceiverKey{private}, nil
}

// Text is the secret as one line of text, without its end: the seed of X-Wing.
func (k *ReceiverKey) Text() string {
	seed, err := k.private.Bytes()
	if err != nil {
		panic("seal: receiver key without a seed: " + err.Error()) // only we make these keys, from seeds
	}
	return writeKey(receiverSecret, seed)
}

// Public is the public half.
func (k *ReceiverKey) Public() *ReceiverPublic { return &ReceiverPublic{k.private.PublicKey()} }

// String names the key by its fingerprint, so that a log never holds the secret.
func (k *ReceiverKey) String() string { return "receiver key " + k.Public().Fingerprint() }

// GoString is String: %#v must not print the secret either.
func (k *ReceiverKey) GoString() string { return k.String() }

// ParseReceiverPublic reads the text of a receiver's public key, with its comments.
// Errors wrap ErrKey.
func ParseReceiverPublic(text string) (*ReceiverPublic, error) {
	key, err := readKey(receiverPublic, receiverPublicSize, text)
	if err != nil {
		return nil, err
	}
	public, err := kem.NewPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrKey, receiverPublic, err)
	}
	return &ReceiverPublic{public}, nil
}

// String is the key as one line of text, without its end.
func (p *ReceiverPublic) String() string { return writeKey(receiverPublic, p.public.Bytes()) }

// Fingerprint is a short text for people to compare, 80 bits.
func (p *ReceiverPublic) Fingerprint() string { return fingerprint(receiverPublic, p.public.Bytes()) }
