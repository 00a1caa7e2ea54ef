package sender

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/framing/seal"
)

// Repetition of the plan while content runs: for receivers that start late.
const (
	planEvery = time.Second // at most this often
	planShare = 100         // and at most one part in 100 of the content sent since
)

// reader is the first stage: it sends one pass of one transfer after the other.
//
//	plan · content (the plan now and then) · plan · proof      then the copies of small objects
type reader struct {
	*pipeline
	key     *seal.SenderKey
	planner *planner
	log     *zap.Logger
}

// pass sends one pass of a transfer, to its end or to the aborted proof. The error is only
// of ctx: a transfer that failed says so in f.failure, and the next one has its turn.
func (r *reader) pass(ctx context.Context, f *flight) error {
	f.hold()
	defer f.release()
	f.sent.Store(0)
	f.failure = nil
	if f.repair != nil {
		return r.mend(ctx, f)
	}
	why := &fault{kind: ErrAborted, path: f.rec.Path, reason: f.rec.Reason}
	if f.rec.State != StateAborting { // otherwise the restart came before the end of an abort
		f.show(StateSending)
		err := r.sendWhole(ctx, f)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.As(err, &why) {
			why = &fault{kind: ErrAborted, reason: fmt.Sprintf("sender: %v", err)}
		}
	}
	if err := r.giveUp(ctx, f, why); err != nil && ctx.Err() == nil {
		r.log.Error("receiver cannot be told of the abort", zap.String("transfer", f.rec.ID), zap.Error(err))
	}
	return ctx.Err()
}

// sendWhole sends the objects of a transfer in their order.
func (r *reader) sendWhole(ctx context.Context, f *flight) error {
	plan, err := newCut(f.rec, framing.ObjectPlan, f.rec.Plan)
	if err != nil {
		return err
	}
	if err := r.sendSpool(ctx, f, plan, planFile, 1); err != nil {
		return err
	}
	proof, err := newProver(f.rec, f.dir, r.key)
	if err != nil {
		return err
	}
	defer proof.close()
	digester := newDigester(proof.digest)
	if err := r.sendContent(ctx, f, plan, digester); err != nil {
		return err
	}
	if err := r.hashed(ctx, digester); err != nil {
		return r.named(f, err)
	}
	if err := proof.finish(); err != nil {
		return err
	}
	last, err := r.planProof(f)
	if err != nil {
		return err
	}
	if err := r.sendSpool(ctx, f, plan, planFile, plan.copies()); err != nil {
		return err
	}
	return r.sendSpool(ctx, f, last, proofFile, last.copies())
}

// planProof cuts the proof, the first time by choosing its geometry.
func (r *reader) planProof(f *flight) (*cut, error) {
	if f.rec.Proof.Length == 0 {
		info, err := os.Stat(filepath.Join(f.dir, proofFile))
		if err != nil {
			return nil, fmt.Errorf("plan proof: %w", err)
		}
		if f.rec.Proof, err = r.planner.object(uint64(info.Size())); err != nil {
			return nil, fmt.Errorf("plan proof: %w", err)
		}
		if err := f.rec.store(f.dir); err != nil {
			return nil, err
		}
	}
	return newCut(f.rec, framing.ObjectProof, f.rec.Proof)
}

// sendSpool sends a plan or a proof from its file.
func (r *reader) sendSpool(ctx context.Context, f *flight, c *cut, name string, copies int) error {
	file, err := os.Open(filepath.Join(f.dir, name))
	if err != nil {
		return fmt.Errorf("send %v: %w", c.head.Object, err)
	}
	defer file.Close()
	for i := range c.groups.Count() {
		g, err := r.acquire(ctx, c, i, copies)
		if err != nil {
			return err
		}
		if _, err := io.ReadFull(file, g.data); err != nil {
			g.drop()
			return fmt.Errorf("send %v: %w", c.head.Object, err)
		}
		if err := r.send(ctx, g, f, copies, nil); err != nil {
			return err
		}
	}
	return nil
}

// sendContent reads the source once and sends it, and the plan in between.
func (r *reader) sendContent(ctx context.Context, f *flight, plan *cut, d *digester) error {
	tree, err := openTree(f.rec, f.dir)
	if err != nil {
		return err
	}
	defer tree.close()
	if f.rec.Content == 0 {
		ends, err := tree.fill(ctx, nil, nil, true)
		d.take(nil, ends) // nothing was handed to the hash stage: it is ours
		return err
	}
	c, err := newCut(f.rec, framing.ObjectContent, f.rec.Body)
	if err != nil {
		return err
	}
	planned, since := time.Now(), uint64(0)
	last := c.groups.Count() - 1
	for i := range c.groups.Count() {
		g, err := r.acquire(ctx, c, i, c.copies())
		if err != nil {
			return err
		}
		if g.ends, err = tree.fill(ctx, g.data, g.ends, i == last); err != nil {
			g.drop()
			return err
		}
		since += uint64(len(g.data))
		if err := r.send(ctx, g, f, c.copies(), d); err != nil {
			return err
		}
		if i < last && since/planShare >= plan.weight() && time.Since(planned) >= planEvery {
			planned, since = time.Now(), 0
			if err := r.sendSpool(ctx, f, plan, planFile, 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// named turns the error of a digest that is not the first pass's into an abort that names
// the file.
func (r *reader) named(f *flight, err error) error {
	var differs *errDigest
	if !errors.As(err, &differs) {
		return err
	}
	path, e := filePath(filepath.Join(f.dir, planFile), differs.index)
	if e != nil {
		return e
	}
	return abort(path, "its content is not that of the first pass")
}

// filePath is the path of the file that is number index in a plan.
func filePath(name string, index uint64) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	plan, err := framing.NewPlanReader(f, framing.PlanLimits{})
	if err != nil {
		return "", err
	}
	for {
		e, err := plan.Next()
		if err != nil {
			return "", err
		}
		if e.Dir {
			continue
		}
		if index == 0 {
			return e.Path, nil
		}
		index--
	}
}

// giveUp tells the receiver that the transfer is aborted. It is written down first, so that
// a restart goes on telling.
func (r *reader) giveUp(ctx context.Context, f *flight, why *fault) error {
	f.failure = why
	f.rec.Path, f.rec.Reason = why.path, why.reason
	f.show(StateAborting)
	r.log.Warn("transfer aborted", zap.String("transfer", f.rec.ID), zap.String("path", why.path), zap.String("reason", why.reason))
	proof, err := abortedProof(f.rec, why, r.key)
	if err != nil {
		return err
	}
	if f.rec.Proof, err = r.planner.object(uint64(len(proof))); err != nil {
		return err
	}
	// Without disk the abort is still told; only a restart would not tell it again.
	if err := errors.Join(f.rec.store(f.dir), writeDurable(filepath.Join(f.dir, proofFile), proof)); err != nil {
		r.log.Error("record of the abort", zap.String("transfer", f.rec.ID), zap.Error(err))
	}
	c, err := newCut(f.rec, framing.ObjectProof, f.rec.Proof)
	if err != nil {
		return err
	}
	for i := range c.groups.Count() {
		g, err := r.acquire(ctx, c, i, c.copies())
		if err != nil {
			return err
		}
		copy(g.data, proof)
		proof = proof[len(g.data):]
		if err := r.send(ctx, g, f, c.copies(), nil); err != nil {
			return err
		}
	}
	return nil
}
