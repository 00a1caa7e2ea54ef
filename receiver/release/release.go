// Package release lets transfers into the inbox. Nothing else in Pawl writes there.
//
//	complete ─> checking ─┬─ stage + check ─> Pass + Approval ─> intent ─> rename ─> released
//	                      ├─> held ── approve ─> checking
//	                      └─> rejected
//
// A transfer is built in <inbox>/.pawl-<id>, which nobody else may enter, while it is checked: the bytes
// that were digested are the bytes that were written, read once. With the Pass and an Approval in
// hand, and the receipt of the audit log, the top of it is renamed into the inbox, in one step and over nothing, so that no reader
// of the inbox sees half a transfer.
//
// [Gate] moves one transfer, [Daemon] all of them. docs/lifecycle.md says what holds after a crash at
// each step.
package release

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"pawl/receiver/audit"
	"pawl/receiver/check"
)

// ErrReceipt is wrapped by Release when the audit log has no entry that says what is released.
var ErrReceipt = errors.New("no receipt of the audit log for what was staged")

// ErrPass is wrapped by Release when the pass is not for what was staged.
var ErrPass = errors.New("no pass for what was staged")

// Release makes the staged transfer visible in the inbox under its name, after every file was read back from the disk. dir is the transfer's
// folder in the quarantine. The pass must be the one that was given for what stage was given, and the
// approval must be for the same proof, and the receipt for the entry in the audit log that says so: otherwise the error
// wraps [ErrPass], [ErrApproval] or [ErrReceipt], and nothing was done. The error wraps [ErrTaken] when the inbox has the name.
//
// When Release returns nil the transfer is in the inbox and stays there; the empty staging and the
// intent are left as the proof of that until the state is changed.
func Release(dir string, stage *Stage, pass check.Pass, approval Approval, receipt audit.Receipt) error {
	if !pass.Proves(stage.id, stage) {
		return fmt.Errorf("release %s: %w", stage.id, ErrPass)
	}
	if !approval.Allows(pass) {
		return fmt.Errorf("release %s: %w", stage.id, ErrApproval)
	}
	if !receipt.Releases(stage.id.String(), pass.Body(), stage.in.path) {
		return fmt.Errorf("release %s: %w", stage.id, ErrReceipt)
	}
	if err := stage.finish(); err != nil {
		return fmt.Errorf("release %s: %w", stage.id, err)
	}
	stage.step("staging synced")
	if err := stage.readBack(dir, pass); err != nil {
		return fmt.Errorf("release %s: %w", stage.id, err)
	}
	stage.step("staging read back")
	body := pass.Body()
	err := stage.place(pass.Name(), func(as string, same bool) error {
		return stage.begin(func() error {
			return writeJSON(dir, intentFile, intent{Inbox: stage.in.path, Name: as, Same: same, Body: hex.EncodeToString(body[:]), When: time.Now().UTC()})
		})
	})
	if err != nil {
		return fmt.Errorf("release %s: %w", stage.id, err)
	}
	stage.step("renamed into the inbox")
	return nil
}
