package audit

import (
	"encoding/hex"
	"fmt"
	"slices"

	"pawl/framing/merkle"
	"pawl/framing/person"
)

// policyWord is who approves where a channel asks no person.
const policyWord = "policy"

// maxDecisions bounds the decisions in a pack: one for each of the people.
const maxDecisions = 1000

// Decision is what a person signed, with the key that verifies it. Whose key that is, the pack has the word of the log's key for.
type Decision struct {
	person.Signed
	Key  person.Public
	file string // SHA-256, as entered
}

// AppendDecisions appends the decisions of a pack to dst: the files of [person.AppendFiled], in canonical JSON.
func AppendDecisions(dst []byte, files [][]byte) ([]byte, error) {
	all := make([]string, 0, len(files))
	for _, f := range files {
		all = append(all, string(f))
	}
	return merkle.AppendJSON(dst, all)
}

// decisions reads the decisions of a pack. Each must be signed by the key that it comes with, and the log must tell of the very file
// and of that key.
func decisions(data []byte, entries []*Entry) ([]Decision, error) {
	if data == nil {
		return nil, nil
	}
	var files []string
	if err := merkle.ParseJSON(data, &files); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPack, PackDecisions, err)
	}
	if len(files) > maxDecisions {
		return nil, fmt.Errorf("%w: %s: %d decisions", ErrPack, PackDecisions, len(files))
	}
	var all []Decision
	for i, text := range files {
		s, key, err := person.ParseFiled([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("%w: %s, number %d: %w", ErrPack, PackDecisions, i+1, err)
		}
		if !entered(entries, s, sha([]byte(text)), key.Fingerprint()) {
			return nil, fmt.Errorf("%w: the decision of %s in %s is not one that the log speaks of", ErrPack, s.Person, PackDecisions)
		}
		if slices.ContainsFunc(all, func(d Decision) bool { return d.Person == s.Person }) {
			return nil, fmt.Errorf("%w: %s has two decisions of %s", ErrPack, PackDecisions, s.Person)
		}
		all = append(all, Decision{s, key, sha([]byte(text))})
	}
	return all, nil
}

// entered says whether the log tells of a decision.
func entered(entries []*Entry, s person.Signed, file, key string) bool {
	proof := fmt.Sprintf("%x", s.Body)
	for _, e := range entries {
		switch {
		case e.Body().About() != s.Transfer:
		case s.Action == person.Approve && e.Approval != nil && e.Approval.File == file && e.Approval.Key == key && e.Approval.Who == s.Person && e.Approval.Proof == proof,
			s.Action == person.Revoke && e.Revocation != nil && e.Revocation.File == file && e.Revocation.Key == key && e.Revocation.Who == s.Person && e.Revocation.Proof == proof,
			s.Action == person.Reject && e.Rejection != nil && e.Rejection.File == file && e.Rejection.Key == key && e.Rejection.Who == s.Person && e.Rejection.Proof == proof:
			return true
		}
	}
	return false
}

// signed checks that the word of everybody whom the release names is in the pack: the very file that was entered.
func (e *Evidence) signed() error {
	if e.Release.byPolicy() {
		return nil
	}
	for _, who := range e.Release.Approvals {
		w := e.story.words[who]
		if !slices.ContainsFunc(e.Decisions, func(d Decision) bool {
			return d.Person == who && d.Action == person.Approve && d.file == w.file && d.Key.Fingerprint() == w.key && hex.EncodeToString(d.Verdicts[:]) == w.verdicts
		}) {
			return fmt.Errorf("%w: released with the approval of %s, which is not in it", ErrPack, who)
		}
	}
	return nil
}
