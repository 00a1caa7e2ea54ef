package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"strings"
)

// The five kinds of key, as the words before the colon in a key's text.
const (
	senderSecret   = "pawl-sender-secret-1"
	senderPublic   = "pawl-sender-public-1"
	receiverSecret = "pawl-receiver-secret-1"
	receiverPublic = "pawl-receiver-public-1"
	receiptSecret  = "pawl-receipt-secret-1" // shared by both sides
)

// maxKeyText is the most octets a key's text may have: the longest key is 1,650, the
// rest is for comments.
const maxKeyText = 8 << 10

// checkSize octets of checksum follow the key: a key is copied by hand between two
// machines that cannot talk, and the low side would never hear that it has it wrong.
const checkSize = 4

// base64url is without padding and refuses stray bits: one encoding only (RFC 4648 s3.5).
var base64url = base64.RawURLEncoding.Strict()

func keySum(kind string, key []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(kind+":"), key...))
}

// writeKey is the key's one line without its end.
func writeKey(kind string, key []byte) string {
	sum := keySum(kind, key)
	return kind + ":" + base64url.EncodeToString(append(bytes.Clone(key), sum[:checkSize]...))
}

// readKey finds the one key in text, among empty lines and lines that begin with '#',
// and returns its octets. Errors wrap ErrKey and never quote the key.
func readKey(kind string, size int, text string) ([]byte, error) {
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
	name, value, _ := strings.Cut(found, ":")
	switch name {
	case kind:
	case "":
		return nil, fmt.Errorf("%w: no line with a %s", ErrKey, kind)
	case senderSecret, senderPublic, receiverSecret, receiverPublic, receiptSecret:
		return nil, fmt.Errorf("%w: found a %s, want a %s", ErrKind, name, kind)
	default:
		return nil, fmt.Errorf("%w: a line is neither a comment nor a key", ErrKey)
	}
	key, err := base64url.DecodeString(value)
	if err != nil || strings.ContainsAny(value, "\r\n") { // the decoder skips line ends
		return nil, fmt.Errorf("%w: %s is not base64url", ErrKey, kind)
	}
	if len(key) != size+checkSize {
		return nil, fmt.Errorf("%w: %s of %d octets, want %d", ErrKey, kind, len(key), size+checkSize)
	}
	key, check := key[:size], key[size:]
	if sum := keySum(kind, key); !bytes.Equal(check, sum[:checkSize]) {
		return nil, fmt.Errorf("%w: %s has a wrong checksum: it was damaged on the way", ErrKey, kind)
	}
	return key, nil
}

// fingerprint is what people compare: 80 bits of the SHA-256 of the public key's
// kind and octets, in base32, "abcd-efgh-ijkl-mnop".
func fingerprint(kind string, key []byte) string {
	sum := keySum(kind, key)
	text := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
	return text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
}
