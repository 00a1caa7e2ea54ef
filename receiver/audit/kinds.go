package audit

import (
	"errors"
	"fmt"
	"regexp"
)

// State is a transfer's change of state, entered before it happens.
type State struct {
	Transfer string `json:"transfer"`
	From     string `json:"from"`
	To       string `json:"to"`
	Reason   string `json:"reason,omitempty"`
}

// Verdict is what the checks said of a transfer.
type Verdict struct {
	Transfer string `json:"transfer"`
	Pass     bool   `json:"pass"`
	Proof    string `json:"proof,omitempty"`   // SHA-256 of the body of the proof that it was given for; a no may have none
	Check    string `json:"check,omitempty"`   // did not pass: which check
	Path     string `json:"path,omitempty"`    // the file at fault
	Reason   string `json:"reason,omitempty"`  // why
	Engine   string `json:"engine,omitempty"`  // what looked, where it is not our own code: its name
	Version  string `json:"version,omitempty"` // and its version, with that of its signatures
	File     string `json:"file"`              // SHA-256 of verdict.json as it was written

	Engines []Engine `json:"engines,omitempty"` // what looked, for each check of the policy
}

// Approval is a person's yes.
type Approval struct {
	Transfer string `json:"transfer"`
	Who      string `json:"who"`
	Proof    string `json:"proof"`              // SHA-256 of the proof's body
	Verdicts string `json:"verdicts,omitempty"` // SHA-256 of the verdicts that the person saw
	Key      string `json:"key,omitempty"`      // fingerprint of the person's key
	File     string `json:"file,omitempty"`     // SHA-256 of the signed decision as it was written
}

// Revocation takes an approval back before the release.
type Revocation struct {
	Transfer string `json:"transfer"`
	Who      string `json:"who"`
	Proof    string `json:"proof"`
	Reason   string `json:"reason,omitempty"`
	Key      string `json:"key,omitempty"`  // fingerprint of the person's key
	File     string `json:"file,omitempty"` // SHA-256 of the signed decision as it was written
}

// Rejection is a person's no. The change of state follows it.
type Rejection struct {
	Transfer string `json:"transfer"`
	Who      string `json:"who"`
	Proof    string `json:"proof"`
	Verdicts string `json:"verdicts,omitempty"` // SHA-256 of the verdicts that the person saw
	Reason   string `json:"reason"`
	Key      string `json:"key,omitempty"`
	File     string `json:"file,omitempty"`
}

// Policy is a channel's policy that counts from now on.
type Policy struct {
	Channel uint16 `json:"channel"`
	Name    string `json:"name"`
	Digest  string `json:"digest,omitempty"` // SHA-256 of the policy in its one form; "": the channel has none any more
	Before  string `json:"before,omitempty"` // of the one that counted until now
}

// Config is a program's configuration that counts from now on.
type Config struct {
	Program string `json:"program"`
	File    string `json:"file"`
	Digest  string `json:"digest"`           // SHA-256 of the file
	Before  string `json:"before,omitempty"` // of the one that counted until now
}

// Ticket is a repair ticket that was given out: bits that flow from high to low.
type Ticket struct {
	Transfer string `json:"transfer"`
	Bits     uint64 `json:"bits"`
	Text     string `json:"text"`
}

// Shown is a receipt code that was shown: it too flows from high to low.
type Shown struct {
	Transfer string `json:"transfer"`
	Bits     uint64 `json:"bits"`
	Code     string `json:"code"`
}

// Release is the decision that a transfer is let into its inbox, and what it is. It is entered before the inbox is
// touched; the change of state to released follows when it is there.
type Release struct {
	Transfer  string   `json:"transfer"`
	Name      string   `json:"name"`  // the transfer's one top-level name
	Inbox     string   `json:"inbox"` // where it goes
	Plan      string   `json:"plan"`  // SHA-256 of the plan object
	Proof     string   `json:"proof"` // SHA-256 of the proof's body
	Files     uint64   `json:"files"`
	Bytes     uint64   `json:"bytes"`     // of all files together
	Approvals []string `json:"approvals"` // who said yes: "policy", or people
	Sender    string   `json:"sender"`    // the sender's public key, which the proof verifies with
	Terms     *Terms   `json:"terms,omitempty"`
}

