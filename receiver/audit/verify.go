package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"

	"pawl/framing"
	"pawl/framing/merkle"
	"pawl/framing/person"
	"pawl/framing/seal"
)

// Evidence is what a verified pack proves.
type Evidence struct {
	Transfer   string
	Outcome    string // the last state that the log tells of
	Name       string // of a released transfer: low side's text
	Files      uint64
	Bytes      uint64
	Sender     seal.SenderPublic // of a released transfer: who signed the proof
	Decisions  []person.Signed   // of people about the transfer, each the person's last, signatures verified
	Entries    []*Entry
	Index      []int64 // of each entry in the log
	Checkpoint merkle.Checkpoint
	Plan       []byte // nil when the pack has none
	Proof      []byte
}

// VerifyPack checks an evidence pack with nothing but the log's public key: the checkpoint's signature, that each
// entry is in the log where it says, the statement's signature, that everything in the pack is what the statement was
// signed for, and, of a released transfer, that plan, proof and verdict are those that the log names and that the
// sender signed the proof. Errors wrap [ErrPack], and merkle.ErrSigned when the key is another.
func VerifyPack(r io.ReaderAt, size int64, key merkle.Public) (*Evidence, error) {
	files, err := readZip(r, size)
	if err != nil {
		return nil, err
	}
	return verify(files, key)
}

func verify(files map[string][]byte, key merkle.Public) (*Evidence, error) {
	at, err := merkle.OpenCheckpoint(files[packCheckpoint], key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPack, err)
	}
	entries, err := readEntries(files[packEntries])
	if err != nil {
		return nil, err
	}
	e := &Evidence{Transfer: entries[0].Body().About(), Outcome: outcome(entries), Entries: entries, Checkpoint: at,
		Plan: files[PackPlan], Proof: files[PackProof]}
	if e.Index, err = included(files[packEntries], at); err != nil {
		return nil, err
	}
	payload, err := unseal(files[packStatement], key)
	if err != nil {
		return nil, err
	}
	want, err := statement(files)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(payload, want) {
		return nil, fmt.Errorf("%w: something in it is not what the statement was signed for", ErrPack)
	}
	if err := e.verdicts(files); err != nil {
		return nil, err
	}
	if e.Outcome == stateReleased {
		if err := e.released(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// stateReleased is quarantine's word for it.
const stateReleased = "released"

// readEntries reads the entries of a pack: of one transfer, in the order of the log.
func readEntries(data []byte) ([]*Entry, error) {
	var all []proved
	if err := merkle.ParseJSON(data, &all); err != nil {
		return nil, fmt.Errorf("%w: entries: %w", ErrPack, err)
	}
	if len(all) == 0 || len(all) > maxEntries {
		return nil, fmt.Errorf("%w: %d entries", ErrPack, len(all))
	}
	var entries []*Entry
	for i, p := range all {
		e, err := ParseEntry([]byte(p.Entry))
		if err != nil {
			return nil, fmt.Errorf("%w: entry %d: %w", ErrPack, p.Index, err)
		}
		if i > 0 && p.Index <= all[i-1].Index {
			return nil, fmt.Errorf("%w: entry %d: not in order", ErrPack, p.Index)
		}
		about := e.Body().About()
		if about == "" || i > 0 && about != entries[0].Body().About() {
			return nil, fmt.Errorf("%w: entry %d: of another transfer", ErrPack, p.Index)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// included checks the inclusion proof of each entry.
func included(data []byte, at merkle.Checkpoint) ([]int64, error) {
	var all []proved
	if err := merkle.ParseJSON(data, &all); err != nil {
		return nil, fmt.Errorf("%w: entries: %w", ErrPack, err)
	}
	var index []int64
	for _, p := range all {
		var proof []merkle.Hash
		for _, text := range p.Proof {
			h, err := base64.StdEncoding.Strict().DecodeString(text)
			if err != nil || len(h) != len(merkle.Hash{}) {
				return nil, fmt.Errorf("%w: entry %d: its proof is not made of hashes", ErrPack, p.Index)
			}
			proof = append(proof, merkle.Hash(h))
		}
		if !at.Includes(p.Index, []byte(p.Entry), proof) {
			return nil, fmt.Errorf("%w: entry %d is not in the log of the checkpoint", ErrPack, p.Index)
		}
		index = append(index, p.Index)
	}
	return index, nil
}

// outcome is the last state that the entries tell of.
func outcome(entries []*Entry) string {
	last := ""
	for _, e := range entries {
		if e.State != nil {
			last = e.State.To
		}
	}
	return last
}

// verdicts: what is in the pack beside the objects must be what the log speaks of.
func (e *Evidence) verdicts(files map[string][]byte) error {
	verdict := files[PackVerdict] == nil
	for _, entry := range e.Entries {
		verdict = verdict || entry.Verdict != nil && entry.Verdict.File == sha(files[PackVerdict])
	}
	if !verdict {
		return fmt.Errorf("%w: %s is not one that the log speaks of", ErrPack, PackVerdict)
	}
	var err error
	e.Decisions, err = decisions(files[PackDecisions], e.Entries)
	return err
}

// released checks that the transfer was let out as what it is: the release before the state, and plan and proof as the
// release names them, signed by the sender that it names.
func (e *Evidence) released() error {
	var r *Release
	var pass bool
	for _, entry := range e.Entries {
		switch {
		case entry.Release != nil:
			r = entry.Release
		case entry.State != nil && entry.State.To == stateReleased && r == nil:
			return fmt.Errorf("%w: released without a release", ErrPack)
		}
	}
	for _, entry := range e.Entries {
		pass = pass || entry.Verdict != nil && entry.Verdict.Pass && entry.Verdict.Proof == r.Proof
	}
	if !pass {
		return fmt.Errorf("%w: released without a pass for its proof", ErrPack)
	}
	sender, err := seal.ParseSenderPublic(r.Sender)
	if err != nil {
		return fmt.Errorf("%w: release: %w", ErrPack, err)
	}
	body, head, sig, err := readProof(e.Proof)
	if err != nil {
		return fmt.Errorf("%w: proof: %w", ErrPack, err)
	}
	switch {
	case fmt.Sprintf("%x", body) != r.Proof:
		return fmt.Errorf("%w: the proof is not the one that was released", ErrPack)
	case !sender.VerifyProof(body, sig):
		return fmt.Errorf("%w: the proof is not signed by the sender %s", ErrPack, sender.Fingerprint())
	case sha(e.Plan) != r.Plan || sha256.Sum256(e.Plan) != head.PlanDigest:
		return fmt.Errorf("%w: the plan is not the one that was released", ErrPack)
	case fmt.Sprintf("%d-%016x", head.Channel, head.Transfer) != e.Transfer:
		return fmt.Errorf("%w: the proof is of another transfer", ErrPack)
	case head.Files != r.Files || head.Content != r.Bytes:
		return fmt.Errorf("%w: the proof is of %d files and %d bytes, the release of %d and %d", ErrPack, head.Files, head.Content, r.Files, r.Bytes)
	}
	if err := e.approved(r); err != nil {
		return err
	}
	e.Name, e.Files, e.Bytes, e.Sender = r.Name, r.Files, r.Bytes, sender
	return nil
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
