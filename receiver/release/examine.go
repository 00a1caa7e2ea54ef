package release

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"pawl/receiver/check"
	"pawl/receiver/quarantine"
)

// examine takes a transfer in checking to where it belongs. On an error it stays there, and nothing of it is
// in the inbox but perhaps a staging, which the next try clears.
func (j *job) examine(ctx context.Context) error {
	begun, err := j.resume()
	if err != nil || begun {
		return err
	}
	approval, err := approved(j.dir())
	if err != nil {
		return err
	}
	if !approval.made && !j.channel.Auto {
		return j.hold(ctx, "waits for approval")
	}
	in, err := openInbox(j.channel.Inbox)
	if err != nil {
		return err
	}
	defer in.close()
	if err := j.release(ctx, in, approval); err != nil {
		return j.fail(ctx, in, err)
	}
	return j.released(in)
}

// hold checks a transfer without making anything of it, and lets it wait for a person. What is held has been
// checked, whatever the reason: nobody is asked about what must be rejected.
func (j *job) hold(ctx context.Context, reason string) error {
	pass, err := check.Verify(ctx, j.dir(), j.id, j.rules(), nil)
	if err != nil {
		return j.refuse(err)
	}
	if err := j.noteVerdict(pass, nil); err != nil {
		return err
	}
	return j.settle(quarantine.Held, reason)
}

// release stages, checks and publishes.
func (j *job) release(ctx context.Context, in *inbox, approval Approval) error {
	stage, err := newStage(in, j.id, j.step)
	if err != nil {
		return err
	}
	defer stage.close()
	pass, err := check.Verify(ctx, j.dir(), j.id, j.rules(), stage)
	if err != nil {
		return err
	}
	j.step("checked")
	if err := j.noteVerdict(pass, nil); err != nil {
		return err
	}
	if !approval.made {
		approval = byPolicy(pass)
	}
	receipt, err := j.enterRelease(in, pass, approval)
	if err != nil {
		return err
	}
	return Release(j.dir(), stage, pass, approval, receipt)
}

// released makes the state follow the inbox, and clears up.
func (j *job) released(in *inbox) error {
	if err := j.move(quarantine.Released, "in "+in.path); err != nil {
		return err
	}
	if err := in.unstage(j.id); err != nil {
		return err
	}
	j.step("staging removed")
	err := j.dropContent()
	j.step("content removed")
	return err
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
		return j.hold(ctx, taken.Error())
	}
	return j.refuse(err)
}

// refuse settles a transfer that is not released because of err; an error that says nothing about
// the transfer is given back.
func (j *job) refuse(err error) error {
	if verdict, ok := check.AsVerdict(err); ok {
		if err := j.noteVerdict(check.Pass{}, verdict); err != nil {
			return err
		}
		return j.settle(check.Weigh(verdict), verdict.Error())
	}
	if errors.Is(err, ErrApproval) {
		return j.settle(quarantine.Held, err.Error())
	}
	return err
}

func (j *job) noteVerdict(pass check.Pass, verdict *check.Verdict) error {
	w := Answer{When: time.Now().UTC(), Pass: pass.Valid(), Verdict: verdict, Checks: pass.Findings()}
	if policy := j.channel.Policy; policy != nil {
		digest := policy.Digest()
		w.Policy = hex.EncodeToString(digest[:])
	}
	if pass.Valid() {
		body := pass.Body()
		w.Body = hex.EncodeToString(body[:])
	}
	data, err := encodeJSON(w)
	if err != nil {
		return fmt.Errorf("write %s: %w", verdictFile, err)
	}
	if err := j.enterVerdict(w, data); err != nil {
		return err
	}
	return quarantine.WriteFile(j.dir(), verdictFile, data)
}

// resume looks whether an earlier run had begun to release the transfer, and goes on from there if it got
// as far as the rename. It says whether the transfer is settled.
func (j *job) resume() (bool, error) {
	var begun intent
	ok, err := readJSON(j.dir(), intentFile, &begun)
	if err != nil || !ok {
		return false, err
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
		return true, j.released(in)
	case gone:
		if err := quarantine.RemoveFile(j.dir(), intentFile); err != nil {
			return false, err
		}
		// Somebody removed the evidence. Releasing a second time would be worse than asking.
		return true, j.settle(quarantine.Held, fmt.Sprintf("may be released already: look for %q in %s", begun.Name, begun.Inbox))
	}
	if err := quarantine.RemoveFile(j.dir(), intentFile); err != nil {
		return false, err
	}
	j.step("intent removed")
	return false, in.unstage(j.id)
}
