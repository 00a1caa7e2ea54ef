// Package lowlog is what the low side enters in its own audit log: which configuration it ran with, what it took in, what became
// of each transfer, and what people ordered. The log is one of framing/merkle; the sender writes it and pawl-audit reads it,
// so that what an entry is stands here and in neither of them.
//
//	Entry ─ Append ─> canonical JSON ─> framing/merkle ─> Parse ─> Entry
//
// The package is pure as framing is. Names and reasons in entries are data: escape them where they are shown.
package lowlog

import (
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"pawl/framing/merkle"
)

// ErrEntry is wrapped by errors about an entry that says nothing, two things, or what can't be.
var ErrEntry = errors.New("not an entry of a low side's log")

// MaxText is the most octets of any text in an entry; [Text] cuts to it.
const MaxText = 1024

// Entry is one line of the log. Exactly one of the pointers is set.
type Entry struct {
	When time.Time `json:"when"` // low side's clock, UTC, whole milliseconds

	Start    *Start    `json:"start,omitempty"`
	Stop     *Stop     `json:"stop,omitempty"`
	Transfer *Transfer `json:"transfer,omitempty"`
	Repair   *Repair   `json:"repair,omitempty"`
	Missed   *Missed   `json:"missed,omitempty"`
}

// Start is the start of a sender with one configuration: a running one that takes another says stop and start.
type Start struct {
	Version string `json:"version"`
	Config  string `json:"config"` // SHA-256 of the configuration, hexadecimal
}

// Stop is the sender's orderly stop.
type Stop struct {
	Reason string `json:"reason,omitempty"`
}

// Event is what became of a transfer.
type Event string

// The events of a transfer.
const (
	Claimed   Event = "claimed"   // taken in: its name and size are fixed
	Sent      Event = "sent"      // its last pass, or a repair of it, has left
	Aborted   Event = "aborted"   // given up after its first packet
	Refused   Event = "refused"   // given up before any packet
	Cancelled Event = "cancelled" // given up because a person said so
	Confirmed Event = "confirmed" // a person brought its receipt code
)

// Transfer is one event of a transfer.
type Transfer struct {
	ID     string `json:"id"` // as in 1-019a2b3c4d5e6f70
	Event  Event  `json:"event"`
	Name   string `json:"name,omitempty"` // its top-level name
	Files  uint64 `json:"files"`
	Bytes  uint64 `json:"bytes"`           // of content
	Proof  string `json:"proof,omitempty"` // SHA-256 of the proof's body, once there is one
	Path   string `json:"path,omitempty"`  // the file at fault
	Reason string `json:"reason,omitempty"`
}

// Repair is the order to send again what a ticket names: bits that came from the high side.
type Repair struct {
	ID     string `json:"id"`
	Ticket string `json:"ticket"`
	Bytes  uint64 `json:"bytes"` // that are sent for it
}

// Missed says that the log could not be written and so many entries are not in it.
type Missed struct {
	Entries uint64 `json:"entries"`
}

// Body is what an entry says: one of the kinds of this package.
type Body interface {
	// Kind is the one word for it, the key in the JSON.
	Kind() string
	// About is the id of the transfer that it is about, or "".
	About() string
	check() error
	enter(e *Entry)
}

func (b *Start) Kind() string    { return "start" }    // Kind implements Body.
func (b *Stop) Kind() string     { return "stop" }     // Kind implements Body.
func (b *Transfer) Kind() string { return "transfer" } // Kind implements Body.
func (b *Repair) Kind() string   { return "repair" }   // Kind implements Body.
func (b *Missed) Kind() string   { return "missed" }   // Kind implements Body.

func (b *Start) About() string    { return "" }   // About implements Body.
func (b *Stop) About() string     { return "" }   // About implements Body.
func (b *Transfer) About() string { return b.ID } // About implements Body.
func (b *Repair) About() string   { return b.ID } // About implements Body.
func (b *Missed) About() string   { return "" }   // About implements Body.

func (b *Start) enter(e *Entry)    { e.Start = b }
func (b *Stop) enter(e *Entry)     { e.Stop = b }
func (b *Transfer) enter(e *Entry) { e.Transfer = b }
func (b *Repair) enter(e *Entry)   { e.Repair = b }
func (b *Missed) enter(e *Entry)   { e.Missed = b }

// New makes the entry that says body at a time.
func New(when time.Time, body Body) *Entry {
	e := &Entry{When: when.UTC().Truncate(time.Millisecond)}
	body.enter(e)
	return e
}

// Body is the one thing that the entry says; nil when it says none or several.
func (e *Entry) Body() Body {
	var found []Body
	add := func(there bool, b Body) {
		if there {
			found = append(found, b)
		}
	}
	add(e.Start != nil, e.Start)
	add(e.Stop != nil, e.Stop)
	add(e.Transfer != nil, e.Transfer)
	add(e.Repair != nil, e.Repair)
	add(e.Missed != nil, e.Missed)
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

func (e *Entry) check() error {
	body := e.Body()
	_, offset := e.When.Zone()
	switch {
	case body == nil:
		return fmt.Errorf("%w: it must say exactly one thing", ErrEntry)
	case offset != 0 || !e.When.Equal(e.When.Truncate(time.Millisecond)):
		return fmt.Errorf("%w: when is not UTC in milliseconds", ErrEntry)
	case e.When.Year() < 1970 || e.When.Year() > 9999:
		return fmt.Errorf("%w: when is out of range", ErrEntry)
	}
	if err := body.check(); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrEntry, body.Kind(), err)
	}
	return nil
}

// Append appends the one encoding of an entry to dst. Errors wrap [ErrEntry] or merkle's.
func Append(dst []byte, e *Entry) ([]byte, error) {
	if err := e.check(); err != nil {
		return dst, err
	}
	return merkle.AppendJSON(dst, e) // within merkle.MaxEntry: few texts, each of MaxText, at most six octets for one in JSON
}

// Parse reads an entry, and accepts only what Append writes.
func Parse(data []byte) (*Entry, error) {
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

func (b *Start) check() error { return errors.Join(texts(b.Version), isDigest(b.Config)) }
func (b *Stop) check() error  { return texts(b.Reason) }

func (b *Transfer) check() error {
	switch b.Event {
	case Claimed, Sent, Aborted, Refused, Cancelled, Confirmed:
	default:
		return fmt.Errorf("no event %.20q", b.Event)
	}
	err := errors.Join(isTransfer(b.ID), texts(b.Name, b.Path, b.Reason))
	if b.Proof != "" {
		err = errors.Join(err, isDigest(b.Proof))
	}
	return err
}

func (b *Repair) check() error {
	if b.Ticket == "" {
		return errors.New("no ticket")
	}
	return errors.Join(isTransfer(b.ID), texts(b.Ticket))
}

func (b *Missed) check() error {
	if b.Entries == 0 {
		return errors.New("nothing was missed")
	}
	return nil
}

var (
	digestText   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	transferText = regexp.MustCompile(`^[1-9][0-9]{0,4}-[0-9a-f]{16}$`)
)

func isDigest(text string) error {
	if !digestText.MatchString(text) {
		return fmt.Errorf("%.80q is not a SHA-256 in hexadecimal", text)
	}
	return nil
}

func isTransfer(text string) error {
	if !transferText.MatchString(text) {
		return fmt.Errorf("%.80q is not a transfer", text)
	}
	return nil
}

// Text makes any text fit for an entry: valid UTF-8, at most [MaxText] octets.
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

func texts(all ...string) error {
	for _, text := range all {
		if len(text) > MaxText || !utf8.ValidString(text) {
			return fmt.Errorf("a text of %d bytes, or not UTF-8", len(text))
		}
	}
	return nil
}
