package person

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"strings"
)

// The kinds of text, as the first word of the line.
const (
	publicKind = "pawl-person-1"
	secretKind = "pawl-person-secret-1"
)

// maxKeyText is the most octets of a key's file: a secret has some 300, the rest is for comments.
const maxKeyText = 8 << 10

// base64std refuses stray bits: one encoding only (RFC 4648 s3.5).
var base64std = base64.RawStdEncoding.Strict()

// checkSize octets of checksum follow a public key: it is copied by hand into a file.
const checkSize = 4

// Public is the half of a person's key that everybody may have. It is comparable; the zero one is nobody's.
type Public struct {
	name string
	key  [ed25519.PublicKeySize]byte
}

// ParsePublic reads the text of a public key, with its comments. Errors wrap [ErrKey].
func ParsePublic(text string) (Public, error) {
	fields, err := keyLine(text, publicKind, 3)
	if err != nil {
		return Public{}, err
	}
	return publicFrom(fields[1], fields[2])
}

// NewPublic makes the public key of a person from its parts.
func NewPublic(name string, key [ed25519.PublicKeySize]byte) Public { return Public{name, key} }

// publicFrom reads a name and a key with its checksum.
func publicFrom(name, text string) (Public, error) {
	p := Public{name: name}
	data, err := base64std.DecodeString(text)
	if err != nil || len(data) != len(p.key)+checkSize {
		return Public{}, fmt.Errorf("%w: %s of %s is not %d octets of base64", ErrKey, publicKind, name, len(p.key)+checkSize)
	}
	copy(p.key[:], data)
	sum := p.sum()
	if string(sum[:checkSize]) != string(data[len(p.key):]) {
		return Public{}, fmt.Errorf("%w: %s of %s has a wrong checksum: it was damaged on the way", ErrKey, publicKind, name)
	}
	if p.key == [ed25519.PublicKeySize]byte{} {
		return Public{}, fmt.Errorf("%w: %s of %s is all zero", ErrKey, publicKind, name)
	}
	return p, nil
}

// sum covers the name too: a line that is given another name by hand is not a key any more.
func (p Public) sum() [sha256.Size]byte {
	return sha256.Sum256([]byte(publicKind + " " + p.name + " " + string(p.key[:])))
}

func (p Public) text() string {
	sum := p.sum()
	return base64std.EncodeToString(append(p.key[:], sum[:checkSize]...))
}

// Name is what the person is called.
func (p Public) Name() string { return p.name }

// Raw gives the Ed25519 public key (RFC 8032).
func (p Public) Raw() [ed25519.PublicKeySize]byte { return p.key }

// String is the key's one line, "pawl-person-1 NAME BASE64".
func (p Public) String() string { return publicKind + " " + p.name + " " + p.text() }

// Fingerprint is what people compare: 80 bits of a SHA-256 of kind, name and key in base32, "abcd-efgh-ijkl-mnop".
func (p Public) Fingerprint() string {
	sum := p.sum()
	text := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
	return text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
}

// keyLine finds the one line with a key in text, among empty lines and lines that begin with '#', and gives its words: exactly so
// many, with one blank between. Errors wrap [ErrKey] and never quote the key.
func keyLine(text, kind string, words int) ([]string, error) {
	if len(text) > maxKeyText {
		return nil, fmt.Errorf("%w: text of %d octets, a key has at most %d", ErrKey, len(text), maxKeyText)
	}
	found := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "" || line[0] == '#':
		case found != "":
			return nil, fmt.Errorf("%w: more than one key", ErrKey)
		default:
			found = line
		}
	}
	fields := strings.Split(found, " ")
	switch {
	case found == "":
		return nil, fmt.Errorf("%w: no line with a %s", ErrKey, kind)
	case fields[0] != kind && (fields[0] == publicKind || fields[0] == secretKind):
		return nil, fmt.Errorf("%w: found a %s, want a %s", ErrKind, fields[0], kind)
	case fields[0] != kind:
		return nil, fmt.Errorf("%w: a line is neither a comment nor a %s", ErrKey, kind)
	case len(fields) != words || strings.ContainsAny(found, "\r\n"):
		return nil, fmt.Errorf("%w: a %s has %d words", ErrKey, kind, words)
	}
	return fields, CheckName(fields[1])
}
