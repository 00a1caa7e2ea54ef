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
)

// Repetition of the plan while content runs: for receivers that start late.
const (
	planEvery = time.Second // at most this often
	planShare = 100         // and at most one part in 100 of the content sent since
)

// pass sends one pass of a transfer, to its end or to the aborted proof. The error is only
// of ctx, or errStopped: a transfer that failed says so in f.failure.
func (t *trip) pass(ctx context.Context) error {
	f := t.flight
	f.hold()
	f.sent.Store(0)
	f.failure = nil
	if f.repair != nil {
		if err := t.mend(ctx); err != nil {
			return err
		}
		f.release()
		return nil
	}
	why := &fault{kind: ErrAborted, path: f.rec.Path, reason: f.rec.Reason}
	if order := f.cancelled.Load(); order != nil {
		why = order
	} else if f.rec.State != StateAborting { // otherwise the restart came before the end of an abort
		f.show(StateSending)
		err := t.sendWhole(ctx)
		if err == nil {
			f.release()
			return nil
		}
		if ctx.Err() != nil || errors.Is(err, errStopped) {
			return err // the pass has not ended: its hold stays
		}
		if !errors.As(err, &why) {
			why = &fault{kind: ErrAborted, reason: fmt.Sprintf("sender: %v", err)}
		}
	}
	err := t.giveUp(ctx, why)
	if ctx.Err() != nil || errors.Is(err, errStopped) {
		return err
	}
	if err != nil {
		t.log.Error("receiver cannot be told of the abort", zap.String("transfer", f.rec.ID), zap.Error(err))
	}
	f.release()
	return nil
}

// sendWhole sends the objects of a transfer in their order, from where an earlier run was.
func (t *trip) sendWhole(ctx context.Context) error {
	f := t.flight
	plan, err := newCut(f.rec, framing.ObjectPlan, f.rec.Plan)
	if err != nil {
		return err
	}
	if t.from.Phase == phasePlan {
		if err := t.sendSpool(ctx, plan, planFile, 1, phasePlan); err != nil {
			return err
		}
	}
	if t.from.Phase <= phaseContent {
		if err := t.sendProved(ctx, plan); err != nil {
			return err
		}
	}
	last, err := t.planProof()
	if err != nil {
		return err
	}
	// A plan that is repeated is so again after a restart: its copies were only remembered.
	if t.from.Phase <= phasePlanAgain || plan.copies() > 1 {
		if err := t.sendSpool(ctx, plan, planFile, plan.copies(), phasePlanAgain); err != nil {
			return err
		}
	}
	return t.sendSpool(ctx, last, proofFile, last.copies(), phaseProof)
}

// sendProved sends the content and leaves the proof in its file.
func (t *trip) sendProved(ctx context.Context, plan *cut) error {
	f := t.flight
	var from progress // what no content went before begins anew
	if t.from.Phase == phaseContent {
		from = t.from
	}
	proof, err := newProver(f.rec, f.dir, t.key, from)
	if err != nil {
		return err
	}
	defer proof.close()
	if t.digester, err = newDigester(proof, from.Hash); err != nil {
		return err
	}
	if err := t.sendContent(ctx, plan, from); err != nil {
		return err
	}
	if err := t.hashed(ctx); err != nil {
		return t.named(err)
	}
	return proof.finish()
}

// planProof cuts the proof, the first time by choosing its geometry.
func (t *trip) planProof() (*cut, error) {
	f := t.flight
	if f.rec.Proof.Length == 0 {
		info, err := os.Stat(filepath.Join(f.dir, proofFile))
		if err != nil {
			return nil, fmt.Errorf("plan proof: %w", err)
		}
		if f.rec.Proof, err = t.flight.channel.planner.object(uint64(info.Size())); err != nil {
			return nil, fmt.Errorf("plan proof: %w", err)
		}
		if err := f.rec.store(f.dir); err != nil {
			return nil, err
		}
	}
	return newCut(f.rec, framing.ObjectProof, f.rec.Proof)
}

// repeated is the phase of what is sent beside the order of the pass.
const repeated = -1

