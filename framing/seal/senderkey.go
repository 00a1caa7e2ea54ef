package seal

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"

	"pawl/framing"
)

// SenderKey is the identity of a sender: it signs sessions and proofs. Its text form is
// a secret; String is not.
type SenderKey struct {
	private ed25519.PrivateKey
}

// SenderPublic is the public half of a SenderKey, which receivers pin. The zero value
// is no key: it verifies nothing.
type SenderPublic struct {
	key [ed25519.PublicKeySize]byte
}

// GenerateSenderKey makes a new sender's key from the system's randomness.
func GenerateSenderKey() (*SenderKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate sender key: %w", err)
	}
	return &SenderKey{private}, nil
}

// ParseSenderKey reads the text of a sender's secret key, with its comments.
// Errors wrap ErrKey.
func ParseSenderKey(text string) (*SenderKey, error) {
	seed, err := readKey(senderSecret, ed25519.SeedSize, text)
	if err != nil {
		return nil, err
	}
	return &SenderKey{ed25519.NewKeyFromSeed(seed)}, nil
}

// Text is the secret as one line of text, without its end: the seed of RFC 8032.
func (k *SenderKey) Text() string { return writeKey(senderSecret, k.private.Seed()) }

// Public is the public half.
func (k *SenderKey) Public() SenderPublic {
	return SenderPublic{[ed25519.PublicKeySize]byte(k.private[ed25519.SeedSize:])}
}

// String names the key by its fingerprint, so that a log never holds the secret.
func (k *SenderKey) String() string { return "sender key " + k.Public().Fingerprint() }

// GoString is String: %#v must not print the secret either.
func (k *SenderKey) GoString() string { return k.String() }

// SignProof signs the SHA-256 of a proof's body (framing.ProofMessage).
func (k *SenderKey) SignProof(bodyDigest [32]byte) [64]byte {
	return [64]byte(ed25519.Sign(k.private, framing.ProofMessage(bodyDigest)))
}

// ParseSenderPublic reads the text of a sender's public key, with its comments.
// Errors wrap ErrKey.
func ParseSenderPublic(text string) (SenderPublic, error) {
	key, err := readKey(senderPublic, ed25519.PublicKeySize, text)
	if err != nil {
		return SenderPublic{}, err
	}
	p := SenderPublic{[ed25519.PublicKeySize]byte(key)}
	if p.zero() {
		return SenderPublic{}, fmt.Errorf("%w: %s is zero", ErrKey, senderPublic)
	}
	return p, nil
}

// String is the key as one line of text, without its end.
func (p SenderPublic) String() string { return writeKey(senderPublic, p.key[:]) }

// Fingerprint is a short text for people to compare, 80 bits.
func (p SenderPublic) Fingerprint() string { return fingerprint(senderPublic, p.key[:]) }

// Raw gives the Ed25519 public key: nobody else may have the same.
func (p SenderPublic) Raw() [ed25519.PublicKeySize]byte { return p.key }

// VerifyProof reports whether sig is this sender's signature of a proof whose body has
// the SHA-256 bodyDigest. The zero SenderPublic verifies nothing.
func (p SenderPublic) VerifyProof(bodyDigest [32]byte, sig [64]byte) bool {
	return p.verify(framing.ProofMessage(bodyDigest), sig[:])
}

// verify refuses the zero key by itself: as a curve point it has order four, and
// signatures by such a point can be made without any secret.
func (p SenderPublic) verify(message, sig []byte) bool {
	return !p.zero() && ed25519.Verify(p.key[:], message, sig)
}

func (p SenderPublic) zero() bool { return p == SenderPublic{} }