// Witness is a checkpoint of the low side's log, as it was heard in a beat. It is the word of whoever holds the sender's
// key: the log's own key has not signed it.
type Witness struct {
	Size  uint64 `json:"size"`            // entries; 0: the low side tells of no log any more
	Root  string `json:"root,omitempty"`  // hexadecimal
	Alarm string `json:"alarm,omitempty"` // why it can't be of the log that was heard before
	Quiet uint64 `json:"quiet,omitempty"` // changes of that sort since the entry above that were too many to be entered
}

// Start is a program's start.
type Start struct {
	Program string `json:"program"`
	Version string `json:"version"`
}

// Stop is a program's orderly stop; a Start without a Stop before it tells of a crash.
type Stop struct {
	Program string `json:"program"`
	Reason  string `json:"reason,omitempty"`
}

func (b *State) Kind() string      { return "state" }      // Kind implements Body.
func (b *Verdict) Kind() string    { return "verdict" }    // Kind implements Body.
func (b *Approval) Kind() string   { return "approval" }   // Kind implements Body.
func (b *Revocation) Kind() string { return "revocation" } // Kind implements Body.
func (b *Rejection) Kind() string  { return "rejection" }  // Kind implements Body.
func (b *Policy) Kind() string     { return "policy" }     // Kind implements Body.
func (b *Config) Kind() string     { return "config" }     // Kind implements Body.
func (b *Ticket) Kind() string     { return "ticket" }     // Kind implements Body.
func (b *Shown) Kind() string      { return "shown" }      // Kind implements Body.
func (b *Release) Kind() string    { return "release" }    // Kind implements Body.
func (b *Witness) Kind() string    { return "witness" }    // Kind implements Body.
func (b *Start) Kind() string      { return "start" }      // Kind implements Body.
func (b *Stop) Kind() string       { return "stop" }       // Kind implements Body.

func (b *State) About() string      { return b.Transfer } // About implements Body.
func (b *Verdict) About() string    { return b.Transfer } // About implements Body.
func (b *Approval) About() string   { return b.Transfer } // About implements Body.
func (b *Revocation) About() string { return b.Transfer } // About implements Body.
func (b *Rejection) About() string  { return b.Transfer } // About implements Body.
func (b *Policy) About() string     { return "" }         // About implements Body.
func (b *Config) About() string     { return "" }         // About implements Body.
func (b *Ticket) About() string     { return b.Transfer } // About implements Body.
func (b *Shown) About() string      { return b.Transfer } // About implements Body.
func (b *Release) About() string    { return b.Transfer } // About implements Body.
func (b *Witness) About() string    { return "" }         // About implements Body.
func (b *Start) About() string      { return "" }         // About implements Body.
func (b *Stop) About() string       { return "" }         // About implements Body.

func (b *State) enter(e *Entry)      { e.State = b }
func (b *Verdict) enter(e *Entry)    { e.Verdict = b }
func (b *Approval) enter(e *Entry)   { e.Approval = b }
func (b *Revocation) enter(e *Entry) { e.Revocation = b }
func (b *Rejection) enter(e *Entry)  { e.Rejection = b }
func (b *Policy) enter(e *Entry)     { e.Policy = b }
func (b *Config) enter(e *Entry)     { e.Config = b }
func (b *Ticket) enter(e *Entry)     { e.Ticket = b }
func (b *Shown) enter(e *Entry)      { e.Shown = b }
func (b *Release) enter(e *Entry)    { e.Release = b }
func (b *Witness) enter(e *Entry)    { e.Witness = b }
func (b *Start) enter(e *Entry)      { e.Start = b }
func (b *Stop) enter(e *Entry)       { e.Stop = b }

