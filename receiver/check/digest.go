package check

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"

	"pawl/framing"
)

var (
	errDigest  = errors.New("digest mismatch")
	errNoProof = errors.New("the proof has no digest for it")
)

// digest compares the SHA-256 of every file with the proof's, which come in the same order.
type digest struct {
	proof *framing.ProofReader
	want  [sha256.Size]byte
	hash  hash.Hash
}

func newDigest(proof *framing.ProofReader) *digest {
	return &digest{proof: proof, hash: sha256.New()}
}

func (*digest) Name() string { return Digest }

func (d *digest) Entry(e *framing.Entry) error {
	if e.Dir {
		return nil
	}
	d.hash.Reset()
	var err error
	if d.want, err = d.proof.Next(); err == io.EOF {
		return errNoProof
	}
	return err
}

func (d *digest) Content(p []byte) error {
	d.hash.Write(p)
	return nil
}

func (d *digest) EndFile() error {
	if [sha256.Size]byte(d.hash.Sum(nil)) != d.want {
		return errDigest
	}
	return nil
}

// End reads the proof to its end, so that its body's digest is known.
func (d *digest) End() error {
	_, err := d.proof.Next()
	switch {
	case err == nil:
		return errors.New("the proof has digests of more files")
	case err != io.EOF:
		return err
	}
	return nil
}