// sendSpool sends a plan or a proof from its file, from where an earlier run was in it.
func (t *trip) sendSpool(ctx context.Context, c *cut, name string, copies, phase int) error {
	file, err := os.Open(filepath.Join(t.flight.dir, name))
	if err != nil {
		return fmt.Errorf("send %v: %w", c.head.Object, err)
	}
	defer file.Close()
	begin := uint32(0)
	if phase == t.from.Phase && copies == 1 {
		begin = min(t.from.Group, c.groups.Count())
	}
	first, _ := c.groups.Range(begin)
	if _, err := file.Seek(int64(c.part.Offset(first)), io.SeekStart); err != nil {
		return fmt.Errorf("send %v: %w", c.head.Object, err)
	}
	if phase != repeated {
		t.phase = phase
	}
	for i := begin; i < c.groups.Count(); i++ {
		g, err := t.acquire(ctx, c, i, copies)
		if err != nil {
			return err
		}
		if _, err := io.ReadFull(file, g.data); err != nil {
			g.drop()
			return fmt.Errorf("send %v: %w", c.head.Object, err)
		}
		if phase != repeated {
			t.track(g, i, copies, nil)
		}
		if err := t.send(ctx, g, copies, nil); err != nil {
			return err
		}
	}
	return nil
}

// sendContent reads the source once and sends it, and the plan in between.
func (t *trip) sendContent(ctx context.Context, plan *cut, from progress) error {
	f := t.flight
	tree, err := openTree(f.rec, f.dir)
	if err != nil {
		return err
	}
	defer tree.close()
	if f.rec.Content == 0 {
		ends, err := tree.fill(ctx, nil, nil, true)
		t.digester.take(nil, ends) // nothing was handed to the hash stage: it is ours
		return err
	}
	c, err := newCut(f.rec, framing.ObjectContent, f.rec.Body)
	if err != nil {
		return err
	}
	if err := tree.resume(from); err != nil {
		return err
	}
	first, _ := c.groups.Range(from.Group)
	f.sent.Store(c.part.Offset(first))
	t.phase = phaseContent
	planned, since := time.Now(), uint64(0)
	last := c.groups.Count() - 1
	for i := from.Group; i <= last; i++ {
		g, err := t.acquire(ctx, c, i, c.copies())
		if err != nil {
			return err
		}
		if g.ends, err = tree.fill(ctx, g.data, g.ends, i == last); err != nil {
			g.drop()
			return err
		}
		since += uint64(len(g.data))
		t.track(g, i, c.copies(), tree)
		if err := t.send(ctx, g, c.copies(), t.digester); err != nil {
			return err
		}
		if i < last && since/planShare >= plan.weight() && time.Since(planned) >= planEvery {
			planned, since = time.Now(), 0
			if err := t.sendSpool(ctx, plan, planFile, 1, repeated); err != nil {
				return err
			}
		}
	}
	return nil
}

// named turns the error of a digest that is not the first pass's into an abort that names
// the file.
func (t *trip) named(err error) error {
	var differs *errDigest
	if !errors.As(err, &differs) {
		return err
	}
	path, e := filePath(filepath.Join(t.flight.dir, planFile), differs.index)
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
func (t *trip) giveUp(ctx context.Context, why *fault) error {
	f := t.flight
	f.failure = why
	f.rec.Path, f.rec.Reason = why.path, why.reason
	f.show(StateAborting)
	t.log.Warn("transfer aborted", zap.String("transfer", f.rec.ID), zap.String("path", why.path), zap.String("reason", why.reason))
	proof, err := abortedProof(f.rec, why, t.key)
	if err != nil {
		return err
	}
	if f.rec.Proof, err = t.flight.channel.planner.object(uint64(len(proof))); err != nil {
		return err
	}
	// Without disk the abort is still told; only a restart would not tell it again.
	if err := errors.Join(f.rec.store(f.dir), writeDurable(filepath.Join(f.dir, proofFile), proof)); err != nil {
		t.log.Error("record of the abort", zap.String("transfer", f.rec.ID), zap.Error(err))
	}
	c, err := newCut(f.rec, framing.ObjectProof, f.rec.Proof)
	if err != nil {
		return err
	}
	for i := range c.groups.Count() {
		g, err := t.acquire(ctx, c, i, c.copies())
		if err != nil {
			return err
		}
		copy(g.data, proof)
		proof = proof[len(g.data):]
		if err := t.send(ctx, g, c.copies(), nil); err != nil {
			return err
		}
	}
	return nil
}
