package release

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/cespare/xxhash/v2"

	"pawl/framing"
	"pawl/hw/disk"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
)

// readBack reads every staged file from the disk, past the cache where there is a way, and compares it with what was written. That was digested
// on its way, in the same memory, and is what the sender signed; so XXH64 is enough here, against a disk that errs: whoever can change
// the files in a folder that only we may enter can do it after the rename as well. SHA-256 once more would cost as much again as the
// whole release. It comes before
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
	files := 0
	for {
		e, err := entries.Next()
		if err == io.EOF {
			break
		}
		if err == nil && !e.Dir {
			if _, err = digests.Next(); err == nil {
				err = s.compare(e, files, buffer)
			}
			files++
			if s.passed != nil {
				s.passed()
			}
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

// compare reads one staged file, the one of that number in plan order.
func (s *Stage) compare(e framing.Entry, number int, buffer []byte) error {
	if number >= len(s.sums) {
		return fmt.Errorf("%q: %w", e.Path, errChanged)
	}
	f, err := s.root.Open(e.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	disk.Uncache(f)
	sum := xxhash.New()
	n, err := io.CopyBuffer(sum, onlyReader{f}, buffer)
	if err != nil {
		return fmt.Errorf("%q: %w", e.Path, err)
	}
	if uint64(n) != e.Size || sum.Sum64() != s.sums[number] {
		return fmt.Errorf("%q: the copy on the disk is not what was written", e.Path)
	}
	return nil
}

// onlyReader keeps io.CopyBuffer to its buffer.
type onlyReader struct{ io.Reader }
