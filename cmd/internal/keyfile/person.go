package keyfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pawl/framing/person"
)

// PersonPublicPath is where the public half of a person's key lies that is at path: NAME.pub beside NAME.key.
func PersonPublicPath(path string) string { return strings.TrimSuffix(path, ".key") + ".pub" }

// SavePerson writes a person's key, locked with the passphrase, to path and its public half to [PersonPublicPath]. created is written in both.
// If either file exists, neither is written.
func SavePerson(path string, key *person.Key, passphrase []byte, created time.Time) error {
	secret, err := key.Lock(passphrase)
	if err != nil {
		return fmt.Errorf("write key file %q: %w", path, err)
	}
	public := key.Public()
	stamp := fmt.Sprintf("# created: %s\n# fingerprint: %s\n", created.UTC().Format(time.RFC3339), public.Fingerprint())
	if err := write(path, secretMode, "# pawl secret key of "+public.Name()+", under a passphrase: keep it to yourself\n"+stamp+secret+"\n"); err != nil {
		return fmt.Errorf("write key file %q: %w", path, err)
	}
	pub := PersonPublicPath(path)
	if err := write(pub, publicMode, public.String()+"\n"); err != nil {
		return errors.Join(fmt.Errorf("write key file %q: %w", pub, err), os.Remove(path)) // we made it a moment ago
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write key file %q: %w", path, err)
	}
	return nil
}

// UnlockPerson reads a person's secret key. Errors name the file and wrap those of person.Unlock, ErrLoose or the cause from the file
// system.
func UnlockPerson(path string, passphrase []byte) (*person.Key, error) {
	return load(path, secretMode, func(text string) (*person.Key, error) { return person.Unlock([]byte(text), passphrase) })
}

// LockedPerson reads whose key a file holds, without the passphrase. Errors are those of [UnlockPerson].
func LockedPerson(path string) (person.Public, error) {
	return load(path, secretMode, func(text string) (person.Public, error) { return person.Locked([]byte(text)) })
}

// PersonPublic reads a person's public key. Errors are those of [UnlockPerson].
func PersonPublic(path string) (person.Public, error) {
	return load(path, publicMode, person.ParsePublic)
}

// Passphrase reads the one line of a file. The error wraps [ErrLoose] when others may read it.
func Passphrase(path string) ([]byte, error) {
	return load(path, secretMode, func(text string) ([]byte, error) {
		text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
		if text == "" || strings.ContainsAny(text, "\r\n") {
			return nil, errors.New("a passphrase is one line")
		}
		return []byte(text), nil
	})
}

func showPersonPublic(path string) (Public, error) {
	key, err := PersonPublic(path)
	if err != nil {
		return Public{}, err
	}
	return Public{"person", key.String(), key.Fingerprint()}, nil
}

func showPerson(path string) (Public, error) {
	key, err := LockedPerson(path)
	if err != nil {
		return Public{}, err
	}
	return Public{"person", key.String(), key.Fingerprint()}, nil
}

// Credentials reads the two keys of an S3 store, a line each beside comments. Errors name the file, never what is in it, and wrap [ErrLoose] when
// others may read it.
func Credentials(path string) (access, secret string, err error) {
	var lines []string
	_, err = load(path, secretMode, func(text string) (struct{}, error) {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				lines = append(lines, line)
			}
		}
		if len(lines) != 2 {
			return struct{}{}, errors.New("want two lines, the access key and the secret key")
		}
		return struct{}{}, nil
	})
	if err != nil {
		return "", "", err
	}
	return lines[0], lines[1], nil
}
