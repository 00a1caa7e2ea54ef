// Package keyfile keeps keys in files, as age does: a few comment lines, then the key
// on one line.
//
//	# pawl sender secret key: keep it on this machine
//	# created: 2026-01-02T15:04:05Z
//	# fingerprint: abcd-efgh-ijkl-mnop
//	pawl-sender-secret-1:…
//
// A secret is written with mode 0600 and beside it, in FILE.pub with mode 0644, the
// public half that goes to the other side. Nothing is ever overwritten: a lost key
// cannot be made again. A secret that others may read is refused.
package keyfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pawl/framing/merkle"
	"pawl/framing/person"
	"pawl/framing/seal"
)

// ErrLoose is wrapped by the refusal of a secret that group or others may use.
var ErrLoose = errors.New("others may read this secret key")

const (
	secretMode fs.FileMode = 0o600
	publicMode fs.FileMode = 0o644
	looseBits  fs.FileMode = 0o077

	// maxSize is the most octets a key file is read to; seal refuses longer texts.
	maxSize = 16 << 10
)

// SaveSender writes the key to path and its public half to path + ".pub".
// created is written in both. If either file exists, neither is written.
func SaveSender(path string, key *seal.SenderKey, created time.Time) error {
	public := key.Public()
	return save(path, "sender", key.Text(), public.String(), public.Fingerprint(), created)
}

// SaveReceiver writes the key to path and its public half to path + ".pub".
// created is written in both. If either file exists, neither is written.
func SaveReceiver(path string, key *seal.ReceiverKey, created time.Time) error {
	public := key.Public()
	return save(path, "receiver", key.Text(), public.String(), public.Fingerprint(), created)
}

// SaveAudit writes the key of an audit log to path and its public half to path + ".pub", both in the signed-note
// format. created is written in both. If either file exists, neither is written.
func SaveAudit(path string, key *merkle.Key, created time.Time) error {
	public := key.Public()
	return save(path, "audit", key.Text(), public.String(), public.Fingerprint(), created)
}

// AuditKey reads the secret key of an audit log. Errors name the file and wrap merkle.ErrKey, ErrLoose or the cause
// from the file system.
func AuditKey(path string) (*merkle.Key, error) {
	return load(path, secretMode, merkle.ParseKey)
}

// AuditPublic reads the public key of an audit log. Errors are those of AuditKey.
func AuditPublic(path string) (merkle.Public, error) {
	return load(path, publicMode, merkle.ParsePublic)
}

// SenderKey reads a sender's secret key. Errors name the file and wrap seal.ErrKey,
// ErrLoose or the cause from the file system.
func SenderKey(path string) (*seal.SenderKey, error) {
	return load(path, secretMode, seal.ParseSenderKey)
}

// ReceiverKey reads a receiver's secret key. Errors are those of SenderKey.
func ReceiverKey(path string) (*seal.ReceiverKey, error) {
	return load(path, secretMode, seal.ParseReceiverKey)
}

// SaveReceipt writes the key that both sides share to path, which must not be there. It has no public half.
func SaveReceipt(path string, key *seal.ReceiptKey, created time.Time) error {
	text := fmt.Sprintf("# pawl receipt secret key: for the two sides of one link\n# created: %s\n# fingerprint: %s\n%s\n",
		created.UTC().Format(time.RFC3339), key.Fingerprint(), key.Text())
	if err := write(path, secretMode, text); err != nil {
		return fmt.Errorf("write key file %q: %w", path, err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write key file %q: %w", path, err)
	}
	return nil
}

// ReceiptKey reads a receipt key. Errors are those of SenderKey.
func ReceiptKey(path string) (*seal.ReceiptKey, error) {
	return load(path, secretMode, seal.ParseReceiptKey)
}

// SenderPublic reads a sender's public key. Errors name the file and wrap
// seal.ErrKey or the cause from the file system.
func SenderPublic(path string) (seal.SenderPublic, error) {
	return load(path, publicMode, seal.ParseSenderPublic)
}

// ReceiverPublic reads a receiver's public key. Errors are those of SenderPublic.
func ReceiverPublic(path string) (*seal.ReceiverPublic, error) {
	return load(path, publicMode, seal.ParseReceiverPublic)
}

// IsSecret says whether a file can be read and holds any of our secret keys: who should not have it within reach can be told.
func IsSecret(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 64)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	line, _, _ := strings.Cut(string(head[:n]), "\n")
	return strings.HasPrefix(line, "# pawl ") && strings.Contains(line, " secret key")
}

