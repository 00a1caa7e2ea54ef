package merkle

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Key signs the checkpoints of a log and the statements about it. Its text form is a secret; String is not.
type Key struct {
	signer note.Signer
	secret string
	public Public
}

// Public is the public half of a [Key]. The zero one verifies nothing.
type Public struct {
	verifier note.Verifier
	text     string
}

// GenerateKey makes the key of the log that is called origin: a name that no other log has, as in
// "example.org/pawl/high", of up to 255 printable ASCII characters without blanks and "+".
func GenerateKey(origin string) (*Key, error) {
	if !validOrigin(origin) {
		return nil, fmt.Errorf("%w: name %q is empty, longer than 255 or has blanks, \"+\" or other than ASCII", ErrKey, origin)
	}
	secret, _, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, fmt.Errorf("generate audit key: %w", err)
	}
	return ParseKey(secret)
}

// privatePrefix begins a secret key in the signed-note format; the public key is computed from the seed after it.
const privatePrefix = "PRIVATE+KEY+"

// ParseKey reads the text of a secret key, with its comments. Errors wrap [ErrKey] and never have the text in them.
func ParseKey(text string) (*Key, error) {
	line, err := keyLine(text)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(line)
	if err != nil || !validOrigin(signer.Name()) {
		return nil, fmt.Errorf("%w: not a secret key in the signed-note format", ErrKey)
	}
	public, err := publicOf(line, signer)
	if err != nil {
		return nil, err
	}
	return &Key{signer: signer, secret: line, public: public}, nil
}

// ParsePublic reads the text of a public key, with its comments. Errors wrap [ErrKey].
func ParsePublic(text string) (Public, error) {
	line, err := keyLine(text)
	if err != nil {
		return Public{}, err
	}
	if strings.HasPrefix(line, privatePrefix) {
		return Public{}, fmt.Errorf("%w: %w", ErrKey, ErrSecret)
	}
	verifier, err := note.NewVerifier(line)
	if err != nil || !validOrigin(verifier.Name()) {
		return Public{}, fmt.Errorf("%w: not a public key in the signed-note format", ErrKey)
	}
	return Public{verifier: verifier, text: line}, nil
}

// keyLine gives the one line of a text that is no comment.
func keyLine(text string) (string, error) {
	var found string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case found != "":
			return "", fmt.Errorf("%w: more than one line beside comments", ErrKey)
		default:
			found = line
		}
	}
	if found == "" {
		return "", fmt.Errorf("%w: no key in it", ErrKey)
	}
	return found, nil
}

// Text is the secret as one line of text, without its end.
func (k *Key) Text() string { return k.secret }

// Public is the public half.
func (k *Key) Public() Public { return k.public }

// String names the key by its fingerprint, so that a log never holds the secret.
func (k *Key) String() string { return "audit key " + k.public.Fingerprint() }

// GoString is String: %#v must not print the secret either.
func (k *Key) GoString() string { return k.String() }

// Sign signs any octets with the key as they are. The caller keeps its messages apart from checkpoints, which begin
// with the origin: DSSE's begin with "DSSEv1 ", and an origin has no blank.
func (k *Key) Sign(message []byte) ([]byte, error) { return k.signer.Sign(message) }

// Origin is the name of the log.
func (p Public) Origin() string {
	if p.verifier == nil {
		return ""
	}
	return p.verifier.Name()
}

// String is the key as one line of text in the signed-note format, without its end.
func (p Public) String() string { return p.text }

// Verify says whether sig is the key's signature of message.
func (p Public) Verify(message, sig []byte) bool {
	return p.verifier != nil && p.verifier.Verify(message, sig)
}

// Fingerprint is a short text for people to compare, 80 bits of the SHA-256 of the key's line.
func (p Public) Fingerprint() string {
	sum := sha256.Sum256([]byte(p.text))
	text := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
	return strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-")
}

// publicOf computes the public key of a secret line that note has accepted.
func publicOf(line string, signer note.Signer) (Public, error) {
	prefix := fmt.Sprintf("%s%s+%08x+", privatePrefix, signer.Name(), signer.KeyHash())
	seed, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, prefix))
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return Public{}, fmt.Errorf("%w: not a secret key in the signed-note format", ErrKey)
	}
	private := ed25519.NewKeyFromSeed(seed[1:])
	text, err := note.NewEd25519VerifierKey(signer.Name(), private.Public().(ed25519.PublicKey))
	if err != nil {
		return Public{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	verifier, err := note.NewVerifier(text)
	if err != nil {
		return Public{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return Public{verifier: verifier, text: text}, nil
}
