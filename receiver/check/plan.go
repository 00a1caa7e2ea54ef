package check

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"

	"pawl/framing"
	"pawl/framing/seal"
	"pawl/hw/disk"
	"pawl/receiver/quarantine"
)

// source is one object's file. It remembers whether reading failed, so that a sick disk is
// told apart from a bad object.
type source struct {
	file  *os.File
	size  uint64
	fault error
}

func openSource(dir, name string) (*source, error) {
	f, err := disk.OpenRegular(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &source{file: f, size: uint64(info.Size())}, nil
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.file.Read(p)
	if err != nil && err != io.EOF {
		s.fault = err
	}
	return n, err
}

func (s *source) Close() error { return s.file.Close() }

// missing turns an object that is not there, or is not a plain file, into a "no".
func missing(check, object string, err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, disk.ErrNotRegular) {
		return no(check, "", "no %s", object)
	}
	return err
}

// signedProof reads the whole proof once: the head and the digest of the body are what the
// sender's key signed. Everything else is held against them.
func signedProof(dir string, id quarantine.ID, sender seal.SenderPublic) (framing.ProofHead, [sha256.Size]byte, error) {
	var head framing.ProofHead
	var body [sha256.Size]byte
	src, err := openSource(dir, quarantine.ProofFile)
	if err != nil {
		return head, body, missing(Signature, "proof", err)
	}
	defer src.Close()
	proof, err := framing.NewProofReader(src)
	for err == nil {
		_, err = proof.Next()
	}
	if src.fault != nil {
		return head, body, src.fault
	}
	if err != io.EOF {
		return head, body, no(Signature, "", "proof: %v", err)
	}
	head, body = proof.Head(), proof.BodyDigest()
	if !sender.VerifyProof(body, proof.Signature()) {
		return head, body, no(Signature, "", "the proof is not signed by the pinned sender")
	}
	if head.Channel != id.Channel || head.Transfer != id.Transfer {
		return head, body, no(Signature, "", "the proof is of transfer %s", quarantine.ID{Channel: head.Channel, Transfer: head.Transfer})
	}
	if head.Aborted {
		return head, body, &Verdict{Check: Aborted, Path: head.Path, Reason: head.Reason}
	}
	return head, body, nil
}

// planDigest compares the plan's file with the proof before anything of it is believed, so that
// damage on this disk is not mistaken for the sender's fault.
func planDigest(src *source, proof *framing.ProofHead) error {
	if src.size != proof.PlanSize {
		return no(Digest, "", "plan of %d bytes on disk, %d in the proof", src.size, proof.PlanSize)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, src); err != nil {
		return err
	}
	if [sha256.Size]byte(sum.Sum(nil)) != proof.PlanDigest {
		return no(Digest, "", "digest mismatch in the plan")
	}
	_, err := src.file.Seek(0, io.SeekStart)
	return err
}

// agree holds the plan's head against the folder and the proof.
func agree(head *framing.PlanHead, id quarantine.ID, proof *framing.ProofHead) error {
	switch {
	case head.Channel != id.Channel || head.Transfer != id.Transfer:
		return no(Plan, "", "the plan is of transfer %s", quarantine.ID{Channel: head.Channel, Transfer: head.Transfer})
	case head.Content != proof.Content:
		return no(Plan, "", "%d bytes of content in the plan, %d in the proof", head.Content, proof.Content)
	case proof.Files > head.Entries:
		return no(Plan, "", "%d files in the proof, %d entries in the plan", proof.Files, head.Entries)
	}
	return nil
}

// planFault is the "no" for a plan that its reader refused.
func planFault(err error) error {
	if errors.Is(err, framing.ErrName) {
		return no(Names, "", "%v", err)
	}
	return no(Plan, "", "%v", err)
}
