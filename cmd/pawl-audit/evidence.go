package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"pawl/framing"
	"pawl/framing/person"
	"pawl/receiver/audit"
)

// writer says what a verified pack proves, and what it has only somebody's word for.
type writer struct {
	e      *audit.Evidence
	sender string  // file that the sender was compared with, "": with none
	people *roster // nil: the people were compared with no list
}

func (w *writer) text(out io.Writer) error {
	var err error
	line := func(format string, args ...any) {
		_, wrong := fmt.Fprintf(out, format+"\n", args...)
		err = errors.Join(err, wrong)
	}
	e := w.e
	switch {
	case e.Outcome == audit.OutcomeUnknown:
		line("%s: the log tells of no state", e.Transfer)
	case e.Release == nil && e.Reason != "":
		line("%s is %s: %s", e.Transfer, e.Outcome, framing.Printable(e.Reason, longText))
	default:
		line("%s is %s", e.Transfer, e.Outcome)
	}
	if e.Unproved != nil {
		line("content not proved: %v", e.Unproved)
	} else {
		line("%s: %d files, %d bytes, signed by the sender %s, %s", framing.Printable(e.Name, longText), e.Files, e.Bytes, e.Sender.Fingerprint(), compared(w.sender, "a key"))
	}
	if e.Release != nil {
		line("%s", w.demanded())
	}
	for _, d := range e.Decisions {
		line("%s", w.decision(d))
	}
	for i, entry := range e.Entries {
		if err == nil {
			err = shown{entry.When, entry.By, entry.Body()}.write(out, e.Index[i])
		}
	}
	line("verified: in the log %s at %d entries, root %s", e.Checkpoint.Origin, e.Checkpoint.Size, e.Checkpoint.Root)
	return err
}

// compared says what something was held against, "" for nothing.
func compared(file, what string) string {
	if file == "" {
		return "not compared with " + what
	}
	return "as in " + framing.Printable(file, longText)
}

func (w *writer) listName() string {
	if w.people == nil {
		return ""
	}
	return w.people.path
}

func (w *writer) decision(d audit.Decision) string {
	did := map[person.Action]string{person.Approve: "approved", person.Revoke: "approval taken back", person.Reject: "rejected"}[d.Action]
	return fmt.Sprintf("%s %s, signed by %s (%s), %s", did, d.When.Format(time.RFC3339), d.Person, d.Key.Fingerprint(), compared(w.listName(), "a list of people"))
}

// demanded says what was asked of the release.
func (w *writer) demanded() string {
	t := w.e.Release.Terms
	if t == nil {
		return "what was demanded of its release is not in the log: an earlier version entered it"
	}
	who := fmt.Sprintf("%d approvals were demanded and %d given", t.Approvals, len(w.e.Release.Approvals))
	if t.Approvals == 0 {
		who = "no approval was demanded"
	}
	var by []string
	for _, s := range []struct{ what, digest string }{{"policy", t.Policy}, {"people", t.People}, {"configuration", t.Config}} {
		if s.digest == "" {
			by = append(by, "no "+s.what)
			continue
		}
		text := s.what + " sha256:" + s.digest
		if s.what == "people" && w.people != nil && s.digest != w.people.digest {
			text += " (which is another file than " + framing.Printable(w.people.path, longText) + ")"
		}
		by = append(by, text)
	}
	return fmt.Sprintf("channel %s: %s, by %s", framing.Printable(t.Channel, longText), who, strings.Join(by, ", "))
}

// wireEvidence is the JSON of it.
type wireEvidence struct {
	Transfer  string         `json:"transfer"`
	Outcome   string         `json:"outcome"`
	Reason    string         `json:"reason,omitempty"`
	Content   string         `json:"content"` // "proved", or "content not proved: " and why
	Name      string         `json:"name,omitempty"`
	Files     uint64         `json:"files,omitempty"`
	Bytes     uint64         `json:"bytes,omitempty"`
	Sender    string         `json:"sender"` // whose signature was asked for
	Terms     *audit.Terms   `json:"terms,omitempty"`
	Decisions []wireDecision `json:"decisions"`
	People    string         `json:"people,omitempty"` // the list that they were compared with
	Origin    string         `json:"log"`
	Size      int64          `json:"log_entries"`
	Root      string         `json:"root"`
	Index     []int64        `json:"index"`
	Entries   []*audit.Entry `json:"entries"`
	Sources   []*audit.Entry `json:"sources,omitempty"` // of policy and configuration, that the terms refer to
}

type wireDecision struct {
	Action   string    `json:"action"`
	Person   string    `json:"person"`
	Key      string    `json:"key"` // fingerprint
	When     time.Time `json:"when"`
	Reason   string    `json:"reason,omitempty"`
	Compared bool      `json:"compared"` // with a list of people
}

func (w *writer) json(out io.Writer) error {
	e := w.e
	all := wireEvidence{Transfer: e.Transfer, Outcome: e.Outcome, Reason: e.Reason, Content: "proved", Name: e.Name, Files: e.Files, Bytes: e.Bytes, Sender: e.Sender.String(),
		Decisions: []wireDecision{}, People: w.listName(), Origin: e.Checkpoint.Origin, Size: e.Checkpoint.Size, Root: hex.EncodeToString(e.Checkpoint.Root[:]),
		Index: e.Index, Entries: e.Entries, Sources: e.Sources}
	if e.Unproved != nil {
		all.Content = "content not proved: " + e.Unproved.Error()
	}
	if e.Release != nil {
		all.Terms = e.Release.Terms
	}
	for _, d := range e.Decisions {
		all.Decisions = append(all.Decisions, wireDecision{string(d.Action), d.Person, d.Key.Fingerprint(), d.When, d.Reason, w.people != nil})
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(&all)
}
