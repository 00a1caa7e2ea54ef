// Package audit says what happened on the high side so that an outsider can check it alone.
//
//	pawl-release ─ Append ─> Receipt ─> release        (log.go)
//	                 │ entries, canonical JSON          (entry.go, kinds.go, visits.go, ledger.go)
//	                 └ Merkle log with signed checkpoints  (framing/merkle)
//	one transfer ─ WritePack ─> x.zip ─ VerifyPack      (pack.go, verify.go, story.go, content.go, statement.go)
//	one log      ─ Verify, Report                       (checklog.go, month.go, report.go)
//
// The package stands on framing alone and opens no file by itself, so that pawl-audit, which links this and nothing more of the
// gateway, can be read in an afternoon. What is in entries, packs and reports may be the low side's
// text: it is data here and is escaped where it is shown.
package audit

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"pawl/framing/merkle"
)

// ErrEntry is wrapped by errors about an entry that says nothing, two things, or what can't be.
var ErrEntry = errors.New("not an entry of the audit log")

// MaxText is the most octets of any text in an entry; [Text] cuts to it.
const MaxText = 4096

// Entry is one line of the log: who did what, and when. Exactly one of the pointers is set. On disk it is canonical
// JSON and nothing else.
type Entry struct {
	When time.Time `json:"when"` // high side's clock, UTC, whole milliseconds
	By   string    `json:"by"`   // a program or a person

	State      *State      `json:"state,omitempty"`
	Verdict    *Verdict    `json:"verdict,omitempty"`
	Approval   *Approval   `json:"approval,omitempty"`
	Revocation *Revocation `json:"revocation,omitempty"`
	Rejection  *Rejection  `json:"rejection,omitempty"`
	Policy     *Policy     `json:"policy,omitempty"`
	Config     *Config     `json:"config,omitempty"`
	Ticket     *Ticket     `json:"ticket,omitempty"`
	Shown      *Shown      `json:"shown,omitempty"`
	Release    *Release    `json:"release,omitempty"`
	Ledger     *Ledger     `json:"ledger,omitempty"`
	Witness    *Witness    `json:"witness,omitempty"`
	Removal    *Removal    `json:"removal,omitempty"`
	Login      *Login      `json:"login,omitempty"`
	Logout     *Logout     `json:"logout,omitempty"`
	Refused    *Refused    `json:"refused,omitempty"`
	Restored   *Restored   `json:"restored,omitempty"`
	Start      *Start      `json:"start,omitempty"`
	Stop       *Stop       `json:"stop,omitempty"`
}

// Body is what an entry says: one of the kinds of this package.
type Body interface {
	// Kind is the one word for it, the key in the JSON.
	Kind() string
	// Transfer is the id of the transfer that it is about, or "".
	About() string
	check() error
	enter(e *Entry)
}

// Body is the one thing that the entry says; nil when it says none or several.
func (e *Entry) Body() Body {
	var found []Body
	add := func(there bool, b Body) {
		if there {
			found = append(found, b)
		}
	}
	add(e.State != nil, e.State)
	add(e.Verdict != nil, e.Verdict)
	add(e.Approval != nil, e.Approval)
	add(e.Revocation != nil, e.Revocation)
	add(e.Rejection != nil, e.Rejection)
	add(e.Policy != nil, e.Policy)
	add(e.Config != nil, e.Config)
	add(e.Ticket != nil, e.Ticket)
	add(e.Shown != nil, e.Shown)
	add(e.Release != nil, e.Release)
	add(e.Ledger != nil, e.Ledger)
	add(e.Witness != nil, e.Witness)
	add(e.Removal != nil, e.Removal)
	add(e.Login != nil, e.Login)
	add(e.Logout != nil, e.Logout)
	add(e.Refused != nil, e.Refused)
	add(e.Restored != nil, e.Restored)
	add(e.Start != nil, e.Start)
	add(e.Stop != nil, e.Stop)
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

// check refuses what no honest writer enters.
func (e *Entry) check() error {
	body := e.Body()
	_, offset := e.When.Zone()
	switch {
	case body == nil:
		return fmt.Errorf("%w: it must say exactly one thing", ErrEntry)
	case e.By == "":
		return fmt.Errorf("%w: by is empty", ErrEntry)
	case offset != 0 || !e.When.Equal(e.When.Truncate(time.Millisecond)):
		return fmt.Errorf("%w: when is not UTC in milliseconds", ErrEntry)
	case e.When.Year() < 1970 || e.When.Year() > 9999:
		return fmt.Errorf("%w: when is out of range", ErrEntry)
	}
	if err := texts(e.By); err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrEntry, body.Kind(), err)
	}
	return nil
}

// AppendEntry appends the one encoding of an entry to dst. Errors wrap [ErrEntry] or merkle's.
func AppendEntry(dst []byte, e *Entry) ([]byte, error) {
	if err := e.check(); err != nil {
		return dst, err
	}
	start := len(dst)
	dst, err := merkle.AppendJSON(dst, e)
	if err == nil && len(dst)-start > merkle.MaxEntry {
		err = fmt.Errorf("%w: larger than %d bytes", ErrEntry, merkle.MaxEntry)
	}
	return dst, err
}

// ParseEntry reads an entry, and accepts only what AppendEntry writes.
func ParseEntry(data []byte) (*Entry, error) {
	if len(data) > merkle.MaxEntry {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrEntry, merkle.MaxEntry)
	}
	e := new(Entry)
	if err := merkle.ParseJSON(data, e); err != nil {
		return nil, err
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	return e, nil
}

// Text makes any text fit for an entry: valid UTF-8, at most [MaxText] octets. Who enters what the low side wrote calls
// it, so that a hostile text can't keep its transfer out of the log.
func Text(text string) string {
	fit := make([]byte, 0, min(len(text), MaxText))
	for _, r := range text {
		if len(fit)+utf8.RuneLen(r) > MaxText {
			break
		}
		fit = utf8.AppendRune(fit, r)
	}
	return string(fit)
}

// texts refuses a text that Text would change.
func texts(all ...string) error {
	for _, text := range all {
		if len(text) > MaxText {
			return fmt.Errorf("%w: a text of %d bytes", ErrEntry, len(text))
		}
		if !utf8.ValidString(text) {
			return fmt.Errorf("%w: a text is not UTF-8", ErrEntry)
		}
	}
	return nil
}
