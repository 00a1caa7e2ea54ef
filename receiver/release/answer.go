package release

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"pawl/receiver/check"
	"pawl/receiver/quarantine"
)

// verdictFile keeps the last answer of the checks, and for which proof it was given.
const verdictFile = "verdict.json"

// Answer is what the checks said last of a transfer, as it is kept for people. The SHA-256 of its file is what an approval is bound
// to.
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

// says is the answer without what differs from one time to the next though the answer is the same.
func (a Answer) says() string {
	a.When = time.Time{}
	a.Checks = slices.Clone(a.Checks)
	for i := range a.Checks {
		a.Checks[i].Version = "" // an engine that has learnt something since and says the same says the same
	}
	text, err := json.Marshal(a)
	if err != nil {
		panic(err) // plain data
	}
	return string(text)
}

// unable says whether a check could not be made, and nothing is known because of it.
func (a Answer) unable() bool { return a.Verdict != nil && a.Verdict.Unable }

// noteVerdict enters an answer in the audit log and keeps it in the transfer's folder. One that says what the last one said leaves that in
// its place, so that approvals of it stay good: only a check that says something else takes them away. One that could not be made says nothing, and
// takes no pass from its place.
func (j *job) noteVerdict(pass check.Pass, verdict *check.Verdict) error {
	w := Answer{When: j.now().UTC(), Pass: pass.Valid(), Verdict: verdict, Checks: pass.Findings()}
	if policy := j.channel.Policy; policy != nil {
		digest := policy.Digest()
		w.Policy = hex.EncodeToString(digest[:])
	}
	if pass.Valid() {
		body := pass.Body()
		w.Body = hex.EncodeToString(body[:])
	}
	last, data, err := lastAnswer(j.dir())
	if err != nil {
		return err
	}
	stands := last != nil && (last.says() == w.says() || last.Pass && w.unable())
	if !stands {
		if data, err = encodeJSON(w); err != nil {
			return fmt.Errorf("write %s: %w", verdictFile, err)
		}
	}
	if data, err = j.enterAnswer(w, data); err != nil || stands {
		return err
	}
	if err := quarantine.WriteFile(j.dir(), verdictFile, data); err != nil {
		return err
	}
	j.step("verdict written")
	return nil
}

// enterAnswer enters an answer and keeps the scan, if it was not said already in a try before this one. file is what lies, or is about to lie, in the
// folder; it gives the one whose digest is in the log.
func (j *job) enterAnswer(w Answer, file []byte) ([]byte, error) {
	scan := scanOf(w)
	says := w.says() + scan.engines()
	if before := j.again.file(j.id, says); before != nil {
		return before, nil
	}
	if err := j.enterVerdict(w, file, scan); err != nil {
		return nil, err
	}
	j.again.said(j.id, says, file)
	return file, addScan(j.dir(), scan)
}

// lastAnswer gives the last answer and the bytes of its file; nil when there is none.
func lastAnswer(dir string) (*Answer, []byte, error) {
	data, err := readFile(dir, verdictFile)
	if err != nil || data == nil {
		return nil, nil, err
	}
	a := new(Answer)
	if err := json.Unmarshal(data, a); err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", verdictFile, err)
	}
	return a, data, nil
}

// seen is what a person decides about: the proof as it is now, and the verdicts' file; zero digests for what is not there.
func seen(dir string) (body, verdicts [32]byte, answer *Answer, err error) {
	answer, data, err := lastAnswer(dir)
	if err != nil {
		return body, verdicts, nil, err
	}
	if answer != nil {
		verdicts = sha256.Sum256(data)
	}
	body, err = check.ProofBody(dir)
	return body, verdicts, answer, err
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

// maxFile bounds our files in a transfer's folder, in octets.
const maxFile = 1 << 20

// readFile reads one of our files, as a plain file only; nil when it is not there.
func readFile(dir, name string) ([]byte, error) {
	data, err := quarantine.ReadFile(dir, name, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// readJSON says whether the file is there and was read.
func readJSON(dir, name string, v any) (bool, error) {
	data, err := readFile(dir, name)
	if err != nil || data == nil {
		return false, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	return true, nil
}
