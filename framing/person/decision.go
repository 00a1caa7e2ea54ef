package person

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"pawl/framing/merkle"
)

// Action is what a person decides about a transfer.
type Action string

// The actions.
const (
	Approve Action = "approve" // yes
	Revoke  Action = "revoke"  // takes the own yes back
	Reject  Action = "reject"  // refuses the transfer for good
)

// Bounds of a decision.
const (
	MaxReason   = 1024 // octets
	MaxShown    = 16   // things that were shown
	MaxDecision = 8 << 10
)

// Decision is what a person signs: the action, and exactly what it is about. One over another proof or other verdicts is not
// about this.
type Decision struct {
	Action   Action
	Transfer string    // id, "1-019a2b3c4d5e6f70"
	Body     [32]byte  // SHA-256 of the body of the transfer's proof
	Verdicts [32]byte  // SHA-256 of verdict.json as the person saw it; zero when there is none
	When     time.Time // the person's clock, UTC, whole milliseconds; Sign rounds
	Reason   string    // why, for people; a rejection must have one
	Shown    []string  // what of the transfer was put before the person, sorted, each once
}

// Signed is a decision with the person who made it.
type Signed struct {
	Decision
	Person    string
	Signature [ed25519.SignatureSize]byte
}

// wireDecision is the JSON of a decision. What is signed is [decisionPrefix] and this without the signature.
type wireDecision struct {
	Action    Action    `json:"action"`
	Person    string    `json:"person"`
	Transfer  string    `json:"transfer"`
	Proof     string    `json:"proof"`
	Verdicts  string    `json:"verdicts"`
	When      time.Time `json:"when"`
	Reason    string    `json:"reason"`
	Shown     []string  `json:"shown"`
	Signature string    `json:"signature,omitempty"`
}

// decisionPrefix keeps what persons sign apart from everything else that Ed25519 signs in Pawl and elsewhere; the number is
// the format's.
const decisionPrefix = "pawl-decision-1\n"

var (
	transferForm = regexp.MustCompile(`^[1-9][0-9]{0,4}-[0-9a-f]{16}$`)
	shownForm    = regexp.MustCompile(`^[a-z][a-z-]{0,31}$`)
)

func (d *Decision) check() error {
	_, offset := d.When.Zone()
	switch {
	case d.Action != Approve && d.Action != Revoke && d.Action != Reject:
		return fmt.Errorf("%w: action %.20q", ErrDecision, d.Action)
	case !transferForm.MatchString(d.Transfer):
		return fmt.Errorf("%w: %.40q is not a transfer", ErrDecision, d.Transfer)
	case d.Body == [32]byte{}:
		return fmt.Errorf("%w: it names no proof", ErrDecision)
	case offset != 0 || !d.When.Equal(d.When.Truncate(time.Millisecond)) || d.When.Year() < 1970 || d.When.Year() > 9999:
		return fmt.Errorf("%w: when is not a time in UTC and milliseconds", ErrDecision)
	case len(d.Reason) > MaxReason || !utf8.ValidString(d.Reason):
		return fmt.Errorf("%w: a reason has at most %d octets of UTF-8", ErrDecision, MaxReason)
	case d.Action == Reject && d.Reason == "":
		return fmt.Errorf("%w: a rejection has a reason", ErrDecision)
	case len(d.Shown) > MaxShown:
		return fmt.Errorf("%w: %d things shown, at most %d", ErrDecision, len(d.Shown), MaxShown)
	}
	for i, s := range d.Shown {
		if !shownForm.MatchString(s) || i > 0 && s <= d.Shown[i-1] {
			return fmt.Errorf("%w: shown: %.40q is no word, or not in order", ErrDecision, s)
		}
	}
	return nil
}

// wire gives the decision as it is written; Shown is [] rather than null.
func (s *Signed) wire() wireDecision {
	return wireDecision{Action: s.Action, Person: s.Person, Transfer: s.Transfer, Proof: hex.EncodeToString(s.Body[:]),
		Verdicts: hex.EncodeToString(s.Verdicts[:]), When: s.When, Reason: s.Reason, Shown: append([]string{}, s.Shown...)}
}

// message is what is signed: one for each decision of each person.
func (s *Signed) message() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := CheckName(s.Person); err != nil {
		return nil, err
	}
	return merkle.AppendJSON([]byte(decisionPrefix), s.wire())
}

// Sign signs a decision in the name of the key's person. The time is cut to milliseconds of UTC, what was shown is put in order. The error
// wraps [ErrDecision].
func (k *Key) Sign(d Decision) (Signed, error) {
	d.When = d.When.UTC().Truncate(time.Millisecond)
	d.Shown = slices.Compact(slices.Sorted(slices.Values(d.Shown)))
	s := Signed{Decision: d, Person: k.public.name}
	message, err := s.message()
	if err != nil {
		return Signed{}, err
	}
	copy(s.Signature[:], ed25519.Sign(k.private, message))
	return s, nil
}

// Verify says whether the person with this key made the decision. The error wraps [ErrSignature] or [ErrDecision].
func (p Public) Verify(s Signed) error {
	message, err := s.message()
	if err != nil {
		return err
	}
	if s.Person != p.name || p.key == [ed25519.PublicKeySize]byte{} || !ed25519.Verify(p.key[:], message, s.Signature[:]) {
		return fmt.Errorf("decision of %s: %w", s.Person, ErrSignature)
	}
	return nil
}

// Append appends the one encoding of a signed decision, canonical JSON (RFC 8785), to dst.
func (s *Signed) Append(dst []byte) ([]byte, error) {
	if _, err := s.message(); err != nil {
		return dst, err
	}
	w := s.wire()
	w.Signature = base64std.EncodeToString(s.Signature[:])
	return merkle.AppendJSON(dst, w)
}

// ParseSigned reads what Append writes and nothing else. It does not ask whether the signature is right. Errors wrap
// [ErrDecision], [ErrKey] for a name, or merkle.ErrCanonical.
func ParseSigned(data []byte) (Signed, error) {
	if len(data) > MaxDecision {
		return Signed{}, fmt.Errorf("%w: %d octets, at most %d", ErrDecision, len(data), MaxDecision)
	}
	var w wireDecision
	if err := merkle.ParseJSON(data, &w); err != nil {
		return Signed{}, err
	}
	s := Signed{Decision: Decision{Action: w.Action, Transfer: w.Transfer, When: w.When, Reason: w.Reason, Shown: w.Shown}, Person: w.Person}
	sig, err := base64std.DecodeString(w.Signature)
	if err != nil || len(sig) != len(s.Signature) || !digest(&s.Body, w.Proof) || !digest(&s.Verdicts, w.Verdicts) || w.Shown == nil {
		return Signed{}, fmt.Errorf("%w: a digest, the signature or what was shown is malformed", ErrDecision)
	}
	copy(s.Signature[:], sig)
	if len(w.Shown) == 0 {
		s.Shown = nil
	}
	if _, err := s.message(); err != nil {
		return Signed{}, err
	}
	return s, nil
}

// digest reads 64 small hexadecimal digits.
func digest(into *[32]byte, text string) bool {
	n, err := hex.Decode(into[:], []byte(text[:min(len(text), 64)]))
	return err == nil && n == len(into) && hex.EncodeToString(into[:]) == text
}
