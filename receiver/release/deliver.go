package release

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"go.uber.org/zap"

	"pawl/receiver/audit"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/bucket"
)

// releaseTo puts the manifest of what was uploaded into the bucket, which is the release there. pass is the one of the channel's policy,
// delivered the one of the bytes that went up; both must be for one proof, and so must the approval and the receipt. Otherwise the error
// wraps [ErrPass], [ErrApproval] or [ErrReceipt], and nothing was done.
func releaseTo(u *upload, id quarantine.ID, pass, delivered check.Pass, approval Approval, receipt audit.Receipt) error {
	switch {
	case !delivered.Proves(id, u) || !pass.Valid() || pass.ID() != id || pass.Body() != delivered.Body():
		return fmt.Errorf("release %s: %w", id, ErrPass)
	case !approval.Allows(pass):
		return fmt.Errorf("release %s: %w", id, ErrApproval)
	case !receipt.Releases(id.String(), pass.Body(), u.to.URL(u.prefix)):
		return fmt.Errorf("release %s: %w", id, ErrReceipt)
	}
	u.begun = true
	if err := u.publish(); err != nil {
		return fmt.Errorf("release %s: %w", id, err)
	}
	u.step("manifest put")
	return nil
}

// deliver is what release is for an inbox: everything is checked, then goes up, is read back, and the manifest last. Nothing that was not
// checked and approved is sent anywhere. An error leaves the intent, and the next try looks how far this one got.
func (j *job) deliver(ctx context.Context) error {
	pass, err := check.Verify(ctx, j.dir(), j.id, j.rules(), nil)
	if err != nil {
		return j.refuse(err)
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
		return j.putOff(wait)
	}
	if err := j.fits(); err != nil {
		return j.refuse(err)
	}
	place := j.channel.Bucket.URL(bucketPrefix(j.id))
	receipt, err := j.enterRelease(place, pass, approval)
	if err != nil {
		return err
	}
	body := pass.Body()
	begun := intent{Inbox: place, Name: pass.Name(), Bucket: true, Uploading: true, Body: hex.EncodeToString(body[:]), When: j.now().UTC()}
	if err := writeJSON(j.dir(), intentFile, begun); err != nil {
		return err
	}
	j.step("intent written")
	head := pass.Head()
	u, err := newUpload(ctx, j.channel.Bucket, j.dir(), j.id, manifestHead{
		Format: manifestFormat, Transfer: j.id.String(), Channel: j.channel.Name, Name: pass.Name(), Plan: hex.EncodeToString(head.PlanDigest[:]),
		Proof: hex.EncodeToString(body[:]), Files: head.Files, Bytes: head.Content,
	}, j.step)
	if err != nil {
		return err
	}
	defer u.close()
	if err := j.send(ctx, u, begun, pass, approval, receipt); err != nil {
		if u.begun && !errors.Is(err, bucket.ErrRefused) {
			return err // the manifest may be there: the next try asks
		}
		if back := j.takeBack(ctx); back != nil {
			return errors.Join(err, back)
		}
		return j.refuse(err)
	}
	return j.delivered(ctx, place)
}

// fits asks, before anything goes up, whether the store can name all files.
func (j *job) fits() error {
	for e, err := range check.Entries(j.dir()) {
		if err == nil && !e.Dir {
			err = j.channel.Bucket.Fits(bucketPrefix(j.id) + contentKey + e.Path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// send uploads and releases. The content was checked a moment ago, for the same proof: here only its digests are asked about.
func (j *job) send(ctx context.Context, u *upload, begun intent, pass check.Pass, approval Approval, receipt audit.Receipt) error {
	delivered, err := check.Verify(ctx, j.dir(), j.id, check.Rules{Sender: j.sender, Limits: j.channel.Limits, Passed: j.rules().Passed}, u)
	if err != nil {
		return err
	}
	if _, err := u.seal(); err != nil {
		return err
	}
	j.step("manifest written")
	// The manifest is the release: until here everybody can take a word back, and from here on nobody.
	begun.Uploading = false
	if err := j.commit(begun.Inbox, pass, func() error { return writeJSON(j.dir(), intentFile, begun) }); err != nil {
		return err
	}
	j.step("release begun")
	return releaseTo(u, j.id, pass, delivered, approval, receipt)
}

// takeBack removes what went up of a transfer that is not released.
func (j *job) takeBack(ctx context.Context) error {
	if err := j.channel.Bucket.Clear(ctx, bucketPrefix(j.id)); err != nil {
		return err
	}
	j.step("objects removed")
	if err := quarantine.RemoveFile(j.dir(), intentFile); err != nil {
		return err
	}
	j.step("intent removed")
	return nil
}

// resumeDelivery goes on from an intent: the manifest says whether the transfer was released. It says whether it is settled now.
func (j *job) resumeDelivery(ctx context.Context, begun intent) (bool, error) {
	elsewhere := j.channel.Bucket == nil || j.channel.Bucket.URL(bucketPrefix(j.id)) != begun.Inbox
	if elsewhere && begun.Uploading {
		j.log.Warn("what went up to another store is left there: without a manifest it is no release", zap.Stringer("transfer", j.id), zap.String("place", begun.Inbox))
		return false, quarantine.RemoveFile(j.dir(), intentFile)
	}
	if elsewhere {
		return true, j.wait(fmt.Sprintf("may be released already: look for %s in %s", manifestKey, begun.Inbox), true)
	}
	_, there, err := j.channel.Bucket.Digest(ctx, bucketPrefix(j.id)+manifestKey)
	if errors.Is(err, fs.ErrNotExist) {
		return false, j.takeBack(ctx)
	}
	if err != nil {
		return false, fmt.Errorf("a release was begun: %w", err)
	}
	if made, err := madeManifest(j.dir()); err != nil || made != there {
		// Not ours: somebody else writes there.
		return true, errors.Join(quarantine.RemoveFile(j.dir(), intentFile), j.wait(fmt.Sprintf("another manifest is in %s", begun.Inbox), true))
	}
	return true, j.delivered(ctx, begun.Inbox)
}

// delivered makes the state follow the bucket.
func (j *job) delivered(ctx context.Context, place string) error {
	what := "in " + place
	said, err := j.runAfter(ctx, place+manifestKey)
	if err != nil {
		return err
	}
	if said != "" {
		what += "; " + said
	}
	if err := j.move(quarantine.Released, what); err != nil {
		return err
	}
	err = errors.Join(quarantine.RemoveFile(j.dir(), manifestFile), j.dropContent())
	j.step("content removed")
	return err
}
