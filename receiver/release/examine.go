package release

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/bucket"
)

// examine takes a transfer in checking to where it belongs. On an error it stays there, and nothing of it is
// in the inbox but perhaps a staging, which the next try clears.
func (j *job) examine(ctx context.Context) error {
	if _, err := j.finish(); err != nil {
		return err
	}
	begun, err := j.begun()
	if err != nil {
		return err
	}
	w, err := j.look()
	switch {
	case err != nil:
		return err
	case !begun && w.rejected != nil:
		return j.giveUp(ctx, *w.rejected)
	case !begun && w.wait != "":
		if err := j.clear(ctx); err != nil {
			j.log.Warn("what was begun of a transfer that waits can't be cleared now", zap.Stringer("transfer", j.id), zap.String("err", framing.Printable(err.Error(), shownReason)))
		}
		return j.hold(ctx, w.wait, false)
	}
	settled, err := j.resume(ctx)
	if err != nil || settled {
		return err
	}
	if w, err = j.look(); err != nil {
		return err
	}
	if w.wait != "" {
		return j.hold(ctx, w.wait, false)
	}
	if err := j.guard(); err != nil {
		return err
	}
	if j.channel.Bucket != nil {
		return j.deliver(ctx)
	}
	in, err := openInbox(j.channel.Inbox)
	if err != nil {
		return err
	}
	defer in.close()
	in.collision = j.channel.Collision
	in.verity = j.channel.Immutable == Best || j.channel.Immutable == Required
	if err := j.release(ctx, in); err != nil {
		return j.fail(ctx, in, err)
	}
	return j.released(ctx, in)
}

// hold checks a transfer without making anything of it, and lets it wait. What is held has been checked, whatever the reason: nobody is
// asked about what must be rejected.
func (j *job) hold(ctx context.Context, reason string, stuck bool) error {
	pass, err := check.Verify(ctx, j.dir(), j.id, j.rules(), nil)
	if err != nil {
		return j.refuse(err)
	}
	if err := j.noteVerdict(pass, nil); err != nil {
		return err
	}
	return j.wait(reason, stuck)
}

// outstandingError says that something that was there when the copying began is outstanding now.
type outstandingError struct{ what string }

func (e outstandingError) Error() string { return e.what }

// release stages, checks and publishes.
func (j *job) release(ctx context.Context, in *inbox) error {
	stage, err := newStage(in, j.id, j.step)
	if err != nil {
		return err
	}
	defer stage.close()
	stage.passed = func() { j.moved(j.id) }
	if err := stage.probe(j.channel.Immutable); err != nil {
		return err
	}
	pass, err := check.Verify(ctx, j.dir(), j.id, j.rules(), stage)
	if err != nil {
		return err
	}
	j.step("checked")
	if err := j.noteVerdict(pass, nil); err != nil {
		return err
	}
	approval, wait, err := j.approve(pass)
	if err != nil {
		return err
	}
	if wait != "" {
		return outstandingError{wait}
	}
	receipt, err := j.enterRelease(in.path, pass, approval)
	if err != nil {
		return err
	}
	stage.commit = func(write func() error) error { return j.commit(in.path, pass, write) }
	return Release(j.dir(), stage, pass, approval, receipt)
}

// released does what is to be done with what is in the inbox, makes the state follow, and clears up.
func (j *job) released(ctx context.Context, in *inbox) error {
	var begun intent
	if _, err := readJSON(j.dir(), intentFile, &begun); err != nil {
		return err
	}
	what := "in " + in.path
	how := j.channel.Immutable
	if begun.Same {
		what, how = what+": the same was there already", Mutable
	} else if top := j.topName(); begun.Name != top {
		what += " as " + begun.Name
	}
	done, err := in.protect(begun.Name, how)
	if err != nil {
		return err
	}
	if done != nil {
		j.step("made immutable")
		what += "; " + done.String()
	}
	said, err := j.runAfter(ctx, filepath.Join(in.path, begun.Name))
	if err != nil {
		return err
	}
	if said != "" {
		what += "; " + said
	}
	if err := j.move(quarantine.Released, what); err != nil {
		return err
	}
	if err := in.unstage(j.id); err != nil {
		return err
	}
	j.step("staging removed")
	err = j.dropContent()
	j.step("content removed")
	return err
}

