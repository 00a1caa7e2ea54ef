package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/metrics"
	"pawl/hw/watch"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

// running is the release daemon with one configuration: the core of the program.
type running struct {
	daemon   *release.Daemon
	arrivals *watch.Folder
	store    *quarantine.Store
	rescan   time.Duration
	root     string // of the quarantine
	opened   time.Time
	stopped  func(cause error) error // enters the end into the audit log
	nudges   chan struct{}           // capacity 1
	pages    *pages                  // nil: no console
	log      *zap.Logger

	chronicle *release.Chronicle // nil without an audit log
}

// Run releases until ctx ends; that is no failure.
func (r *running) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, func() { r.arrivals.Close() })
	group.Go(func() error { return nudge(r.arrivals, r.nudges) })
	if r.pages != nil {
		group.Go(func() error { return r.pages.console.Run(ctx) })
		group.Go(func() error { return r.pages.server.Run(ctx) })
	}
	if r.chronicle != nil {
		group.Go(func() error { return r.chronicle.Run(ctx) })
	}
	group.Go(func() error { return r.daemon.Tell(ctx, r.root, cli.Version()) })
	group.Go(func() error {
		defer stop()
		return r.daemon.Run(ctx, r.nudges)
	})
	err := group.Wait()
	r.log.Info("stopped")
	return errors.Join(err, r.stopped(err))
}

// Notes tells what somebody should look at: what can't be released, and what is wrong with the low side's log.
func (r *running) Notes() []string {
	notes := r.daemon.News(time.Now()).Warnings()
	if r.chronicle != nil {
		notes = append(notes, r.chronicle.Notes(time.Now())...)
	}
	return notes
}

// Close gives up the watch of the folder.
func (r *running) Close() error {
	r.arrivals.Close() // which Run's end has done already, unless it never began
	r.pages.close()
	return nil
}

const (
	// lookLimit is how late the loop may be with its look through the quarantine.
	lookLimit = time.Minute
	// workLimit is what a worker may take for one file of a transfer, beside the time to read all of it.
	workLimit = time.Hour
	// workRate is the slowest reading of a transfer's content that counts as progress, octets a second.
	workRate = 1 << 20
)

// Alive asks for what the loop and each worker last did.
func (r *running) Alive(now time.Time) error {
	s := r.daemon.Status()
	return alive(now, r.opened, r.rescan, &s)
}

// alive says what stands still: the loop, which looks through the quarantine at least every rescan, or a worker with a transfer of
// which no file went by for longer than reading the whole of it at the slowest and all checks can take.
func alive(now, opened time.Time, rescan time.Duration, s *release.Status) error {
	last := s.Looked
	if last.IsZero() {
		last = opened
	}
	if late := now.Sub(last); late > rescan+lookLimit {
		return fmt.Errorf("the quarantine was not looked through for %v", late.Round(time.Second))
	}
	for _, w := range s.Works {
		limit := workLimit + time.Duration(w.Content/workRate)*time.Second
		if still := now.Sub(w.Moved); still > limit {
			return fmt.Errorf("transfer %s is being checked, and no file of it went by for %v, more than %v", w.Transfer, still.Round(time.Second), limit)
		}
	}
	return nil
}

// status is what the metrics are read from.
type status struct {
	release.Status
	Waiting  map[quarantine.State]int
	LogFails uint64 // 1: the audit log can't be written
}

// waitingStates are those whose folders are short: nobody removes what was released.
var waitingStates = []quarantine.State{quarantine.Incoming, quarantine.Incomplete, quarantine.Complete, quarantine.Checking, quarantine.Held}

// families are the metrics of pawl-release; docs/metrics.md is made from them.
var families = []metrics.Family[status]{
	number("transfers_released_total", "Transfers that went to the inbox by this program, not counting those that a person's command released.", func(s *status) uint64 { return s.Released }),
	number("transfers_held_total", "Times that a transfer was held for a person.", func(s *status) uint64 { return s.Held }),
	number("transfers_rejected_total", "Transfers that were refused for good by the checks.", func(s *status) uint64 { return s.Rejected }),
	number("failures_total", "Tries to release a transfer that failed and will be made again: a full disk, an absent inbox.", func(s *status) uint64 { return s.Failures }),
	metrics.Value("pawl_release_failing_transfers", "Transfers that can't be moved on and are tried again.", func(s *status) float64 { return float64(s.Fails) }),
	metrics.Value("pawl_release_audit_log_failing", "1 while the audit log can't be written, and nothing is released.", func(s *status) float64 { return float64(s.LogFails) }),
	metrics.Value("pawl_release_looked_time_seconds", "When the quarantine was last looked through, seconds since 1970.", func(s *status) float64 { return float64(s.Looked.UnixMilli()) / 1000 }),
	{Name: "pawl_release_transfers", Help: "Transfers in each state that somebody has to move on; absent while its folder can't be read.", Labels: []string{"state"}, Read: func(s *status, emit metrics.Emit) {
		for state, n := range s.Waiting {
			emit(float64(n), string(state))
		}
	}},
	perWork("work_seconds", "How long the transfer that is being checked has been in hand, by channel number.", func(w *release.Work) float64 { return time.Since(w.Since).Seconds() }),
	perWork("work_content_bytes", "Octets of its content.", func(w *release.Work) float64 { return float64(w.Content) }),
}

// number is a family of one count.
func number(name, help string, read func(*status) uint64) metrics.Family[status] {
	return metrics.Value("pawl_release_"+name, help, func(s *status) float64 { return float64(read(s)) })
}

// perWork is a family with a value for each transfer in hand.
func perWork(name, help string, read func(*release.Work) float64) metrics.Family[status] {
	return metrics.Family[status]{Name: "pawl_release_" + name, Help: help, Labels: []string{"channel"}, Read: func(s *status, emit metrics.Emit) {
		for i := range s.Works {
			emit(read(&s.Works[i]), fmt.Sprint(s.Works[i].Channel))
		}
	}}
}

// Collect gives the metrics, looking into the short folders.
func (r *running) Collect(out chan<- prometheus.Metric) {
	s := status{Status: r.daemon.Status(), Waiting: map[quarantine.State]int{}}
	for _, state := range waitingStates {
		if ids, err := r.store.List(state); err == nil {
			s.Waiting[state] = len(ids)
		}
	}
	if r.daemon.News(time.Now()).Log != nil {
		s.LogFails = 1
	}
	metrics.Collect(families, &s, out)
}
