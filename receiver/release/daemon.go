package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

// Daemon takes every transfer through a gate as soon as it is complete. Each channel has its own worker: a
// large, sick or stuck transfer holds up nothing but its channel, and a failing one nothing at all, since it is
// left for the next round.
type Daemon struct {
	gate    *Gate
	rescan  time.Duration
	said    map[string]bool // what was reported once; of Run's own goroutine
	pulse   pulse
	rules   rules
	started time.Time
	now     func() time.Time // for when failing transfers are tried again
}

// NewDaemon makes a daemon that looks through the quarantine every rescan, also when nothing nudges it. What failed for a full disk or an inbox
// that is not mounted is tried again after rescan, then after twice as long each time, up to a quarter of an hour.
func NewDaemon(gate *Gate, rescan time.Duration) *Daemon {
	d := &Daemon{gate: gate, rescan: rescan, said: map[string]bool{}, now: time.Now, started: time.Now()}
	gate.moved = func(id quarantine.ID) { d.pulse.moved(id, time.Now()) }
	return d
}

// Run clears up after an earlier run, takes what is there, and then looks again after every nudge until ctx
// ends, which is not an error.
func (d *Daemon) Run(ctx context.Context, nudges <-chan struct{}) error {
	group, ctx := errgroup.WithContext(ctx)
	var wake []chan struct{}
	for _, channel := range d.gate.channels {
		kick := make(chan struct{}, 1)
		wake = append(wake, kick)
		w := &worker{gate: d.gate, pulse: &d.pulse, channel: channel, rescan: d.rescan, now: d.now, failing: map[quarantine.ID]*Failing{}}
		group.Go(func() error { return w.run(ctx, kick) })
	}
	group.Go(func() error {
		tick := time.NewTicker(d.rescan)
		defer tick.Stop()
		for {
			d.report()
			d.pulse.looked(time.Now())
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			case <-nudges:
			}
			for _, kick := range wake {
				select {
				case kick <- struct{}{}:
				default: // it has not taken the last one yet, and will see everything then
				}
			}
		}
	})
	return group.Wait()
}

// report says once what nobody will take: transfers of unknown channels, and names that are none.
func (d *Daemon) report() {
	for _, st := range []quarantine.State{quarantine.Complete, quarantine.Checking, quarantine.Held} {
		ids, err := d.gate.store.List(st)
		if err != nil {
			d.gate.log.Error("quarantine can't be read", zap.Error(err))
			continue
		}
		for _, id := range ids {
			if _, known := d.gate.channels[id.Channel]; !known && d.once(id.String()) {
				d.gate.log.Warn("transfer waits: its channel is not configured", zap.Stringer("transfer", id))
			}
		}
		foreign, _ := d.gate.store.Foreign(st)
		for _, name := range foreign {
			if d.once(string(st) + "/" + name) {
				d.gate.log.Warn("not a transfer: left alone", zap.String("path", filepath.Join(string(st), framing.Printable(name, shownReason))))
			}
		}
	}
}

// reports bounds the memory of what was said: whoever can fill a folder must not fill this.
const reports = 10_000

func (d *Daemon) once(what string) bool {
	if d.said[what] || len(d.said) >= reports {
		return false
	}
	d.said[what] = true
	return true
}

// Sweep clears what a crash left behind a channel's transfers that are settled: stagings in the
// inbox, and the content of released ones. A transfer in checking is not touched: its staging is
// evidence.
func (g *Gate) Sweep(channel Channel) error {
	released, err := g.store.List(quarantine.Released)
	if err != nil {
		return err
	}
	for _, id := range released {
		if id.Channel == channel.ID {
			err = errors.Join(err, g.sweepContent(id))
		}
	}
	if channel.Bucket != nil {
		return errors.Join(err, g.sweepObjects(channel))
	}
	in, errIn := openInbox(channel.Inbox)
	if errIn != nil {
		return errors.Join(err, errIn)
	}
	defer in.close()
	ids, foreign, errIn := in.staged()
	for _, id := range ids {
		err = errors.Join(err, g.sweepStaging(in, id))
	}
	for _, name := range foreign {
		g.log.Warn("not a staging: left alone", zap.String("path", filepath.Join(in.path, framing.Printable(name, shownReason))))
	}
	return errors.Join(err, errIn)
}

func (g *Gate) sweepContent(id quarantine.ID) error {
	j, lock, err := g.take(id, quarantine.Released)
	if errors.Is(err, quarantine.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Unlock()
	return j.dropContent()
}

// sweepObjects removes from a bucket what went up of transfers that were rejected while the store was away.
func (g *Gate) sweepObjects(channel Channel) error {
	rejected, err := g.store.List(quarantine.Rejected)
	for _, id := range rejected {
		if id.Channel != channel.ID {
			continue
		}
		if there, readErr := readJSON(g.store.Dir(quarantine.Rejected, id), intentFile, new(intent)); readErr != nil || !there {
			err = errors.Join(err, readErr)
			continue
		}
		j, lock, takeErr := g.take(id, quarantine.Rejected)
		if takeErr == nil {
			ctx, stop := context.WithTimeout(context.Background(), giving)
			takeErr = j.takeBack(ctx)
			stop()
			lock.Unlock()
		}
		if takeErr != nil && !errors.Is(takeErr, quarantine.ErrLocked) {
			err = errors.Join(err, fmt.Errorf("transfer %s: %w", id, takeErr))
		}
	}
	return err
}

func (g *Gate) sweepStaging(in *inbox, id quarantine.ID) error {
	st, err := g.store.Find(id)
	if errors.Is(err, fs.ErrNotExist) {
		g.log.Warn("staging of a transfer that this quarantine does not have: left alone", zap.Stringer("transfer", id))
		return nil
	}
	if err != nil || st == quarantine.Checking {
		return err
	}
	lock, err := g.store.Lock(id, st)
	if errors.Is(err, quarantine.ErrLocked) || errors.Is(err, fs.ErrNotExist) {
		return nil // somebody works on it at this moment, and clears up himself
	}
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := in.unstage(id); err != nil {
		return fmt.Errorf("transfer %s: %w", id, err)
	}
	return nil
}
