package sender

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/framing/lowlog"
)

// idTimeShift makes room for 20 random bits below the milliseconds of an id.
const idTimeShift = 20

// idLead is how far ahead of the ids given their counter is written: a minute of ids, so
// that a flood of small transfers does not wait for a sync each.
const idLead = 60_000 << idTimeShift

// claimer makes transfers of what people give: entries of an outbox, and submitted paths.
//
//	outbox/<name> ── rename ──► claimed/<id>/<name> ── walk ──► queue
//	                                    └─ may not cross ──► refused/<id>/<name>, reason.txt
//	outbox/<a>, <b> ─ batch ──► claimed/<id>/<time>/<a>, <b>
//	outbox/<d>/<e>/<f> ─ file ► claimed/<id>/<d>/<e>/<f>
type claimer struct {
	symbolSize int
	ids        *counter
	schedule   *schedule
	counters   *counters
	log        *zap.Logger
	tap        func(step string) error // tests end a claim after a step; nil otherwise
}

// newRecord begins a transfer and its folder; set, if not nil, fills in more of the record.
func (c *claimer) newRecord(ch *channel, name, source string, set func(*record)) (*record, string, error) {
	now := time.Now()
	id, err := c.ids.take(uint64(max(now.UnixMilli(), 0))<<idTimeShift | uint64(rand.N(1<<idTimeShift)))
	if err != nil {
		return nil, "", err
	}
	rec := &record{
		ID: transferID(ch.ID, id), Channel: ch.ID, Transfer: id, Name: name, Source: source,
		Created: now.Unix(), State: StateQueued, Passes: ch.Passes,
	}
	if set != nil {
		set(rec)
	}
	dir := filepath.Join(ch.folder("claimed"), rec.ID)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, "", err
	}
	return rec, dir, rec.store(dir)
}

// submit makes a transfer of a path that stays where it is.
func (c *claimer) submit(ctx context.Context, ch *channel, path string) (*flight, error) {
	path = filepath.Clean(path)
	if !filepath.IsAbs(path) || path == "/" {
		return nil, refuse("", "%q is not the absolute path of an entry", path)
	}
	select {
	case <-ch.recovered: // else it would be found in claimed/, and sent a second time
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	rec, dir, err := c.newRecord(ch, filepath.Base(path), path, nil)
	if err != nil {
		return nil, fmt.Errorf("submit %q: %w", path, err)
	}
	return c.adopt(ctx, newFlight(rec, dir, ch))
}

// adopt plans a transfer whose folder is in claimed/ and queues it, or refuses it; the
// flight then says so. The error is of our own machinery.
func (c *claimer) adopt(ctx context.Context, f *flight) (*flight, error) {
	if err := c.plan(ctx, f); err != nil {
		if ctx.Err() != nil {
			return f, ctx.Err() // the next start takes it up
		}
		var why *fault
		if !errors.As(err, &why) {
			why = &fault{kind: ErrRefused, reason: fmt.Sprintf("sender: %v", err)}
		}
		if rest, err := c.part(f, why); err != nil || rest {
			if err != nil {
				return f, err
			}
			return c.adopt(ctx, f)
		}
		return f, c.refuse(f, why)
	}
	if err := c.step("planned"); err != nil {
		return f, err
	}
	c.log.Info("transfer queued", zap.String("transfer", f.rec.ID), zap.String("channel", f.channel.Name),
		zap.String("name", f.rec.Name), zap.Uint64("entries", f.rec.Entries), zap.Uint64("bytes", f.rec.Content))
	c.schedule.trail.noteTransfer(f, lowlog.Claimed)
	f.unsent, f.fresh = true, true
	c.schedule.enter(f)
	return f, nil
}

// plan walks the source and fixes the geometry of plan and content, before any packet.
func (c *claimer) plan(ctx context.Context, f *flight) (err error) {
	rec := f.rec
	if err := framing.CheckName(rec.Name); err != nil {
		return refuse("", "%v", err)
	}
	if err := c.walk(ctx, f); err != nil {
		return err
	}
	rec.SymbolSize = c.symbolSize
	if rec.Plan, err = f.channel.planner.object(rec.Plan.Length); err != nil {
		return err
	}
	if rec.Content > 0 {
		if rec.Body, err = f.channel.planner.content(rec.Content, f.channel.FEC); err != nil {
			return err
		}
	}
	return rec.store(f.dir)
}

// refuse moves a transfer of which no packet was sent to refused/.
func (c *claimer) refuse(f *flight, why *fault) error {
	c.counters.refusal.Add(1)
	f.rec.Path, f.rec.Reason = why.path, why.reason
	f.show(StateRefused)
	for _, spool := range []string{planFile, planFile + ".entries"} {
		os.Remove(filepath.Join(f.dir, spool)) // of no use; may not be there
	}
	os.RemoveAll(filepath.Join(f.dir, markerFolder))
	c.log.Warn("entry refused", zap.String("transfer", f.rec.ID), zap.String("channel", f.channel.Name),
		zap.String("name", f.rec.Name), zap.String("path", why.path), zap.String("reason", why.reason))
	c.schedule.trail.noteTransfer(f, lowlog.Refused)
	defer close(f.done)
	if err := retire(f); err != nil {
		return fmt.Errorf("refuse %s: %w", f.rec.ID, err)
	}
	return nil
}

// recover takes up again what a channel had claimed before a restart, the oldest first.
// What cannot be taken up is said and left where it is: nothing is deleted here but folders
// that never got an entry.
func (c *claimer) recover(ctx context.Context, ch *channel) error {
	entries, err := os.ReadDir(ch.folder("claimed"))
	if err != nil {
		return fmt.Errorf("recover channel %q: %w", ch.Name, err)
	}
	// Ids of a channel have one length, so their names sort by age.
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		if err := c.resume(ctx, ch, filepath.Join(ch.folder("claimed"), e.Name())); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.log.Error("claimed transfer cannot be taken up", zap.String("folder", e.Name()), zap.Error(err))
		}
	}
	return nil
}