// Public is the public half of any key, for people.
type Public struct {
	Role        string // "sender", "receiver", "audit", "receipt" or "person"
	Text        string // the public key's line; "" for a receipt key, which has none
	Fingerprint string
}

// Purpose says who gets the public key.
func (p Public) Purpose() string {
	if p.Role == "audit" {
		return "for whoever checks the log"
	}
	if p.Role == "person" {
		return "for people.toml"
	}
	return "for the other side"
}

// Show reads a file that holds any of the nine kinds of key and returns its public
// half. A secret that others may read is refused here too.
func Show(path string) (Public, error) {
	audit, err := AuditPublic(path)
	if errors.Is(err, merkle.ErrSecret) {
		var key *merkle.Key
		if key, err = AuditKey(path); err != nil {
			return Public{}, err
		}
		audit = key.Public()
	}
	if err == nil {
		return Public{"audit", audit.String(), audit.Fingerprint()}, nil
	}
	shown, err := showPersonPublic(path)
	if errors.Is(err, person.ErrKind) {
		return showPerson(path)
	}
	if err == nil {
		return shown, nil
	}
	for _, as := range []func(string) (Public, error){showSenderPublic, showReceiverPublic, showSender, showReceiver, showReceipt} {
		var shown Public
		if shown, err = as(path); !errors.Is(err, seal.ErrKind) {
			return shown, err
		}
	}
	return Public{}, err
}

func showSenderPublic(path string) (Public, error) {
	key, err := SenderPublic(path)
	if err != nil {
		return Public{}, err
	}
	return Public{"sender", key.String(), key.Fingerprint()}, nil
}

func showReceiverPublic(path string) (Public, error) {
	key, err := ReceiverPublic(path)
	if err != nil {
		return Public{}, err
	}
	return Public{"receiver", key.String(), key.Fingerprint()}, nil
}

func showSender(path string) (Public, error) {
	key, err := SenderKey(path)
	if err != nil {
		return Public{}, err
	}
	return Public{"sender", key.Public().String(), key.Public().Fingerprint()}, nil
}

func showReceiver(path string) (Public, error) {
	key, err := ReceiverKey(path)
	if err != nil {
		return Public{}, err
	}
	return Public{"receiver", key.Public().String(), key.Public().Fingerprint()}, nil
}

func showReceipt(path string) (Public, error) {
	key, err := ReceiptKey(path)
	if err != nil {
		return Public{}, err
	}
	return Public{"receipt", "", key.Fingerprint()}, nil
}

func load[K any](path string, mode fs.FileMode, parse func(string) (K, error)) (K, error) {
	var none K
	text, err := read(path, mode)
	if err != nil {
		return none, fmt.Errorf("key file %q: %w", path, err)
	}
	key, err := parse(text)
	if err != nil {
		return none, fmt.Errorf("key file %q: %w", path, err)
	}
	return key, nil
}

// read judges the mode of the file that it has opened, not of one that had its name
// a moment before.
func read(path string, mode fs.FileMode) (string, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return "", errors.New("not a regular file") // opening a named pipe would wait for ever
	}
	f, err := os.Open(path)
	if err != nil {
		return "", cause(err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return "", cause(err)
	}
	if has := info.Mode().Perm(); mode == secretMode && has&looseBits != 0 {
		return "", fmt.Errorf("%w (mode %#o): run chmod 600 %q", ErrLoose, has, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize))
	if err != nil {
		return "", cause(err)
	}
	return string(text), nil
}

// cause drops the path from a file system's error: the caller names it.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func save(path, role, secret, public, fingerprint string, created time.Time) error {
	stamp := fmt.Sprintf("# created: %s\n# fingerprint: %s\n", created.UTC().Format(time.RFC3339), fingerprint)
	if err := write(path, secretMode, "# pawl "+role+" secret key: keep it on this machine\n"+stamp+secret+"\n"); err != nil {
		return fmt.Errorf("write key file %q: %w", path, err)
	}
	pub := path + ".pub"
	err := write(pub, publicMode, "# pawl "+role+" public key: "+Public{Role: role}.Purpose()+"\n"+stamp+public+"\n")
	if err != nil {
		err = fmt.Errorf("write key file %q: %w", pub, err)
		return errors.Join(err, os.Remove(path)) // we made it a moment ago
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write key file %q: %w", path, err)
	}
	return nil
}

// write makes a new file that is whole on disk, or none.
func write(path string, mode fs.FileMode, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return cause(err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return errors.Join(cause(err), os.Remove(path))
	}
	return nil
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return cause(err)
	}
	return errors.Join(d.Sync(), d.Close())
}
