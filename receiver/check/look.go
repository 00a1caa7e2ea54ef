package check

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

// Look is what plan and proof of a transfer say about themselves. Nothing of it is proved.
type Look struct {
	Plan  *framing.PlanHead  // nil when there is none that can be read
	Proof *framing.ProofHead // likewise
}

// LookAt reads the heads of the plan and the proof in folder dir. An object that is absent
// or unreadable is nil; only the disk's errors are errors.
func LookAt(dir string) (Look, error) {
	var look Look
	err := readObject(dir, quarantine.PlanFile, func(r io.Reader) {
		if plan, err := framing.NewPlanReader(r, framing.PlanLimits{}); err == nil {
			head := plan.Head()
			look.Plan = &head
		}
	})
	if err != nil {
		return look, err
	}
	err = readObject(dir, quarantine.ProofFile, func(r io.Reader) {
		if proof, err := framing.NewProofReader(r); err == nil {
			head := proof.Head()
			look.Proof = &head
		}
	})
	return look, err
}

// Entries reads the plan in folder dir entry by entry, unproved. It ends with the first error.
func Entries(dir string) iter.Seq2[framing.Entry, error] {
	return func(yield func(framing.Entry, error) bool) {
		err := readObject(dir, quarantine.PlanFile, func(r io.Reader) {
			plan, err := framing.NewPlanReader(r, framing.PlanLimits{})
			for err == nil {
				var e framing.Entry
				if e, err = plan.Next(); err == nil && !yield(e, nil) {
					return
				}
			}
			if err != io.EOF {
				yield(framing.Entry{}, err)
			}
		})
		if err != nil {
			yield(framing.Entry{}, err)
		}
	}
}

// ProofBody gives the digest of the body of the proof in folder dir: what an approval is for. Its
// signature is not looked at.
func ProofBody(dir string) ([32]byte, error) {
	body, fault := [32]byte{}, error(fs.ErrNotExist)
	err := readObject(dir, quarantine.ProofFile, func(r io.Reader) {
		var proof *framing.ProofReader
		if proof, fault = framing.NewProofReader(r); fault != nil {
			return
		}
		for fault == nil {
			_, fault = proof.Next()
		}
		if fault == io.EOF {
			body, fault = proof.BodyDigest(), nil
		}
	})
	if err := errors.Join(err, fault); err != nil {
		return body, fmt.Errorf("read proof: %w", err)
	}
	return body, nil
}

// readObject gives an object's bytes to read; one that is absent is not read.
func readObject(dir, name string, read func(io.Reader)) error {
	src, err := openSource(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer src.Close()
	read(src)
	return src.fault
}
