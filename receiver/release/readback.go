package release

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"pawl/framing"
	"pawl/hw/disk"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
)

// readBack reads every staged file from the disk, past the cache where there is a way, and compares it with what the sender signed. It comes before
// the rename and not after it: a copy that is not right is seen by nobody, and a reader who takes files out of the inbox at once is
// no fault (decision 0017). An error leaves the transfer in checking, and the next try makes new copies.
func (s *Stage) readBack(dir string, pass check.Pass) error {
	plan, err := disk.OpenRegular(filepath.Join(dir, quarantine.PlanFile))
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	defer plan.Close()
	proof, err := disk.OpenRegular(filepath.Join(dir, quarantine.ProofFile))
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	defer proof.Close()
	sum := sha256.New()
	entries, err := framing.NewPlanReader(io.TeeReader(plan, sum), framing.PlanLimits{})
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	digests, err := framing.NewProofReader(proof)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	buffer := make([]byte, 256<<10)
	for {
		e, err := entries.Next()
		if err == io.EOF {
			break
		}
		if err == nil && !e.Dir {
			err = s.compare(e, digests, buffer)
		}
		if err != nil {
			return fmt.Errorf("read back: %w", err)
		}
	}
	if _, err := digests.Next(); err != io.EOF {
		return fmt.Errorf("read back: the proof has more digests than files: %w", errors.Join(errChanged, err))
	}
	// The plan and the proof that the pass was given for, and no others.
	if [sha256.Size]byte(sum.Sum(nil)) != pass.Head().PlanDigest || digests.BodyDigest() != pass.Body() {
		return fmt.Errorf("read back: %w", errChanged)
	}
	return nil
}

var errChanged = errors.New("plan or proof changed since the check")

// compare digests one staged file.
func (s *Stage) compare(e framing.Entry, digests *framing.ProofReader, buffer []byte) error {
	want, err := digests.Next()
	if err != nil {
		return fmt.Errorf("%q: %w", e.Path, err)
	}
	f, err := s.root.Open(e.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	disk.Uncache(f)
	sum := sha256.New()
	n, err := io.CopyBuffer(sum, onlyReader{f}, buffer)
	if err != nil {
		return fmt.Errorf("%q: %w", e.Path, err)
	}
	if uint64(n) != e.Size || [sha256.Size]byte(sum.Sum(nil)) != want {
		return fmt.Errorf("%q: the copy on the disk is not what was written", e.Path)
	}
	return nil
}

// onlyReader keeps io.CopyBuffer to its buffer.
type onlyReader struct{ io.Reader }
