package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"pawl/framing/merkle"
	"pawl/framing/seal"
)

// Evidence is what a verified pack proves.
type Evidence struct {
	Transfer string
	Outcome  string // the last state that the log tells of, or OutcomeUnknown
	Reason   string // of that state: may be the low side's text

	// What plan and proof say, when they are proved: signed by the sender, and what the last verdict is about.
	Unproved error // why they are not; nil when they are, as they always are of a released transfer
	Name     string
	Files    uint64
	Bytes    uint64
	Sender   seal.SenderPublic // whose signature was asked for: of a released transfer the one of the release, else the one configured when the pack was written

	Release    *Release   // of a released transfer
	Decisions  []Decision // of people about the transfer, each the person's last, signatures verified
	Entries    []*Entry
	Index      []int64  // of each entry in the log
	Sources    []*Entry // of policy and configuration, that the terms of the release refer to
	Checkpoint merkle.Checkpoint
	Plan       []byte // nil when the pack has none
	Proof      []byte

	story   *story
	content *content
}

// VerifyPack checks an evidence pack with nothing but the log's public key: the checkpoint's signature, that each entry is in the log where it says,
// that no entry contradicts those before it, the statement's signature, that everything in the pack is what the statement was signed for, and, of a
// released transfer, that plan, proof, verdict and approvals are those that the log names, in an order that lets it out, and that the sender signed the
// proof. Errors wrap [ErrPack], and merkle.ErrSigned when the key is another.
func VerifyPack(r io.ReaderAt, size int64, key merkle.Public) (*Evidence, error) {
	files, err := readZip(r, size)
	if err != nil {
		return nil, err
	}
	return verify(files, key)
}

func verify(files map[string][]byte, key merkle.Public) (*Evidence, error) {
	if _, err := merkle.OpenCheckpoint(files[packCheckpoint], key); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPack, err)
	}
	payload, err := unseal(files[packStatement], key)
	if err != nil {
		return nil, err
	}
	stated, err := statedSender(payload)
	if err != nil {
		return nil, err
	}
	sender, err := seal.ParseSenderPublic(stated)
	if err != nil {
		return nil, fmt.Errorf("%w: statement: %w", ErrPack, err)
	}
	e, err := read(files, key, sender)
	if err != nil {
		return nil, err
	}
	want, err := e.statement(files)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(payload, want) {
		return nil, fmt.Errorf("%w: something in it is not what the statement was signed for", ErrPack)
	}
	return e, nil
}

// read takes in all of a pack but its statement, and proves it. sender is asked for where no release names one.
func read(files map[string][]byte, key merkle.Public, sender seal.SenderPublic) (*Evidence, error) {
	at, err := merkle.OpenCheckpoint(files[packCheckpoint], key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPack, err)
	}
	e := &Evidence{Checkpoint: at, Plan: files[PackPlan], Proof: files[PackProof], Sender: sender}
	if e.Entries, e.Index, err = included(packEntries, files[packEntries], at); err != nil {
		return nil, err
	}
	e.Transfer = e.Entries[0].Body().About()
	for i, entry := range e.Entries {
		if about := entry.Body().About(); about == "" || about != e.Transfer {
			return nil, fmt.Errorf("%w: entry %d: of another transfer", ErrPack, e.Index[i])
		}
	}
	if e.story, err = tell(e.Entries); err != nil {
		return nil, err
	}
	e.Outcome = e.story.outcome()
	if e.story.last != nil {
		e.Reason = e.story.last.Reason
	}
	if e.Outcome == stateReleased {
		e.Release = e.story.release
		if e.Sender, err = seal.ParseSenderPublic(e.Release.Sender); err != nil {
			return nil, fmt.Errorf("%w: release: %w", ErrPack, err)
		}
	}
	if err := e.readSources(files[packSources]); err != nil {
		return nil, err
	}
	if e.content, e.Unproved = proveContent(e.Plan, e.Proof, e.Transfer, e.story.verdict, e.Sender); e.content != nil {
		e.Name, e.Files, e.Bytes = e.content.name, e.content.files, e.content.bytes
	}
	if err := e.verdicts(files); err != nil {
		return nil, err
	}
	if e.Release != nil {
		err = e.released(files)
	}
	return e, err
}

