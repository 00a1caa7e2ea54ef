package audit

import (
	"fmt"

	"pawl/framing/merkle"
	"pawl/framing/person"
)

// policyWord is who approves where a channel asks no person.
const policyWord = "policy"

// maxDecisions bounds the decisions in a pack: one for each of the people.
const maxDecisions = 1000

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
func decisions(data []byte, entries []*Entry) ([]person.Signed, error) {
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
	var all []person.Signed
	for i, text := range files {
		s, key, err := person.ParseFiled([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("%w: %s, number %d: %w", ErrPack, PackDecisions, i+1, err)
		}
		if !entered(entries, s, sha([]byte(text)), key.Fingerprint()) {
			return nil, fmt.Errorf("%w: the decision of %s in %s is not one that the log speaks of", ErrPack, s.Person, PackDecisions)
		}
		all = append(all, s)
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

// approved checks that everybody whom the release names said yes to what was released, with a signature, and each once.
func (e *Evidence) approved(r *Release) error {
	if len(r.Approvals) == 1 && r.Approvals[0] == policyWord {
		return nil
	}
	seen := map[string]bool{}
	for _, who := range r.Approvals {
		found := false
		for _, s := range e.Decisions {
			found = found || s.Action == person.Approve && s.Person == who && fmt.Sprintf("%x", s.Body) == r.Proof
		}
		if !found || seen[who] {
			return fmt.Errorf("%w: released with the approval of %s, which is not in it", ErrPack, who)
		}
		seen[who] = true
	}
	return nil
}
