package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/metrics"
	"pawl/receiver"
	"pawl/receiver/quarantine"
)

// running is the receiver at work: the daemon's core.
type running struct {
	receiver *receiver.Receiver
	source   receiver.Socket
	unwatch  func()
	opened   time.Time
	keys     receiver.Config // as it was begun: key files are not in the configuration's text
	paths    []string        // of the status files
	notice   func() string
	log      *zap.Logger
}

// Run receives until ctx ends, which is no failure, and keeps the status in files.
func (r *running) Run(ctx context.Context) error {
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group errgroup.Group
	group.Go(func() error {
		r.keepStatus(keeping)
		return nil
	})
	err := r.receiver.Run(ctx, r.source)
	stop()
	_ = group.Wait() // keepStatus has no error: a status that can't be written must not stop receiving
	s := r.receiver.Status()
	r.log.Info("stopped", zap.Uint64("completed", s.Completed), zap.Uint64("incomplete", s.Incomplete),
		zap.Uint64("received", s.Ledger.Received.Packets), zap.Uint64("lost", s.PacketsLost), zap.Uint64("kernel_drops", s.KernelDrops))
	return err
}

// Reload takes channels and idle; the frame has refused changes of other keys in the file.
func (r *running) Reload(ctx context.Context, c *loaded) error {
	if !reflect.DeepEqual(r.keys.Sender, c.cfg.Sender) {
		return conf.At("sender", fmt.Errorf("needs restart: %s holds another key than the one in use", c.file.Sender))
	}
	if r.keys.Key.Public().Fingerprint() != c.cfg.Key.Public().Fingerprint() {
		return conf.At("key", fmt.Errorf("needs restart: %s holds another key than the one in use", c.file.Key))
	}
	return r.receiver.Change(ctx, receiver.Change{Channels: c.cfg.Channels, Idle: c.cfg.Idle})
}

// ingestLimit is how old the status may be: the ingest goroutine makes a new one each second, between two batches.
const ingestLimit = 10 * time.Second

// resumeLimit is how long the begin may take, when what an earlier run left in incoming is read: 2 GiB of parked symbols at
// the 20 MB/s of a poor disk are less than two minutes.
const resumeLimit = 10 * time.Minute

// Alive asks for the ingest goroutine's own last sign of life, the time at which it made its status.
func (r *running) Alive(now time.Time) error {
	s := r.receiver.Status()
	return alive(now, r.opened, s.Time)
}

// alive judges by the time of the last status, zero for none.
func alive(now, opened, last time.Time) error {
	if last.IsZero() {
		if took := now.Sub(opened); took > resumeLimit {
			return fmt.Errorf("taking up what an earlier run left has not ended in %v", took.Round(time.Second))
		}
		return nil
	}
	if age := now.Sub(last); age > ingestLimit {
		return fmt.Errorf("nothing was taken from the link, nor the clock looked at, for %v", age.Round(time.Second))
	}
	return nil
}

// Collect gives the receiver's metrics.
func (r *running) Collect(out chan<- prometheus.Metric) {
	s := r.receiver.Status()
	metrics.Collect(families, &s, out)
}

// Close closes the sockets.
func (r *running) Close() error {
	r.unwatch()
	return r.source.Close()
}

// keepStatus writes the status files every second and once more at the end.
func (r *running) keepStatus(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	told := false
	for {
		err := r.writeStatus()
		if err != nil && !told {
			r.log.Error("status can't be written", zap.Error(err))
		}
		told = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			_ = r.writeStatus() // told above if the disk refuses it
			return
		}
	}
}

// writeStatus replaces each status file in one step, without waiting for the disk: it is news, not evidence.
func (r *running) writeStatus() error {
	s := r.receiver.Status()
	if notice := r.notice(); notice != "" {
		s.Warnings = append(slices.Clip(s.Warnings), notice)
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	for _, path := range r.paths {
		next := path + ".new"
		err1 := os.WriteFile(next, append(data, '\n'), quarantine.FileMode)
		if err1 == nil {
			err1 = os.Rename(next, path)
		}
		err = errors.Join(err, err1)
	}
	return err
}

// lastArrivals reads from an earlier run's status when something last arrived, so that a restart does not forget what is overdue.
func lastArrivals(path string, log *zap.Logger) map[string]time.Time {
	var s receiver.Status
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("the last run's status can't be read: expected arrivals count from now on", zap.Error(err))
	}
	return s.Arrivals
}
