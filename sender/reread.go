package sender

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"pawl/framing"
)

// span is octets of the content, from first to end-1.
type span struct{ first, end uint64 }

// reread reads parts of a content again that was sent before: first it holds the files they lie in to the digests of the
// proof, then it reads, and holds each file to be the one that had that digest. What differs is never sent: a wrong symbol
// among right ones would spoil a block on the other side for good.
type reread struct {
	rec    *record
	dir    string
	tree   *treeReader // of files only: its plan and inodes are not used
	plan   *framing.PlanReader
	spool  *os.File
	known  []identity // of the files that hold wanted spans, as verified
	next   int        // in known
	begins uint64     // where the open file begins in the content
	ends   uint64     // and ends
	offset uint64     // where the next file of the plan begins
	wanted []span
	turn   func(octets int) error // asked now and then while files are verified; the error ends it
}

// openReread verifies every file that holds a part of the wanted spans, which rise and do not overlap. The error is a fault that names
// the file.
func openReread(ctx context.Context, rec *record, dir string, wanted []span, turn func(octets int) error) (_ *reread, err error) {
	r := &reread{rec: rec, dir: dir, wanted: wanted, tree: new(treeReader), turn: turn}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if r.tree.top, err = os.OpenRoot(filepath.Dir(rec.source(dir))); err != nil {
		return nil, unrepaired(rec.Name, "cannot be read again: %v", cause(err))
	}
	if err := r.verify(ctx); err != nil {
		return nil, err
	}
	return r, r.rewind()
}

func (r *reread) close() {
	r.tree.close()
	if r.spool != nil {
		r.spool.Close()
	}
}

// rewind begins the plan anew.
func (r *reread) rewind() (err error) {
	if r.spool != nil {
		r.spool.Close()
	}
	if r.spool, err = os.Open(filepath.Join(r.dir, planFile)); err != nil {
		return fmt.Errorf("open plan: %w", err)
	}
	if r.plan, err = framing.NewPlanReader(r.spool, framing.PlanLimits{}); err != nil {
		return fmt.Errorf("open plan: %w", err)
	}
	r.offset, r.begins, r.ends, r.next = 0, 0, 0, 0
	return nil
}

// file is the next file of the plan; io.EOF after the last.
func (r *reread) file() (e framing.Entry, begins uint64, err error) {
	for {
		if e, err = r.plan.Next(); err != nil {
			return e, 0, err
		}
		if !e.Dir {
			begins = r.offset
			r.offset += e.Size
			return e, begins, nil
		}
	}
}

// wants says whether the octets from begin to end-1 have one that is wanted. Begins must rise from call to call.
func (r *reread) wants(at *int, begin, end uint64) bool {
	for *at < len(r.wanted) && r.wanted[*at].end <= begin {
		*at++
	}
	return *at < len(r.wanted) && r.wanted[*at].first < end
}

// verify reads every file that is needed and compares its digest with the proof's.
func (r *reread) verify(ctx context.Context) error {
	file, err := os.Open(filepath.Join(r.dir, proofFile))
	if err != nil {
		return unrepaired("", "the proof of the first pass cannot be read: %v", cause(err))
	}
	defer file.Close()
	proof, err := framing.NewProofReader(file)
	if err != nil {
		return unrepaired("", "the proof of the first pass: %v", err)
	}
	if err := r.rewind(); err != nil {
		return err
	}
	at := 0
	for {
		e, begins, err := r.file()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read plan: %w", err)
		}
		digest, err := proof.Next()
		if err != nil {
			return unrepaired("", "the proof of the first pass: %v", err)
		}
		if e.Size == 0 || !r.wants(&at, begins, begins+e.Size) {
			continue
		}
		if err := r.prove(ctx, e, digest); err != nil {
			return err
		}
	}
}

// prove reads one file as a whole.
func (r *reread) prove(ctx context.Context, e framing.Entry, want [sha256.Size]byte) error {
	if err := r.tree.openFile(e.Path); err != nil {
		return again(err)
	}
	if r.tree.before.size != e.Size {
		return unrepaired(e.Path, "has %d octets, %d were sent", r.tree.before.size, e.Size)
	}
	r.tree.left = e.Size
	sum, buf := sha256.New(), make([]byte, min(e.Size, 1<<20))
	for r.tree.left > 0 {
		n, err := r.tree.read(ctx, buf)
		if err != nil {
			return again(err)
		}
		sum.Write(buf[:n])
		if err := r.turn(n); err != nil {
			return err
		}
	}
	r.known = append(r.known, r.tree.before)
	if err := r.tree.end(); err != nil {
		return again(err)
	}
	if [sha256.Size]byte(sum.Sum(nil)) != want {
		return unrepaired(e.Path, "has other bytes than were sent")
	}
	return nil
}

// readAt fills dst with the content from offset on, which must lie in the wanted spans and rise from call to call.
func (r *reread) readAt(ctx context.Context, dst []byte, offset uint64) error {
	for len(dst) > 0 {
		if offset >= r.ends {
			if err := r.advance(offset); err != nil {
				return err
			}
		}
		if _, err := r.tree.file.Seek(int64(offset-r.begins), io.SeekStart); err != nil {
			return unrepaired(r.tree.path, "cannot be read again: %v", cause(err))
		}
		n := min(uint64(len(dst)), r.ends-offset)
		r.tree.left = n
		for r.tree.left > 0 {
			got, err := r.tree.read(ctx, dst)
			if err != nil {
				return again(err)
			}
			dst, offset = dst[got:], offset+uint64(got)
		}
	}
	return nil
}

// advance opens the file that holds an octet, and ends with the one before.
func (r *reread) advance(offset uint64) error {
	if err := r.finish(); err != nil {
		return err
	}
	for {
		e, begins, err := r.file()
		if err != nil {
			return fmt.Errorf("read plan: %w", err)
		}
		if begins+e.Size <= offset {
			continue
		}
		if err := r.tree.openFile(e.Path); err != nil {
			return again(err)
		}
		if d := r.known[r.next].difference(r.tree.before); d != "" {
			return unrepaired(e.Path, "%s since its digest was found right", d)
		}
		r.next++
		r.begins, r.ends = begins, begins+e.Size
		return nil
	}
}

// finish looks whether the open file is still what it was.
func (r *reread) finish() error {
	if r.tree.file == nil {
		return nil
	}
	return again(r.tree.end())
}
