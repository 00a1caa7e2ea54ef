package framing

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"unicode/utf8"
)

// proofMagic and proofVersion begin a proof's head; proofContext begins what
// its signature covers.
const (
	proofMagic   = "pawl-proof"
	proofVersion = 1
	proofContext = "pawl proof v1\x00"
)

// States of a transfer on the wire.
const (
	statusWhole   = 0
	statusAborted = 1
)

// maxReason bounds the reason of an abort, in octets of UTF-8.
const maxReason = 1024

// byteString begins the CBOR byte strings of a proof: major type 2, length in
// the next octet. Digests and signature have one length each, so they have one
// encoding and are compared, not decoded.
const byteString = 0x58

// ProofHead is the first item of a proof: what the transfer must be.
type ProofHead struct {
	Channel    uint16            // >= 1
	Transfer   uint64            // >= 1
	Aborted    bool              // the sender gave the transfer up: never release it
	PlanSize   uint64            // octets of the plan object, 1..MaxLength
	PlanDigest [sha256.Size]byte // SHA-256 of the plan object
	Content    uint64            // octets of all files together, as in the plan
	Files      uint64            // digests that follow; 0 when aborted
	Path       string            // aborted: the entry at fault, or ""
	Reason     string            // aborted: why, for people, 1..1024 octets; otherwise ""
}

// wireProofHead is the CBOR array of docs/wire.md.
type wireProofHead struct {
	_          struct{} `cbor:",toarray"`
	Magic      string
	Version    uint64
	Channel    uint16
	Transfer   uint64
	Status     uint8
	PlanSize   uint64
	PlanDigest [sha256.Size]byte
	Content    uint64
	Files      uint64
	Path       string
	Reason     string
}

func (h *ProofHead) check() error {
	switch {
	case h.Channel == 0:
		return fmt.Errorf("%w: channel of the proof is zero", ErrField)
	case h.Transfer == 0:
		return fmt.Errorf("%w: transfer of the proof is zero", ErrField)
	case h.PlanSize == 0 || h.PlanSize > MaxLength:
		return fmt.Errorf("%w: plan of %d octets", ErrField, h.PlanSize)
	case h.Content > MaxLength:
		return fmt.Errorf("%w: content of %d octets", ErrField, h.Content)
	case !h.Aborted && (h.Path != "" || h.Reason != ""):
		return fmt.Errorf("%w: proof of a whole transfer with the reason of an abort", ErrField)
	case !h.Aborted:
		return nil
	case h.Files != 0:
		return fmt.Errorf("%w: aborted transfer with digests", ErrField)
	case h.Reason == "" || len(h.Reason) > maxReason:
		return fmt.Errorf("%w: reason of %d octets", ErrField, len(h.Reason))
	}
	if fault := textFault(h.Reason); fault != "" {
		return fmt.Errorf("%w: reason %s", ErrField, fault)
	}
	if h.Path != "" {
		return CheckPath(h.Path)
	}
	return nil
}

// AppendProofHead appends the head of a proof to dst. A head that a reader
// would refuse is an error (ErrField, ErrName), but for the reason of an abort,
// which is made fit: characters that may not be shown become '?', and it is cut
// to 1024 octets. An abort must not fail for its reason.
func AppendProofHead(dst []byte, h *ProofHead) ([]byte, error) {
	fit := *h
	fit.Reason = fitReason(h.Reason)
	if err := fit.check(); err != nil {
		return dst, err
	}
	w := wireProofHead{
		Magic: proofMagic, Version: proofVersion, Channel: fit.Channel, Transfer: fit.Transfer,
		PlanSize: fit.PlanSize, PlanDigest: fit.PlanDigest, Content: fit.Content, Files: fit.Files,
		Path: fit.Path, Reason: fit.Reason,
	}
	if fit.Aborted {
		w.Status = statusAborted
	}
	return appendItem(dst, &w)
}

// AppendDigest appends the SHA-256 of one file to dst. Digests follow the head
// in the order of the plan's files.
func AppendDigest(dst []byte, d [sha256.Size]byte) []byte {
	return append(append(dst, byteString, sha256.Size), d[:]...)
}

// AppendSignature appends the signature, the last item of a proof, to dst.
func AppendSignature(dst []byte, sig [signatureSize]byte) []byte {
	return append(append(dst, byteString, signatureSize), sig[:]...)
}