func (b *State) check() error {
	if b.From == b.To {
		return errors.New("nothing changes")
	}
	return errors.Join(isTransfer(b.Transfer), given("from", b.From), given("to", b.To), texts(b.From, b.To, b.Reason))
}

func (b *Verdict) check() error {
	if b.Pass != (b.Check == "") || b.Pass && b.Proof == "" {
		return errors.New("a pass has a proof, a no has a check")
	}
	return errors.Join(isTransfer(b.Transfer), digestOr(b.Proof), isDigest(b.File), texts(b.Check, b.Path, b.Reason, b.Engine, b.Version), checkEngines(b.Engines))
}

func (b *Approval) check() error {
	return errors.Join(isTransfer(b.Transfer), given("who", b.Who), isDigest(b.Proof), digestOr(b.Verdicts), digestOr(b.File), texts(b.Who, b.Key))
}

func (b *Revocation) check() error {
	return errors.Join(isTransfer(b.Transfer), given("who", b.Who), isDigest(b.Proof), digestOr(b.File), texts(b.Who, b.Reason, b.Key))
}

func (b *Rejection) check() error {
	return errors.Join(isTransfer(b.Transfer), given("who", b.Who), given("reason", b.Reason), isDigest(b.Proof), digestOr(b.Verdicts), digestOr(b.File),
		texts(b.Who, b.Reason, b.Key))
}

func (b *Policy) check() error {
	if b.Digest == b.Before {
		return errors.New("nothing changes")
	}
	return errors.Join(given("name", b.Name), digestOr(b.Digest), digestOr(b.Before), texts(b.Name))
}

func (b *Config) check() error {
	return errors.Join(given("program", b.Program), isDigest(b.Digest), digestOr(b.Before), texts(b.Program, b.File))
}

func (b *Ticket) check() error { return flow(b.Transfer, b.Bits, b.Text) }
func (b *Shown) check() error  { return flow(b.Transfer, b.Bits, b.Code) }

// flow checks what goes from high to low: it must be accounted for, and its bits can't be fewer than none or more than
// its text has.
func flow(transfer string, bits uint64, text string) error {
	if bits == 0 || bits > 8*uint64(len(text)) {
		return fmt.Errorf("%d bits in a text of %d bytes", bits, len(text))
	}
	return errors.Join(isTransfer(transfer), texts(text))
}

func (b *Release) check() error {
	if len(b.Approvals) == 0 || len(b.Approvals) > 16 {
		return fmt.Errorf("%d approvals, not 1 to 16", len(b.Approvals))
	}
	return errors.Join(isTransfer(b.Transfer), given("name", b.Name), given("inbox", b.Inbox), given("sender", b.Sender), isDigest(b.Plan),
		isDigest(b.Proof), texts(b.Name, b.Inbox, b.Sender), texts(b.Approvals...), b.Terms.check(b.Approvals))
}

func (b *Witness) check() error {
	if b.Size == 0 {
		return errors.Join(given("alarm", b.Alarm), texts(b.Alarm))
	}
	return errors.Join(isDigest(b.Root), texts(b.Alarm))
}

func (b *Start) check() error {
	return errors.Join(given("program", b.Program), texts(b.Program, b.Version))
}
func (b *Stop) check() error {
	return errors.Join(given("program", b.Program), texts(b.Program, b.Reason))
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

func digestOr(text string) error {
	if text == "" {
		return nil
	}
	return isDigest(text)
}

func isTransfer(text string) error {
	if !transferText.MatchString(text) {
		return fmt.Errorf("%.80q is not a transfer", text)
	}
	return nil
}

func given(field, text string) error {
	if text == "" {
		return fmt.Errorf("%s is empty", field)
	}
	return nil
}
