package release

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pawl/receiver/check"
	"pawl/receiver/quarantine"
)

// ErrApproval is wrapped by Release when the approval is not one for the transfer.
var ErrApproval = errors.New("not approved")

// Approval is the yes to one transfer, as it is named by the digest of its proof's body. A
// valid one is made from a channel's policy or from a person's word only; the zero one is
// refused.
type Approval struct {
	made bool
	body [32]byte
	who  string
}

// Allows says whether a is for the transfer that passed.
func (a Approval) Allows(p check.Pass) bool { return a.made && p.Valid() && a.body == p.Body() }

// approvalFile is a person's word in the transfer's folder. It counts only where pawl-release
// put it: what lies under its name when a transfer is taken from pawl-receive is removed.
const approvalFile = "approval.json"

type wireApproval struct {
	Body string    `json:"body"` // hexadecimal SHA-256 of the proof's body
	Who  string    `json:"who"`
	When time.Time `json:"when"`
}

// approve writes a person's word for the transfer as its proof is now, once enter has it in the audit log.
func approve(dir, who string, enter func(body [32]byte, file []byte) error) error {
	body, err := check.ProofBody(dir)
	if err != nil {
		return err
	}
	data, err := encodeJSON(wireApproval{Body: hex.EncodeToString(body[:]), Who: who, When: time.Now().UTC()})
	if err != nil {
		return fmt.Errorf("write %s: %w", approvalFile, err)
	}
	if err := enter(body, data); err != nil {
		return err
	}
	return quarantine.WriteFile(dir, approvalFile, data)
}

// approved reads the word of a person; a zero Approval when there is none.
func approved(dir string) (Approval, error) {
	var w wireApproval
	if ok, err := readJSON(dir, approvalFile, &w); !ok {
		return Approval{}, err
	}
	a := Approval{made: true, who: w.Who}
	if n, err := hex.Decode(a.body[:], []byte(w.Body)); err != nil || n != len(a.body) {
		return Approval{}, fmt.Errorf("read %s: body is not a digest", approvalFile)
	}
	return a, nil
}

// byPolicy is the yes of a channel with release = "auto", for whatever passes.
func byPolicy(p check.Pass) Approval {
	return Approval{made: p.Valid(), body: p.Body(), who: "policy"}
}

// intentFile says that a release was begun. While it is there, nothing but the rename
// into the inbox changes the staging, so that after a crash an empty staging means "released".
const intentFile = "release.json"

type intent struct {
	Inbox string    `json:"inbox"`
	Name  string    `json:"name"`
	Body  string    `json:"body"`
	When  time.Time `json:"when"`
}

// verdictFile keeps the last answer of the checks, and for which proof it was given.
const verdictFile = "verdict.json"

// Answer is what the checks said last of a transfer, as it is kept for people.
type Answer struct {
	When    time.Time      `json:"when"`
	Pass    bool           `json:"pass"`
	Body    string         `json:"body,omitempty"`    // passed: hexadecimal SHA-256 of the proof's body
	Verdict *check.Verdict `json:"verdict,omitempty"` // did not pass: why

	Policy string          `json:"policy,omitempty"` // hexadecimal digest of the policy that was asked
	Checks []check.Finding `json:"checks,omitempty"` // passed: what its checks said
}

// LastAnswer reads the last answer from a transfer's folder; nil when it was not checked yet.
func LastAnswer(dir string) (*Answer, error) {
	a := new(Answer)
	if ok, err := readJSON(dir, verdictFile, a); !ok {
		return nil, err
	}
	return a, nil
}

func writeJSON(dir, name string, v any) error {
	data, err := encodeJSON(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return quarantine.WriteFile(dir, name, data)
}

// encodeJSON gives the bytes of our files in a transfer's folder; the audit log names them by their digest.
func encodeJSON(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	return append(data, '\n'), err
}

// readJSON says whether the file is there and was read.
func readJSON(dir, name string, v any) (bool, error) {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	return true, nil
}