// included reads proved entries, in the order of the log, and checks the inclusion proof of each.
func included(file string, data []byte, at merkle.Checkpoint) ([]*Entry, []int64, error) {
	var all []proved
	if err := merkle.ParseJSON(data, &all); err != nil {
		return nil, nil, fmt.Errorf("%w: %s: %w", ErrPack, file, err)
	}
	if len(all) == 0 || len(all) > maxEntries {
		return nil, nil, fmt.Errorf("%w: %s: %d entries", ErrPack, file, len(all))
	}
	var entries []*Entry
	var index []int64
	for i, p := range all {
		e, err := ParseEntry([]byte(p.Entry))
		if err != nil {
			return nil, nil, fmt.Errorf("%w: entry %d: %w", ErrPack, p.Index, err)
		}
		if i > 0 && p.Index <= all[i-1].Index {
			return nil, nil, fmt.Errorf("%w: entry %d: not in order", ErrPack, p.Index)
		}
		var proof []merkle.Hash
		for _, text := range p.Proof {
			h, err := base64.StdEncoding.Strict().DecodeString(text)
			if err != nil || len(h) != len(merkle.Hash{}) {
				return nil, nil, fmt.Errorf("%w: entry %d: its proof is not made of hashes", ErrPack, p.Index)
			}
			proof = append(proof, merkle.Hash(h))
		}
		if !at.Includes(p.Index, []byte(p.Entry), proof) {
			return nil, nil, fmt.Errorf("%w: entry %d is not in the log of the checkpoint", ErrPack, p.Index)
		}
		entries, index = append(entries, e), append(index, p.Index)
	}
	return entries, index, nil
}

// readSources checks that each entry that the terms of the release refer to is there, was entered before it, and that there is no other.
func (e *Evidence) readSources(data []byte) error {
	want := e.Release.sources()
	if data == nil && len(want) == 0 {
		return nil
	}
	all, index, err := included(packSources, data, e.Checkpoint)
	if err != nil {
		return err
	}
	for i, entry := range all {
		at := slices.Index(want, sourceOf(entry))
		if at < 0 || index[i] >= e.Index[e.story.place] {
			return fmt.Errorf("%w: entry %d is nothing that the release refers to", ErrPack, index[i])
		}
		want = slices.Delete(want, at, at+1)
	}
	if len(want) > 0 {
		return fmt.Errorf("%w: the release refers to sha256:%s, which was not entered before it", ErrPack, want[0].digest)
	}
	e.Sources = all
	return nil
}

// verdicts: what is in the pack beside the objects must be what the log speaks of; of a transfer that is settled, or waits for a person, the verdict is
// the last.
func (e *Evidence) verdicts(files map[string][]byte) error {
	data, last := files[PackVerdict], e.story.verdict
	settled := e.Outcome == stateHeld || e.Outcome == stateReleased || e.Outcome == stateRejected
	switch {
	case data == nil && last != nil && settled:
		return fmt.Errorf("%w: %s is missing, and the log speaks of one", ErrPack, PackVerdict)
	case data != nil && settled && (last == nil || last.File != sha(data)):
		return fmt.Errorf("%w: %s is not the last one that the log speaks of", ErrPack, PackVerdict)
	case data != nil && !slices.ContainsFunc(e.Entries, func(entry *Entry) bool { return entry.Verdict != nil && entry.Verdict.File == sha(data) }):
		return fmt.Errorf("%w: %s is not one that the log speaks of", ErrPack, PackVerdict)
	}
	var err error
	e.Decisions, err = decisions(files[PackDecisions], e.Entries)
	return err
}

// released checks that the transfer was let out as what it is: nothing in its story forbids the release, plan and proof are as the
// release names them, signed by the sender that it names, and what people signed is in the pack.
func (e *Evidence) released(files map[string][]byte) error {
	r := e.Release
	if err := e.story.letOut(); err != nil {
		return err
	}
	if e.Unproved != nil {
		return fmt.Errorf("%w: released, but %w", ErrPack, e.Unproved)
	}
	switch {
	case sha(e.Plan) != r.Plan:
		return fmt.Errorf("%w: the plan is not the one that was released", ErrPack)
	case Text(e.Name) != r.Name:
		return fmt.Errorf("%w: the plan is of %.80q, the release of %.80q", ErrPack, e.Name, r.Name)
	case e.Files != r.Files || e.Bytes != r.Bytes:
		return fmt.Errorf("%w: the proof is of %d files and %d bytes, the release of %d and %d", ErrPack, e.Files, e.Bytes, r.Files, r.Bytes)
	}
	if r.Terms != nil {
		var answer struct {
			Pass   bool   `json:"pass"`
			Body   string `json:"body"`
			Policy string `json:"policy"`
		}
		if err := json.Unmarshal(files[PackVerdict], &answer); err != nil || !answer.Pass || answer.Body != r.Proof || answer.Policy != r.Terms.Policy {
			return fmt.Errorf("%w: %s is not a pass for that proof by the policy that was in force", ErrPack, PackVerdict)
		}
	}
	return e.signed()
}
