package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"pawl/receiver/quarantine"
)

// Cut is a link that breaks in the middle of a transfer, for good.
type Cut struct {
	Link   int     // counted from 0
	At     float64 // share of the content that must have arrived before
	Unplug bool    // sending on it fails; otherwise the packets are lost and nobody is told
}

// midway waits until a share of the content is on the receiver's disk, and returns what is.
func (t *transfer) midway(ctx context.Context, share float64) (there float64, err error) {
	what := fmt.Sprintf("%.0f %% of the content", 100*share)
	err = await(ctx, what, t.rig.running(), func() (bool, error) {
		state, id, err := t.rig.stands()
		if err != nil || state == "" {
			return false, err
		}
		if state != quarantine.Incoming {
			return false, fmt.Errorf("the transfer was %s before %s could be seen: take a larger one or a lower rate", state, what)
		}
		info, err := os.Stat(t.rig.high("quarantine", string(state), id.String(), quarantine.ContentFile))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil // not begun, or moved this moment: the next look tells
		}
		if err != nil {
			return false, err
		}
		there = float64(info.Size()) / float64(t.report.ContentBytes)
		return there >= share, nil
	})
	return there, err
}

// cutMidway breaks a link when its time has come.
func (t *transfer) cutMidway(ctx context.Context) (err error) {
	if t.Cut == nil {
		return nil
	}
	if t.report.CutAt, err = t.midway(ctx, t.Cut.At); err != nil {
		return err
	}
	t.report.WasCut = true
	t.say(fmt.Sprintf("cutting link %d at %.0f %%", t.Cut.Link, 100*t.report.CutAt))
	if t.Cut.Unplug {
		return t.bed.Unplug(t.Cut.Link)
	}
	return t.bed.Cut(t.Cut.Link)
}

// killMidway kills the receiver when half of the content is on its disk, and starts it anew.
func (t *transfer) killMidway(ctx context.Context) (err error) {
	if !t.Kill {
		return nil
	}
	if t.report.KilledAt, err = t.midway(ctx, 0.5); err != nil {
		return err
	}
	t.say(fmt.Sprintf("kill -9 pawl-receive at %.0f %% and start it again", 100*t.report.KilledAt))
	if err := t.rig.killReceive(); err != nil {
		return err
	}
	return t.rig.startReceive(ctx)
}
