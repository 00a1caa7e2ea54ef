package release

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"

	"pawl/framing/person"
	"pawl/receiver/audit"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/people"
)

// Recorder is the audit log as a gate uses it: [audit.Log], or [audit.Off]. What can't be entered does not happen.
type Recorder interface {
	Append(by string, body audit.Body) (audit.Receipt, error)
}

// Audit makes the gate enter what it does in an audit log. It is called before anything else.
func (g *Gate) Audit(book Recorder) { g.book = &minded{Recorder: book} }

// Enter makes an entry in the audit log in the gate's name.
func (g *Gate) Enter(body audit.Body) (audit.Receipt, error) { return g.book.Append(g.who, body) }

// InForce says which files' demands the gate works by, as SHA-256 in hexadecimal: the configuration, and the people's ("": there are none). Each release
// that is entered names them. It is called before anything else.
func (g *Gate) InForce(config, people string) { g.config, g.peopleFile = config, people }

// EnterFor makes an entry in the audit log in a person's name, for what the gate does not do itself: a ticket that was given out.
func (g *Gate) EnterFor(who string, body audit.Body) (audit.Receipt, error) {
	return g.book.Append(who, body)
}

func (j *job) enterState(from, to quarantine.State, reason string) error {
	_, err := j.book.Append(j.who, &audit.State{Transfer: j.id.String(), From: string(from), To: string(to), Reason: audit.Text(reason)})
	return err
}

// enterVerdict enters an answer, the engines it comes from, and the digest of the file that it is about to be written to; or of the one that stays,
// where it says nothing else.
func (j *job) enterVerdict(a Answer, file []byte, scan Scan) error {
	v := &audit.Verdict{Transfer: j.id.String(), Pass: a.Pass, Proof: a.Body, File: digest(file), Engines: scan.Engines}
	if a.Verdict != nil {
		v.Check, v.Path, v.Reason = a.Verdict.Check, audit.Text(a.Verdict.Path), audit.Text(a.Verdict.Reason)
		v.Engine, v.Version = audit.Text(a.Verdict.Engine), audit.Text(a.Verdict.Version)
		// What was refused can be told for certain only where the log says which proof it came with.
		if body, err := check.ProofBody(j.dir()); err == nil {
			v.Proof = hex.EncodeToString(body[:])
		}
	}
	_, err := j.Enter(v)
	return err
}

// enterDecision enters a person's word and the digest of the file that it is about to be written to.
func (j *job) enterDecision(s person.Signed, p people.Person, file []byte) error {
	var body audit.Body
	proof, verdicts, key := hex.EncodeToString(s.Body[:]), hex.EncodeToString(s.Verdicts[:]), p.Key.Fingerprint()
	switch s.Action {
	case person.Approve:
		body = &audit.Approval{Transfer: s.Transfer, Who: s.Person, Proof: proof, Verdicts: verdicts, Key: key, File: digest(file)}
	case person.Revoke:
		body = &audit.Revocation{Transfer: s.Transfer, Who: s.Person, Proof: proof, Reason: audit.Text(s.Reason), Key: key, File: digest(file)}
	default:
		body = &audit.Rejection{Transfer: s.Transfer, Who: s.Person, Proof: proof, Verdicts: verdicts, Reason: audit.Text(s.Reason), Key: key, File: digest(file)}
	}
	_, err := j.book.Append(s.Person, body)
	return err
}

// enterRelease enters what is about to be released, and gives the receipt that Release asks for.
func (j *job) enterRelease(place string, pass check.Pass, approval Approval) (audit.Receipt, error) {
	head, body := pass.Head(), pass.Body()
	return j.enterOnce(&audit.Release{
		Transfer: j.id.String(), Name: audit.Text(pass.Name()), Inbox: place, Plan: hex.EncodeToString(head.PlanDigest[:]),
		Proof: hex.EncodeToString(body[:]), Files: head.Files, Bytes: head.Content, Approvals: approval.who,
		Sender: j.sender.String(), Terms: j.terms(),
	})
}

// terms is what is demanded of the transfer's release.
func (j *job) terms() *audit.Terms {
	t := &audit.Terms{Channel: audit.Text(j.channel.Name), Approvals: uint64(j.channel.Release.People()), People: j.peopleFile, Config: j.config}
	if policy := j.channel.Policy; policy != nil {
		sum := policy.Digest()
		t.Policy = hex.EncodeToString(sum[:])
	}
	return t
}

// enterOnce enters a release that is not the one that was entered last, and gives the receipt of the entry there is.
func (j *job) enterOnce(r *audit.Release) (audit.Receipt, error) {
	all, err := DecisionFiles(j.dir())
	if err != nil {
		return audit.Receipt{}, err
	}
	words := digest(bytes.Join(all, nil))
	if receipt, ok := j.again.receipt(j.id, r, words); ok {
		return receipt, nil
	}
	receipt, err := j.Enter(r)
	if err == nil {
		j.again.keep(j.id, r, words, receipt)
	}
	return receipt, err
}

// enterRemoval enters that the content is about to be removed, and why.
func (j *job) enterRemoval(size int64, reason string) error {
	_, err := j.Enter(&audit.Removal{Transfer: j.id.String(), Bytes: uint64(max(size, 0)), Reason: audit.Text(reason)})
	return err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