// resume takes up one folder of claimed/.
func (c *claimer) resume(ctx context.Context, ch *channel, dir string) error {
	rec, err := loadRecord(dir)
	if errors.Is(err, os.ErrNotExist) {
		os.Remove(filepath.Join(dir, recordFile+".tmp"))
		return os.Remove(dir) // the claim had only begun; fails if there is anything
	}
	if err != nil {
		return err
	}
	if rec.Channel != ch.ID {
		return fmt.Errorf("transfer %s is of channel %d", rec.ID, rec.Channel)
	}
	f := newFlight(rec, dir, ch)
	want, err := loadOrders(dir)
	if err != nil {
		return err
	}
	f.obey(want)
	if rec.State == StateQueued && !rec.planned() {
		if there, err := c.unmark(f); err != nil || !there {
			return err
		}
	}
	switch {
	case underRepair(dir):
		return c.resumeRepair(f)
	case rec.State.Final():
		return retire(f)
	case !rec.planned() || rec.Plan.K == 0:
		_, err := c.adopt(ctx, f)
		return err
	case rec.SymbolSize != c.symbolSize && rec.State != StateAborting:
		return c.renew(ctx, f)
	}
	if rec.State == StateAborting {
		rec.SymbolSize = c.symbolSize
	} else {
		f.show(StateQueued)
		_, err := os.Lstat(filepath.Join(dir, progressFile))
		f.fresh = rec.Pass == 0 && err != nil
	}
	c.log.Info("transfer taken up again", zap.String("transfer", rec.ID), zap.Int("passes_done", rec.Pass))
	c.schedule.enter(f)
	return nil
}

// renew gives a transfer a new id: the link's symbol size is not the one it was cut for,
// and what was sent under the old id cannot be added to.
func (c *claimer) renew(ctx context.Context, f *flight) error {
	id, err := c.ids.take(uint64(max(time.Now().UnixMilli(), 0))<<idTimeShift | uint64(rand.N(1<<idTimeShift)))
	if err != nil {
		return err
	}
	old := f.rec
	rec := &record{
		ID: transferID(old.Channel, id), Channel: old.Channel, Transfer: id, Name: old.Name,
		Source: old.Source, Batch: old.Batch, Inside: old.Inside, Created: old.Created, State: StateQueued, Passes: old.Passes,
	}
	dir := filepath.Join(filepath.Dir(f.dir), rec.ID)
	c.log.Warn("symbol size of the link changed, transfer begins anew",
		zap.String("transfer", old.ID), zap.String("as", rec.ID))
	if err := os.Remove(filepath.Join(f.dir, proofFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// The record inside still has the old id until the next line; loadRecord then refuses the
	// folder and says so, and the entry is not lost.
	if err := errors.Join(os.Rename(f.dir, dir), rec.store(dir)); err != nil {
		return err
	}
	anew := newFlight(rec, dir, f.channel)
	anew.obey(f.orders)
	_, err = c.adopt(ctx, anew)
	return err
}
