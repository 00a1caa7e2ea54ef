package check

import (
	"errors"
	"fmt"

	"pawl/receiver/quarantine"
)

// The checks, by the names that verdicts carry.
const (
	Signature = "signature" // the proof is the pinned sender's, and of this transfer
	Aborted   = "aborted"   // the sender did not give the transfer up
	Plan      = "plan"      // the plan is well-formed and agrees with the proof
	Names     = "names"     // every path may be created
	Digest    = "digest"    // plan and files on disk are what the proof was signed for
)

// Verdict is a check's "no", and an error: see [errors.As]. A failure to ask the question
// (the disk does not answer, the context ended) is a plain error instead and says nothing
// about the transfer.
type Verdict struct {
	Check  string `json:"check"`
	Path   string `json:"path,omitempty"` // the entry at fault; "" when it is the whole transfer
	Reason string `json:"reason"`

	// Of a policy's check only.
	Engine  string           `json:"engine,omitempty"`  // what answered
	Version string           `json:"version,omitempty"` // of the engine, and what confined it
	SHA256  string           `json:"sha256,omitempty"`  // hexadecimal digest of the file, as proved
	Outcome quarantine.State `json:"outcome,omitempty"` // what the policy makes of it
	Unable  bool             `json:"unable,omitempty"`  // a check could not be made, and none said "no": nothing is known that was not known before

	// Findings are what was said besides: every other "no", and every "yes" of a check that saw the whole transfer.
	Findings []Finding `json:"findings,omitempty"`
}

// Error gives the verdict in one line. Path and Reason come from the low side in part: escape
// the text before a terminal sees it.
func (v *Verdict) Error() string {
	switch {
	case v.Check == Aborted && v.Path != "":
		return fmt.Sprintf("aborted by sender: %s: %s", v.Path, v.Reason)
	case v.Check == Aborted:
		return "aborted by sender: " + v.Reason
	case v.Path != "":
		return fmt.Sprintf("%s: %s: %s", v.Check, v.Path, v.Reason)
	}
	return v.Check + ": " + v.Reason
}

func no(check, path, format string, args ...any) error {
	return &Verdict{Check: check, Path: path, Reason: fmt.Sprintf(format, args...)}
}

// Weigh says where a verdict sends a transfer. What the sender's key did not sign, or signed
// although it can't be, is refused for good: sending it again is the only remedy. Bytes that differ
// from what was signed may be this side's disk, so a person looks at them first.
func Weigh(v *Verdict) quarantine.State {
	if v.Outcome != "" {
		return v.Outcome
	}
	if v.Check == Digest {
		return quarantine.Held
	}
	return quarantine.Rejected
}

// AsVerdict takes the verdict out of an error of [Verify].
func AsVerdict(err error) (*Verdict, bool) {
	var v *Verdict
	ok := errors.As(err, &v)
	return v, ok
}