// topName is the transfer's name in its plan; "" when that can't be read.
func (j *job) topName() string {
	look, err := check.LookAt(j.dir())
	if err != nil || look.Plan == nil {
		return ""
	}
	return look.Plan.Name
}

// fail clears what was staged, and settles the transfer if the error says something about it.
func (j *job) fail(ctx context.Context, in *inbox, err error) error {
	// The intent first: see unstage.
	if err := quarantine.RemoveFile(j.dir(), intentFile); err != nil {
		return err
	}
	j.step("intent removed")
	if cleared := in.unstage(j.id); cleared != nil {
		return errors.Join(err, cleared)
	}
	if taken, ok := errors.AsType[takenError](err); ok {
		return j.hold(ctx, taken.Error(), true)
	}
	return j.refuse(err)
}

// refuse settles a transfer that is not released because of err; an error that says nothing about
// the transfer is given back.
func (j *job) refuse(err error) error {
	if late, ok := errors.AsType[outstandingError](err); ok {
		return j.putOff(late.what)
	}
	if errors.Is(err, bucket.ErrRefused) || errors.Is(err, errUnfit) {
		// It would be tried for ever. A person may mend the place, or reject it.
		return j.wait("can't be released: "+err.Error(), true)
	}
	if verdict, ok := check.AsVerdict(err); ok {
		if err := j.noteVerdict(check.Pass{}, verdict); err != nil {
			return err
		}
		if to := check.Weigh(verdict); to != quarantine.Held {
			return j.move(to, verdict.Error())
		}
		if verdict.Unable {
			return j.waitForCheck(verdict.Error())
		}
		return j.wait(verdict.Error(), true)
	}
	return err
}

// putOff lets a transfer wait for what became outstanding while it was copied, or refuses it where that is a rejection.
func (j *job) putOff(what string) error {
	w, err := j.look()
	if err != nil {
		return err
	}
	if w.rejected != nil {
		return j.giveUp(context.Background(), *w.rejected)
	}
	return j.wait(what, false)
}

// intentFile says that a release was begun. While it is there, nothing but the rename
// into the inbox changes the staging, so that after a crash an empty staging means "released".
const intentFile = "release.json"

type intent struct {
	Inbox     string    `json:"inbox"`
	Name      string    `json:"name"`                // there
	Same      bool      `json:"same,omitempty"`      // it was there already
	Bucket    bool      `json:"bucket,omitempty"`    // Inbox is a place in a bucket
	Uploading bool      `json:"uploading,omitempty"` // to which only content was put yet: nothing is released, and every word can be taken back
	Body      string    `json:"body"`
	When      time.Time `json:"when"`
	Tries     int       `json:"tries,omitempty"` // how often the command after the release was begun
	After     string    `json:"after,omitempty"` // what came of it
}

// resume looks whether an earlier run had begun to release the transfer, and goes on from there if it got
// as far as the rename. It says whether the transfer is settled.
func (j *job) resume(ctx context.Context) (bool, error) {
	var begun intent
	ok, err := readJSON(j.dir(), intentFile, &begun)
	if err != nil || !ok {
		return false, err
	}
	if begun.Bucket {
		return j.resumeDelivery(ctx, begun)
	}
	in, err := openInbox(begun.Inbox)
	if err != nil {
		return false, fmt.Errorf("a release was begun: %w", err)
	}
	defer in.close()
	at, err := in.standing(j.id)
	if err != nil {
		return false, err
	}
	switch at {
	case empty:
		stage, err := in.root.Open(stageName(j.id))
		if err != nil {
			return false, fmt.Errorf("look into staging: %w", err)
		}
		defer stage.Close()
		if err := in.sync(stage); err != nil {
			return false, err
		}
		return true, j.released(ctx, in)
	case gone:
		if err := quarantine.RemoveFile(j.dir(), intentFile); err != nil {
			return false, err
		}
		// Somebody removed the evidence. Releasing a second time would be worse than asking.
		return true, j.wait(fmt.Sprintf("may be released already: look for %q in %s", begun.Name, begun.Inbox), true)
	}
	if err := quarantine.RemoveFile(j.dir(), intentFile); err != nil {
		return false, err
	}
	j.step("intent removed")
	return false, in.unstage(j.id)
}