// ProofMessage returns what the sender's Ed25519 key signs: a context and the
// SHA-256 of the proof's body, that is of all its octets before the signature.
func ProofMessage(bodyDigest [sha256.Size]byte) []byte {
	return append([]byte(proofContext), bodyDigest[:]...)
}

// ProofReader reads a proof digest by digest, in memory that does not grow
// with the proof. It does not verify the signature: that takes the sender's
// key and BodyDigest.
type ProofReader struct {
	items     *sequence
	head      ProofHead
	body      hash.Hash
	read      uint64 // digests read
	signature [signatureSize]byte
	err       error // first error, which stays
}

// NewProofReader reads the head of a proof from r, which it reads ahead.
func NewProofReader(r io.Reader) (*ProofReader, error) {
	p := &ProofReader{items: newSequence(r), body: sha256.New()}
	var w wireProofHead
	item, err := p.items.next(&w)
	if err == io.EOF {
		return nil, fmt.Errorf("proof head: %w: proof is empty", ErrSize)
	} else if err != nil {
		return nil, fmt.Errorf("proof head: %w", err)
	}
	p.body.Write(item)
	switch {
	case w.Magic != proofMagic:
		return nil, fmt.Errorf("proof head: %w: begins with %.80q", ErrMagic, w.Magic)
	case w.Version != proofVersion:
		return nil, fmt.Errorf("proof head: %w: %d is not %d", ErrVersion, w.Version, proofVersion)
	case w.Status > statusAborted:
		return nil, fmt.Errorf("proof head: %w: status %d", ErrField, w.Status)
	}
	p.head = ProofHead{
		Channel: w.Channel, Transfer: w.Transfer, Aborted: w.Status == statusAborted,
		PlanSize: w.PlanSize, PlanDigest: w.PlanDigest, Content: w.Content, Files: w.Files,
		Path: w.Path, Reason: w.Reason,
	}
	if err := p.head.check(); err != nil {
		return nil, fmt.Errorf("proof head: %w", err)
	}
	return p, nil
}

// Head returns the proof's head.
func (p *ProofReader) Head() ProofHead { return p.head }

// Next returns the digest of the next file. It returns io.EOF after the last
// one, and only when a signature and nothing else followed. Any error stays.
func (p *ProofReader) Next() ([sha256.Size]byte, error) {
	var digest [sha256.Size]byte
	if p.err != nil {
		return digest, p.err
	}
	if p.read == p.head.Files {
		p.err = p.finish()
		return digest, p.err
	}
	item, err := p.value(sha256.Size)
	if err != nil {
		p.err = fmt.Errorf("proof digest %d: %w", p.read, err)
		return digest, p.err
	}
	p.body.Write(item)
	p.read++
	return [sha256.Size]byte(item[2:]), nil
}

// finish reads the signature and the end.
func (p *ProofReader) finish() error {
	item, err := p.value(signatureSize)
	if err != nil {
		return fmt.Errorf("proof signature: %w", err)
	}
	p.signature = [signatureSize]byte(item[2:])
	if err := p.items.end(); err != io.EOF {
		return fmt.Errorf("proof end: %w", err)
	}
	return io.EOF
}

// value reads the item that is a byte string of n octets, n below 256.
func (p *ProofReader) value(n int) ([]byte, error) {
	item, err := p.items.fixed(2 + n)
	if err == io.EOF {
		return nil, fmt.Errorf("%w: proof ends before it", ErrCount)
	}
	if err == nil && (item[0] != byteString || int(item[1]) != n) {
		return nil, fmt.Errorf("%w: not a byte string of %d octets", ErrCanonical, n)
	}
	return item, err
}

// Signature returns the signature; it is zero before Next returned io.EOF.
func (p *ProofReader) Signature() [signatureSize]byte {
	return p.signature
}

// BodyDigest returns the SHA-256 of what was read before the signature; it is
// the body's once Next returned io.EOF.
func (p *ProofReader) BodyDigest() [sha256.Size]byte {
	return [sha256.Size]byte(p.body.Sum(nil))
}

// fitReason returns reason as it may be carried.
func fitReason(reason string) string {
	fit := make([]byte, 0, min(len(reason), maxReason))
	for _, r := range reason {
		if r == utf8.RuneError || runeFault(r) != "" {
			r = '?'
		}
		if len(fit)+utf8.RuneLen(r) > maxReason {
			break
		}
		fit = utf8.AppendRune(fit, r)
	}
	return string(fit)
}
