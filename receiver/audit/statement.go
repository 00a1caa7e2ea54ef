package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"pawl/framing/merkle"
)

// The statement is an in-toto Statement v1 (https://github.com/in-toto/attestation) in a DSSE envelope
// (https://github.com/secure-systems-lab/dsse). One statement speaks of the whole transfer, with each file as a subject: a
// transfer is released as a whole, and one signature for it can't be taken apart.
const (
	statementType = "https://in-toto.io/Statement/v1"
	// predicateType is of version 2: statements of version 1 were signed over plans that nobody had proved.
	predicateType    = "urn:pawl:transfer:v2"
	predicateTypeOld = "urn:pawl:transfer:v1"
	payloadType      = "application/vnd.in-toto+json"

	// maxSubjects is up to how many files are subjects by themselves. Of more, plan and proof are: they name
	// every file with its digest.
	maxSubjects = 10_000

	contentProved    = "proved"
	contentNotProved = "content not proved: " // and why
)

type inToto struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"` // none when the content is not proved
	PredicateType string    `json:"predicateType"`
	Predicate     predicate `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// predicate binds everything in the pack by its digest.
type predicate struct {
	Transfer string            `json:"transfer"`
	Outcome  string            `json:"outcome"` // the last state that the entries tell of
	Content  string            `json:"content"` // "proved", or that it is not and why
	Sender   string            `json:"sender"`  // whose signature was asked for
	Files    map[string]string `json:"files"`   // SHA-256 of each other file of the pack
}

type envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"` // base64
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"` // base64
}

// statement makes the one statement that a pack's files can have.
func (e *Evidence) statement(files map[string][]byte) ([]byte, error) {
	s := inToto{Type: statementType, PredicateType: predicateType, Subject: []subject{}, Predicate: predicate{
		Transfer: e.Transfer, Outcome: e.Outcome, Content: contentProved, Sender: e.Sender.String(), Files: map[string]string{},
	}}
	for name, data := range files {
		if name != packStatement {
			s.Predicate.Files[name] = sha(data)
		}
	}
	switch {
	case e.content == nil:
		s.Predicate.Content = contentNotProved + e.Unproved.Error()
	case e.content.files > maxSubjects:
		for _, name := range []string{PackPlan, PackProof} {
			s.Subject = append(s.Subject, subject{name, map[string]string{"sha256": sha(files[name])}})
		}
	default:
		s.Subject = append(s.Subject, e.content.subjects...)
	}
	return merkle.AppendJSON(nil, &s)
}

// statedSender is the sender whose signature a statement says was asked for. Whether that is right shows when the statement is made again.
func statedSender(payload []byte) (string, error) {
	var s struct {
		PredicateType string `json:"predicateType"`
		Predicate     struct {
			Sender string `json:"sender"`
		} `json:"predicate"`
	}
	if err := json.Unmarshal(payload, &s); err != nil {
		return "", fmt.Errorf("%w: statement: %w", ErrPack, err)
	}
	if s.PredicateType == predicateTypeOld {
		return "", fmt.Errorf("%w: its statement is an earlier version's, which did not prove what it signed: have the evidence written again", ErrPack)
	}
	return s.Predicate.Sender, nil
}

// preAuth is DSSE's PAE: what is signed.
func preAuth(payload []byte) []byte {
	head := fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(payloadType), payloadType, len(payload))
	return append(head, payload...)
}

// envelop puts a statement into its envelope.
func envelop(payload []byte, key *merkle.Key) ([]byte, error) {
	sig, err := key.Sign(preAuth(payload))
	if err != nil {
		return nil, fmt.Errorf("sign statement: %w", err)
	}
	return merkle.AppendJSON(nil, &envelope{
		PayloadType: payloadType, Payload: base64.StdEncoding.EncodeToString(payload),
		Signatures: []signature{{KeyID: key.Public().Fingerprint(), Sig: base64.StdEncoding.EncodeToString(sig)}},
	})
}

// unseal gives the statement out of its envelope, whose one signature is the key's.
func unseal(data []byte, key merkle.Public) ([]byte, error) {
	var e envelope
	if err := merkle.ParseJSON(data, &e); err != nil {
		return nil, fmt.Errorf("%w: statement: %w", ErrPack, err)
	}
	if e.PayloadType != payloadType || len(e.Signatures) != 1 || e.Signatures[0].KeyID != key.Fingerprint() {
		return nil, fmt.Errorf("%w: statement is not one of ours, or not signed by the key %s", ErrPack, key.Fingerprint())
	}
	payload, err := base64.StdEncoding.Strict().DecodeString(e.Payload)
	sig, errSig := base64.StdEncoding.Strict().DecodeString(e.Signatures[0].Sig)
	if err != nil || errSig != nil {
		return nil, fmt.Errorf("%w: statement is not base64", ErrPack)
	}
	if !key.Verify(preAuth(payload), sig) {
		return nil, fmt.Errorf("%w: statement: %w (%s)", ErrPack, merkle.ErrSigned, key.Fingerprint())
	}
	return payload, nil
}

func sha(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }
