package check

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// MinisignKey is a public key of minisign, as in the second line of its file: RW and 54 more letters. See
// jedisct1.github.io/minisign for the formats.
type MinisignKey struct {
	id  [8]byte
	key [ed25519.PublicKeySize]byte
}

var errMinisign = errors.New("not a minisign signature")

// UnmarshalText reads the key's line.
func (k *MinisignKey) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(raw) != 42 || string(raw[:2]) != "Ed" {
		return fmt.Errorf("%.80q is not a minisign public key: write the second line of the .pub file", text)
	}
	copy(k.id[:], raw[2:10])
	copy(k.key[:], raw[10:])
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (k MinisignKey) MarshalText() ([]byte, error) {
	raw := append(append([]byte("Ed"), k.id[:]...), k.key[:]...)
	return base64.StdEncoding.AppendEncode(nil, raw), nil
}

// minisig is a signature file.
type minisig struct {
	prehashed bool
	id        [8]byte
	signature [ed25519.SignatureSize]byte
	comment   string // trusted: signed with the signature
	global    [ed25519.SignatureSize]byte
}

// parseMinisig reads a signature file: an untrusted comment, the signature, a trusted comment, the signature of both.
func parseMinisig(text string) (minisig, error) {
	var m minisig
	lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "untrusted comment: ") {
		return m, errMinisign
	}
	comment, ok := strings.CutPrefix(lines[2], "trusted comment: ")
	raw, err := base64.StdEncoding.Strict().DecodeString(lines[1])
	global, err2 := base64.StdEncoding.Strict().DecodeString(lines[3])
	if !ok || err != nil || err2 != nil || len(raw) != 74 || len(global) != len(m.global) {
		return m, errMinisign
	}
	switch string(raw[:2]) {
	case "ED":
		m.prehashed = true
	case "Ed":
	default:
		return m, errMinisign
	}
	m.comment = comment
	copy(m.id[:], raw[2:10])
	copy(m.signature[:], raw[10:])
	copy(m.global[:], global)
	return m, nil
}

// verifyMinisign asks whether one of the keys signed the file with this BLAKE2b digest.
func verifyMinisign(text string, sum [64]byte, keys []MinisignKey) error {
	m, err := parseMinisig(text)
	if err != nil {
		return err
	}
	if !m.prehashed {
		return errors.New("of the old kind, which needs the whole file in memory: sign with minisign 0.10 or later, or with -H")
	}
	for _, k := range keys {
		if k.id != m.id {
			continue
		}
		both := append(bytes.Clone(m.signature[:]), m.comment...)
		if ed25519.Verify(k.key[:], sum[:], m.signature[:]) && ed25519.Verify(k.key[:], both, m.global[:]) {
			return nil
		}
		return errors.New("of other content")
	}
	return errors.New("by a key that is not allowed")
}
