package check

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// SSHKey is a public key as OpenSSH writes it: "ssh-ed25519 AAAA… name".
type SSHKey struct {
	key ssh.PublicKey
}

var errSSHSig = errors.New("not an SSH signature")

// UnmarshalText reads one line of a .pub file. RSA keys of less than 2048 bits and DSA keys are refused.
func (k *SSHKey) UnmarshalText(text []byte) error {
	key, _, options, rest, err := ssh.ParseAuthorizedKey(text)
	if err != nil || len(options) > 0 || len(rest) > 0 {
		return fmt.Errorf("%.80q is not an SSH public key: write the line of the .pub file", text)
	}
	if !signsFiles(key.Type()) {
		return fmt.Errorf("%.80q: keys of type %s don't count", text, key.Type())
	}
	if public, ok := key.(ssh.CryptoPublicKey); ok {
		if weak, ok := public.CryptoPublicKey().(*rsa.PublicKey); ok && weak.N.BitLen() < leastRSA {
			return fmt.Errorf("%.80q: an RSA key of %d bits, of which %d are the least", text, weak.N.BitLen(), leastRSA)
		}
	}
	k.key = key
	return nil
}

// leastRSA is the length that NIST SP 800-131A takes for enough, in bits.
const leastRSA = 2048

// MarshalText writes the key in the one form, without its name.
func (k SSHKey) MarshalText() ([]byte, error) {
	return bytes.TrimSpace(ssh.MarshalAuthorizedKey(k.key)), nil
}

// signsFiles names the keys that count. A security key's signature holds a flag and counter that the library verifies with it.
func signsFiles(kind string) bool {
	switch kind {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return true
	}
	return false
}

// sshMagic begins a signature and what is signed (OpenSSH, PROTOCOL.sshsig).
const sshMagic = "SSHSIG"

// sshBlob follows the magic in a signature.
type sshBlob struct {
	Version   uint32
	Key       []byte
	Namespace string
	Reserved  string
	Hash      string
	Signature []byte
}

// sshSigned follows the magic in what is signed.
type sshSigned struct {
	Namespace string
	Reserved  string
	Hash      string
	Digest    []byte
}

const (
	sshBegin = "-----BEGIN SSH SIGNATURE-----"
	sshEnd   = "-----END SSH SIGNATURE-----"
)

// parseSSHSig reads the armoured signature.
func parseSSHSig(text string) (sshBlob, error) {
	var b sshBlob
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	body, ok := strings.CutPrefix(text, sshBegin+"\n")
	body, ok2 := strings.CutSuffix(body, "\n"+sshEnd)
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.ReplaceAll(body, "\n", ""))
	if !ok || !ok2 || err != nil {
		return b, errSSHSig
	}
	rest, ok := bytes.CutPrefix(raw, []byte(sshMagic))
	if !ok || ssh.Unmarshal(rest, &b) != nil || b.Version != 1 {
		return b, errSSHSig
	}
	return b, nil
}

// verifySSH asks whether one of the keys signed the file with these digests for the namespace.
func verifySSH(text, namespace string, sum256 [sha256.Size]byte, sum512 [sha512.Size]byte, keys []SSHKey) error {
	b, err := parseSSHSig(text)
	if err != nil {
		return err
	}
	if b.Namespace != namespace {
		return fmt.Errorf("for %.40q and not for %q", b.Namespace, namespace)
	}
	signed := sshSigned{Namespace: b.Namespace, Hash: b.Hash}
	switch b.Hash {
	case "sha256":
		signed.Digest = sum256[:]
	case "sha512":
		signed.Digest = sum512[:]
	default:
		return errSSHSig
	}
	var signature ssh.Signature
	if err := ssh.Unmarshal(b.Signature, &signature); err != nil {
		return errSSHSig
	}
	if signature.Format == ssh.KeyAlgoRSA { // RSA with SHA-1
		return errors.New("made with SHA-1")
	}
	for _, k := range keys {
		if !bytes.Equal(k.key.Marshal(), b.Key) {
			continue
		}
		if k.key.Verify(append([]byte(sshMagic), ssh.Marshal(signed)...), &signature) != nil {
			return errors.New("of other content")
		}
		return nil
	}
	return errors.New("by a key that is not allowed")
}
