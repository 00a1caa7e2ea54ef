package sender

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"pawl/framing"
	"pawl/framing/seal"
)

// prover takes the digests of the files in plan order. The first pass that reads everything
// writes the proof; every later one must find the digests that are in it.
type prover interface {
	digest(d [sha256.Size]byte) error
	// length is how many octets of a new proof are in its file, 0 for a check.
	length() (int64, error)
	// finish says that there are no more digests, and leaves a proof in its file.
	finish() error
	// close ends what finish did not; what is in the file stays for who goes on.
	close()
}

// newProver prepares the proof of a pass, which goes on at from: a check of the proof there
// is, or a new one.
func newProver(rec *record, dir string, key *seal.SenderKey, from progress) (prover, error) {
	path := filepath.Join(dir, proofFile)
	f, err := os.Open(path)
	if err == nil {
		return newProofCheck(f, from.Files)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open proof: %w", err)
	}
	if from.Proof > 0 {
		return resumeProof(path, key, from.Proof)
	}
	return newProofWriter(rec, path, key)
}

// proofHead is the head of a transfer's proof; a fault makes it an aborted one.
func proofHead(rec *record, f *fault) (*framing.ProofHead, error) {
	h := &framing.ProofHead{
		Channel: rec.Channel, Transfer: rec.Transfer,
		PlanSize: rec.Plan.Length, Content: rec.Content, Files: rec.Files,
	}
	if f != nil {
		h.Aborted, h.Files, h.Path, h.Reason = true, 0, f.path, f.reason
	}
	if n, err := hex.Decode(h.PlanDigest[:], []byte(rec.PlanDigest)); err != nil || n != len(h.PlanDigest) {
		return nil, fmt.Errorf("digest of the plan in record of %s: %q is not one", rec.ID, rec.PlanDigest)
	}
	return h, nil
}

// proofWriter writes a proof beside its place and moves it there when it is whole.
type proofWriter struct {
	key     *seal.SenderKey
	path    string
	file    *os.File
	out     *bufio.Writer
	body    hash.Hash
	size    int64 // octets written, those in out too
	scratch []byte
}

func newProofWriter(rec *record, path string, key *seal.SenderKey) (*proofWriter, error) {
	head, err := proofHead(rec, nil)
	if err != nil {
		return nil, err
	}
	item, err := framing.AppendProofHead(nil, head)
	if err != nil {
		return nil, fmt.Errorf("write proof: %w", err)
	}
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return nil, fmt.Errorf("write proof: %w", err)
	}
	w := &proofWriter{key: key, path: path, file: f, out: bufio.NewWriterSize(f, 1<<16), body: sha256.New()}
	return w, w.write(item)
}

// resumeProof goes on with a proof of which the first octets were written.
func resumeProof(path string, key *seal.SenderKey, written int64) (w *proofWriter, err error) {
	f, err := os.OpenFile(path+".tmp", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("go on with proof: %w", err)
	}
	w = &proofWriter{key: key, path: path, file: f, body: sha256.New(), size: written}
	if _, err = io.CopyN(w.body, f, written); err == nil {
		err = f.Truncate(written)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("go on with proof: %w", err)
	}
	w.out = bufio.NewWriterSize(f, 1<<16)
	return w, nil
}

func (w *proofWriter) length() (int64, error) {
	if err := w.out.Flush(); err != nil {
		return 0, fmt.Errorf("write proof: %w", err)
	}
	return w.size, nil
}

func (w *proofWriter) write(item []byte) error {
	w.body.Write(item)
	w.size += int64(len(item))
	if _, err := w.out.Write(item); err != nil {
		return fmt.Errorf("write proof: %w", err)
	}
	return nil
}

func (w *proofWriter) digest(d [sha256.Size]byte) error {
	w.scratch = framing.AppendDigest(w.scratch[:0], d)
	return w.write(w.scratch)
}

func (w *proofWriter) finish() error {
	_, err := w.out.Write(framing.AppendSignature(nil, w.key.SignProof([sha256.Size]byte(w.body.Sum(nil)))))
	if err == nil {
		err = w.out.Flush()
	}
	err = closeDurable(w.file, err)
	w.file = nil
	if err == nil {
		err = os.Rename(w.path+".tmp", w.path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(w.path))
	}
	if err != nil {
		return fmt.Errorf("write proof: %w", err)
	}
	return nil
}

func (w *proofWriter) close() {
	if w.file != nil {
		w.file.Close()
	}
}

// proofCheck compares the digests of a later pass with the proof of the first.
type proofCheck struct {
	file  *os.File
	proof *framing.ProofReader
	index uint64 // files compared
}

// errDigest says that a file has other bytes than in the first pass.
type errDigest struct{ index uint64 }

func (e *errDigest) Error() string { return fmt.Sprintf("file %d has other bytes", e.index) }

// newProofCheck begins behind the digests of the first files.
func newProofCheck(f *os.File, files uint64) (*proofCheck, error) {
	proof, err := framing.NewProofReader(f)
	for range files {
		if err == nil {
			_, err = proof.Next()
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read proof: %w", err)
	}
	return &proofCheck{file: f, proof: proof, index: files}, nil
}

func (c *proofCheck) length() (int64, error) { return 0, nil }

func (c *proofCheck) digest(d [sha256.Size]byte) error {
	first, err := c.proof.Next()
	if err != nil {
		return fmt.Errorf("read proof: %w", err)
	}
	if first != d {
		return &errDigest{c.index}
	}
	c.index++
	return nil
}

func (c *proofCheck) finish() error {
	if _, err := c.proof.Next(); err != io.EOF {
		return fmt.Errorf("read proof: %w", err)
	}
	return nil
}

func (c *proofCheck) close() { c.file.Close() }

// abortedProof is the whole proof object of an aborted transfer.
func abortedProof(rec *record, f *fault, key *seal.SenderKey) ([]byte, error) {
	head, err := proofHead(rec, f)
	if err != nil {
		return nil, err
	}
	body, err := framing.AppendProofHead(nil, head)
	if err != nil {
		// A path that may not be said must not keep the receiver from being told.
		head.Path = ""
		if body, err = framing.AppendProofHead(nil, head); err != nil {
			return nil, fmt.Errorf("write aborted proof: %w", err)
		}
	}
	return framing.AppendSignature(body, key.SignProof(sha256.Sum256(body))), nil
}
