package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"pawl/framing"
	"pawl/framing/seal"
)

// content is what plan and proof say of a transfer, once they are proved.
type content struct {
	name         string
	files, bytes uint64
	subjects     []subject // each file; nil when they are too many
}

// Why content is not proved. The words are part of statements that were signed: they never change.
var (
	errNoPlan    = errors.New("there is no plan")
	errProof     = errors.New("the proof does not parse")
	errSigner    = errors.New("the proof is not signed by the sender")
	errTransfer  = errors.New("the proof is of another transfer")
	errAborted   = errors.New("the sender gave the transfer up")
	errPlan      = errors.New("the plan is not the one that the proof names")
	errPlanForm  = errors.New("the plan does not parse, or disagrees with the proof")
	errNoVerdict = errors.New("the log has no verdict about it")
	errUnnamed   = errors.New("the last verdict names no proof")
	errVerdict   = errors.New("the proof is not the one that the last verdict is about")
)

// proveContent asks whether plan and proof are what the sender sent and the last verdict is about. Everything that the gateway says of a transfer's
// content, of whatever outcome, stands on that: whoever owns pawl-receive can put any other plan there.
func proveContent(plan, proof []byte, transfer string, verdict *Verdict, sender seal.SenderPublic) (*content, error) {
	body, head, sig, err := readProof(proof)
	switch {
	case err != nil:
		return nil, errProof
	case !sender.VerifyProof(body, sig):
		return nil, errSigner
	case fmt.Sprintf("%d-%016x", head.Channel, head.Transfer) != transfer:
		return nil, errTransfer
	case head.Aborted:
		return nil, errAborted
	case len(plan) == 0:
		return nil, errNoPlan
	case sha256.Sum256(plan) != head.PlanDigest:
		return nil, errPlan
	case verdict == nil:
		return nil, errNoVerdict
	case verdict.Proof == "":
		return nil, errUnnamed
	case verdict.Proof != hex.EncodeToString(body[:]):
		return nil, errVerdict
	}
	c := &content{files: head.Files, bytes: head.Content}
	if err := c.list(plan, proof); err != nil {
		return nil, errPlanForm
	}
	return c, nil
}

// readProof reads a whole proof.
func readProof(data []byte) (body [32]byte, head framing.ProofHead, sig [64]byte, err error) {
	p, err := framing.NewProofReader(bytes.NewReader(data))
	for err == nil {
		_, err = p.Next()
	}
	if err != io.EOF {
		return body, head, sig, err
	}
	return p.BodyDigest(), p.Head(), p.Signature(), nil
}

// list reads plan and proof side by side, and names each file with its digest, up to so many.
func (c *content) list(planned, proved []byte) error {
	plan, err := framing.NewPlanReader(bytes.NewReader(planned), framing.PlanLimits{})
	if err != nil {
		return err
	}
	proof, err := framing.NewProofReader(bytes.NewReader(proved))
	if err != nil {
		return err
	}
	head := plan.Head()
	if c.name = head.Name; head.Channel != proof.Head().Channel || head.Transfer != proof.Head().Transfer || head.Content != c.bytes {
		return errPlanForm
	}
	files := uint64(0)
	for {
		e, err := plan.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if e.Dir {
			continue
		}
		digest, err := proof.Next()
		if err != nil {
			return err
		}
		if files++; c.files <= maxSubjects {
			c.subjects = append(c.subjects, subject{e.Path, map[string]string{"sha256": hex.EncodeToString(digest[:])}})
		}
	}
	if files != c.files {
		return errPlanForm
	}
	return nil
}
