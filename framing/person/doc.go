// Package person is a named person's key, and the decisions that are signed with it.
//
//	NAME.key  secret, under a passphrase  ─ Unlock ─> Key ─ Sign(Decision) ─> Signed      (secret.go, decision.go)
//	NAME.pub  one line                    ─ ParsePublic ─> Public ─ Verify(Signed)        (public.go)
//
// Pure: no file, clock or log. It lies in framing, and not beside the gate that weighs decisions, because pawl-key makes these
// keys and an outsider's pawl-audit checks these signatures, and neither links the gate. Whose decision counts for what
// is the business of receiver/release/people.
package person

import (
	"errors"
	"fmt"
	"regexp"
)

var (
	// ErrKey is wrapped by errors about a text that is not a person's key.
	ErrKey = errors.New("not a person's key")
	// ErrKind is an ErrKey too: the text is a person's key, but the other half was asked for.
	ErrKind = fmt.Errorf("%w of the kind that was asked for", ErrKey)
	// ErrPassphrase is wrapped by Unlock when the passphrase is not the one, or the file was changed.
	ErrPassphrase = errors.New("wrong passphrase, or a damaged key file")
	// ErrDecision is wrapped by errors about a decision that says what can't be, or is not in its one encoding.
	ErrDecision = errors.New("not a decision")
	// ErrSignature is wrapped by Verify when the signature is not the key's for that decision.
	ErrSignature = errors.New("not signed by this person's key")
)

// nameForm is what a person may be called: a part of file names and of log lines.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)

// CheckName says whether a person may be called so: 1 to 32 of a-z, 0-9, '.', '_' and '-', the first a letter or digit. The error wraps
// [ErrKey].
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("%w: name %.40q: use 1 to 32 of a-z, 0-9, \".\", \"_\" and \"-\", a letter or digit first", ErrKey, name)
	}
	return nil
}
