package sender

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
)

// Keep is how long sent/ keeps what was sent. The zero Keep keeps all.
type Keep struct {
	Age   time.Duration // from the end of the last pass; 0: for ever
	Bytes uint64        // octets of content that all of them may take, the oldest go first; 0: no bound
}

const (
	// sweepEvery is how often sent/ is looked through.
	sweepEvery = 10 * time.Minute
	// removedFile is the journal of what retention removed, in the state folder: a line of JSON each.
	removedFile = "removed.jsonl"
	// gonePrefix names a folder of sent/ that is written in the journal and being removed.
	gonePrefix = ".pawl-gone-"
)

// removal is a line of the journal: it is there before anything is removed.
type removal struct {
	Time    time.Time `json:"time"`
	ID      string    `json:"id"`
	Channel string    `json:"channel"`
	Name    string    `json:"name"`
	Bytes   uint64    `json:"bytes"`
	Ended   time.Time `json:"ended,omitzero"`
	Why     string    `json:"why"`
}

// retention removes from sent/ what a channel need not keep.
type retention struct {
	state   string
	channel *channel
	sizes   map[string]uint64 // octets of content by id, of what was looked at; only with a bound
	log     *zap.Logger
}

// retain keeps sent/ of a channel within its bounds until ctx ends.
func (s *Sender) retain(ctx context.Context, c *channel) error {
	r := &retention{state: s.cfg.State, channel: c, log: s.cfg.Log}
	for {
		s.orders.Lock()
		err := r.sweep(ctx, time.Now())
		s.orders.Unlock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			s.cfg.Log.Error("sent/ can't be kept within its bounds", zap.String("channel", c.Name), zap.Error(err))
		}
		if err := pause(ctx, sweepEvery); err != nil {
			return err
		}
	}
}

// sweep removes what is too old, and the oldest while there is too much.
func (r *retention) sweep(ctx context.Context, now time.Time) error {
	folder := r.channel.folder("sent")
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var ids []string // of one channel they have one length, so they sort by age
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, gonePrefix):
			if err := os.RemoveAll(filepath.Join(folder, name)); err != nil { // a sweep was cut short
				return err
			}
		case strings.HasPrefix(name, fmt.Sprintf("%d-", r.channel.ID)):
			ids = append(ids, name)
		}
	}
	slices.Sort(ids)
	if err := r.old(ctx, ids, now); err != nil {
		return err
	}
	return r.many(ctx, ids, now)
}

// old removes what ended too long ago. Nothing ends before it was claimed, and ids begin
// with the time of that: what was claimed lately need not be looked at.
func (r *retention) old(ctx context.Context, ids []string, now time.Time) error {
	keep := r.channel.Keep.Age
	if keep == 0 {
		return nil
	}
	limit := now.Add(-keep)
	for _, id := range ids {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rec, err := loadRecord(filepath.Join(r.channel.folder("sent"), id))
		if err != nil {
			continue // not ours, or gone
		}
		if time.UnixMilli(int64(rec.Transfer >> idTimeShift)).After(limit) {
			return nil
		}
		if rec.Ended > 0 && !time.Unix(rec.Ended, 0).After(limit) {
			if err := r.remove(rec, now, fmt.Sprintf("older than %v", keep)); err != nil {
				return err
			}
		}
	}
	return nil
}

// many removes the oldest until the rest takes no more than it may. What was submitted is
// not in sent/ and takes nothing.
func (r *retention) many(ctx context.Context, ids []string, now time.Time) error {
	most := r.channel.Keep.Bytes
	if most == 0 {
		return nil
	}
	sizes, total := make(map[string]uint64, len(ids)), uint64(0)
	for _, id := range ids {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		size, known := r.sizes[id]
		if _, err := os.Lstat(filepath.Join(r.channel.folder("sent"), id)); err != nil {
			continue
		}
		if !known {
			rec, err := loadRecord(filepath.Join(r.channel.folder("sent"), id))
			if err != nil {
				continue
			}
			if rec.Source == "" {
				size = rec.Content
			}
		}
		sizes[id] = size
		total += size
	}
	r.sizes = sizes
	for _, id := range ids {
		if total <= most {
			return nil
		}
		if sizes[id] == 0 {
			continue
		}
		rec, err := loadRecord(filepath.Join(r.channel.folder("sent"), id))
		if err != nil {
			return err
		}
		if err := r.remove(rec, now, fmt.Sprintf("more than %d octets in sent/", most)); err != nil {
			return err
		}
		total -= sizes[id]
		delete(sizes, id)
	}
	return nil
}

// remove writes down what goes and why, and removes it. Cut short anywhere, it is either
// whole in sent/ or named in the journal and removed by the next sweep.
func (r *retention) remove(rec *record, now time.Time, why string) error {
	line := removal{Time: now, ID: rec.ID, Channel: r.channel.Name, Name: rec.Name, Bytes: rec.Content, Why: why}
	if rec.Ended > 0 {
		line.Ended = time.Unix(rec.Ended, 0)
	}
	text, err := json.Marshal(&line)
	if err == nil {
		err = appendDurable(filepath.Join(r.state, removedFile), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write down that %s is removed: %w", rec.ID, err)
	}
	folder := r.channel.folder("sent")
	gone := filepath.Join(folder, gonePrefix+rec.ID)
	if err := os.Rename(filepath.Join(folder, rec.ID), gone); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", rec.ID, err)
	}
	if err := errors.Join(syncFolder(folder), os.RemoveAll(gone)); err != nil {
		return fmt.Errorf("remove %s: %w", rec.ID, err)
	}
	r.log.Info("sent transfer removed", zap.String("transfer", rec.ID), zap.String("name", rec.Name), zap.String("why", why))
	return nil
}
