package audit

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// How somebody proves who they are to the console.
const (
	ByPassphrase  = "passphrase"  // of their key: they can decide
	ByCertificate = "certificate" // of their browser: they can look
)

// Login is a person's way into the console. Of looks by certificate, which have no session, the first of a day from an address is entered.
type Login struct {
	Who     string    `json:"who"`
	From    string    `json:"from"` // address, or "socket"
	How     string    `json:"how"`
	Session string    `json:"session,omitempty"` // names it, and opens nothing
	Looks   bool      `json:"looks,omitempty"`   // by passphrase, but this log could not be written then: the session decided nothing
	At      time.Time `json:"at,omitzero"`       // when it was, where it could not be entered at once
}

// Logout is the end of a session, by the person or by the program.
type Logout struct {
	Who     string    `json:"who"`
	Session string    `json:"session"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at,omitzero"` // as in Login
}

// Refused is a sum of log-ins that were refused. Names that are nobody's are not kept: some are a passphrase in the wrong field.
type Refused struct {
	Who    string    `json:"who,omitempty"`    // one of the people; "": all other names together
	Tries  uint64    `json:"tries"`            // since the last such entry
	Early  uint64    `json:"early,omitempty"`  // of them those that came too soon after others, and were refused unlooked at
	From   []string  `json:"from"`             // addresses, the first of them
	Others uint64    `json:"others,omitempty"` // tries from further addresses, at the most
	Since  time.Time `json:"since"`            // the first try
}

// MaxPlaces is how many addresses a Refused names.
const MaxPlaces = 8

func (b *Login) Kind() string   { return "login" }   // Kind implements Body.
func (b *Logout) Kind() string  { return "logout" }  // Kind implements Body.
func (b *Refused) Kind() string { return "refused" } // Kind implements Body.

func (b *Login) About() string   { return "" } // About implements Body.
func (b *Logout) About() string  { return "" } // About implements Body.
func (b *Refused) About() string { return "" } // About implements Body.

func (b *Login) enter(e *Entry)   { e.Login = b }
func (b *Logout) enter(e *Entry)  { e.Logout = b }
func (b *Refused) enter(e *Entry) { e.Refused = b }

func (b *Login) check() error {
	switch {
	case b.How != ByPassphrase && b.How != ByCertificate:
		return fmt.Errorf("%.40q is no way to log in", b.How)
	case (b.How == ByPassphrase) != (b.Session != ""):
		return errors.New("a passphrase begins a session, a certificate none")
	case b.How == ByCertificate && b.Looks:
		return errors.New("who comes by certificate looks, always")
	case b.Session != "" && !sessionText.MatchString(b.Session):
		return fmt.Errorf("%.40q is not a session", b.Session)
	}
	return errors.Join(given("who", b.Who), given("from", b.From), texts(b.Who, b.From))
}

func (b *Logout) check() error {
	if !sessionText.MatchString(b.Session) {
		return fmt.Errorf("%.40q is not a session", b.Session)
	}
	return errors.Join(given("who", b.Who), given("reason", b.Reason), texts(b.Who, b.Reason))
}

func (b *Refused) check() error {
	switch {
	case b.Tries == 0:
		return errors.New("nothing was tried")
	case b.Early > b.Tries || b.Others > b.Tries:
		return fmt.Errorf("%d tries are fewer than some of them", b.Tries)
	case len(b.From) == 0 || len(b.From) > MaxPlaces:
		return fmt.Errorf("%d addresses, not 1 to %d", len(b.From), MaxPlaces)
	case b.Since.IsZero():
		return errors.New("since is empty")
	}
	return errors.Join(texts(b.Who), texts(b.From...))
}

var sessionText = regexp.MustCompile(`^[0-9a-f]{16}$`)

// visit counts who came, and who was refused.
func (m *Month) visit(body Body) {
	switch b := body.(type) {
	case *Login:
		if b.How == ByCertificate {
			m.person(b.Who).Looks++
		} else {
			m.person(b.Who).Logins++
		}
	case *Refused:
		if b.Who == "" {
			m.Strange += b.Tries
		} else {
			m.person(b.Who).Refused += b.Tries
		}
	}
}
