package person

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// MinPassphrase and MaxPassphrase bound a passphrase in octets. The file is one thing that a thief needs, the passphrase another, so the
// least is what NIST SP 800-63B asks of a secret that does not stand alone.
const (
	MinPassphrase = 8
	MaxPassphrase = 1024
)

// cost is what Argon2id (RFC 9106) is asked to spend on a passphrase.
type cost struct {
	time    uint32 // passes
	memory  uint32 // KiB
	threads uint8
}

// usual is the second choice of RFC 9106 s4, for machines that have other things in memory too.
var usual = cost{time: 3, memory: 64 << 10, threads: 4}

// Bounds of what a key file may ask for: a file from elsewhere must not stop the program that opens it. Together they are
// some ten seconds of one core.
const (
	maxTime    = 16
	maxMemory  = 1 << 20 // KiB: 1 GiB
	maxThreads = 16
	maxWork    = 4 << 20 // passes × KiB
)

const saltSize = 16 // RFC 9106 s3.1

func (c cost) String() string {
	return fmt.Sprintf("argon2id,t=%d,m=%d,p=%d", c.time, c.memory, c.threads)
}

// parseCost reads what String writes, within the bounds.
func parseCost(text string) (cost, error) {
	var c cost
	if _, err := fmt.Sscanf(text, "argon2id,t=%d,m=%d,p=%d", &c.time, &c.memory, &c.threads); err != nil || c.String() != text {
		return c, fmt.Errorf("%w: %.60q is not the cost of a passphrase", ErrKey, text)
	}
	if c.time < 1 || c.time > maxTime || c.threads < 1 || c.threads > maxThreads || c.memory > maxMemory || c.memory < 8*uint32(c.threads) ||
		uint64(c.time)*uint64(c.memory) > maxWork {
		return c, fmt.Errorf("%w: cost %s is out of bounds: at most t=%d, m=%d, p=%d and t×m=%d", ErrKey, c, maxTime, maxMemory, maxThreads, maxWork)
	}
	return c, nil
}

// Key is a person's secret key, unlocked. It lives in memory only.
type Key struct {
	public  Public
	private ed25519.PrivateKey
}

// Generate makes a new key for a person. The error wraps [ErrKey] when nobody may be called so.
func Generate(name string) (*Key, error) {
	var seed [ed25519.SeedSize]byte
	rand.Read(seed[:])
	return NewKey(name, seed)
}

// NewKey is the key of a person with this seed (RFC 8032), for who keeps it elsewhere than in a file of ours. The error wraps [ErrKey]
// when nobody may be called so.
func NewKey(name string, seed [ed25519.SeedSize]byte) (*Key, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(seed[:])
	return &Key{Public{name, [ed25519.PublicKeySize]byte(private.Public().(ed25519.PublicKey))}, private}, nil
}

// Public is the other half.
func (k *Key) Public() Public { return k.public }

// String names the key without its secret.
func (k *Key) String() string { return "key of " + k.public.name + " " + k.public.Fingerprint() }

// GoString is String: %#v must not print the secret either.
func (k *Key) GoString() string { return k.String() }

// Lock gives the key's one line for a file: the seed sealed with XChaCha20-Poly1305 under a key that Argon2id makes of the passphrase. Name,
// public key, cost and salt are in clear and authenticated.
func (k *Key) Lock(passphrase []byte) (string, error) { return k.lock(passphrase, usual) }

func (k *Key) lock(passphrase []byte, c cost) (string, error) {
	if n := len(passphrase); n < MinPassphrase || n > MaxPassphrase {
		return "", fmt.Errorf("a passphrase of %d octets: use %d to %d", n, MinPassphrase, MaxPassphrase)
	}
	salt := make([]byte, saltSize)
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	rand.Read(salt)
	rand.Read(nonce)
	clear := strings.Join([]string{secretKind, k.public.name, k.public.text(), c.String(), base64std.EncodeToString(salt)}, " ")
	aead, err := chacha20poly1305.NewX(c.key(passphrase, salt))
	if err != nil {
		return "", err
	}
	sealed := aead.Seal(nonce, nonce, k.private.Seed(), []byte(clear))
	return clear + " " + base64std.EncodeToString(sealed), nil
}

// key makes the key that seals the secret.
func (c cost) key(passphrase, salt []byte) []byte {
	return argon2.IDKey(passphrase, salt, c.time, c.memory, c.threads, chacha20poly1305.KeySize)
}

// secretWords are those of a secret key's line: kind, name, public key, cost, salt, sealed seed.
const secretWords = 6

// Locked reads whose key a secret's file holds, without its passphrase: nothing vouches for it yet. Errors wrap [ErrKey].
func Locked(file []byte) (Public, error) {
	fields, err := keyLine(string(file), secretKind, secretWords)
	if err != nil {
		return Public{}, err
	}
	return publicFrom(fields[1], fields[2])
}

// Unlock reads a secret key's file. It takes the time and the memory that the file says, within bounds: a quarter of a second and 64 MiB as
// Lock writes it. Errors wrap [ErrKey], and [ErrPassphrase] when the passphrase does not open it.
func Unlock(file, passphrase []byte) (*Key, error) {
	fields, err := keyLine(string(file), secretKind, secretWords)
	if err != nil {
		return nil, err
	}
	public, err := publicFrom(fields[1], fields[2])
	if err != nil {
		return nil, err
	}
	c, err := parseCost(fields[3])
	if err != nil {
		return nil, err
	}
	salt, err1 := base64std.DecodeString(fields[4])
	sealed, err2 := base64std.DecodeString(fields[5])
	if err1 != nil || err2 != nil || len(salt) != saltSize || len(sealed) != chacha20poly1305.NonceSizeX+ed25519.SeedSize+chacha20poly1305.Overhead {
		return nil, fmt.Errorf("%w: %s of %s is not whole", ErrKey, secretKind, public.name)
	}
	if len(passphrase) > MaxPassphrase {
		return nil, fmt.Errorf("%s of %s: %w", secretKind, public.name, ErrPassphrase)
	}
	aead, err := chacha20poly1305.NewX(c.key(passphrase, salt))
	if err != nil {
		return nil, err
	}
	nonce, box := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	seed, err := aead.Open(nil, nonce, box, []byte(strings.Join(fields[:5], " ")))
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", public.name, ErrPassphrase)
	}
	k := &Key{public, ed25519.NewKeyFromSeed(seed)}
	if [ed25519.PublicKeySize]byte(k.private.Public().(ed25519.PublicKey)) != public.key {
		return nil, fmt.Errorf("%w: the halves of %s's key do not belong together", ErrKey, public.name)
	}
	return k, nil
}
