package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pawl/cmd/internal/metrics"
	"pawl/hw/link"
	"pawl/sender"
)

// running is the sender with one configuration: the daemon's core.
type running struct {
	sender  *sender.Sender
	writers []*link.Writer
	pacers  []*link.Pacer
	probe   probe

	closeTrail func() error
}

// Run sends until ctx ends; that is no failure.
func (r *running) Run(ctx context.Context) error {
	for _, p := range r.pacers {
		stop := context.AfterFunc(ctx, p.Stop)
		defer stop()
	}
	if more := len(r.writers) - 1; more > 0 {
		before := runtime.GOMAXPROCS(0)
		runtime.GOMAXPROCS(before + more)
		defer runtime.GOMAXPROCS(before)
	}
	return r.sender.Run(ctx)
}

// Alive holds what the sender says of itself against what it said before.
func (r *running) Alive(now time.Time) error {
	s := r.sender.Status()
	return r.probe.judge(now, &s)
}

// Collect gives the sender's metrics.
func (r *running) Collect(out chan<- prometheus.Metric) {
	s := r.sender.Status()
	metrics.Collect(families, &s, out)
}

// Notes tells what of the audit log is not kept; the sender goes on without.
func (r *running) Notes() []string {
	s := r.sender.Status()
	if trouble := s.Audit.Trouble(); trouble != "" {
		return []string{trouble}
	}
	return nil
}

// Close closes the links and the folder of the audit log.
func (r *running) Close() error {
	errs := []error{r.closeTrail()}
	for _, w := range r.writers {
		errs = append(errs, w.Close())
	}
	return errors.Join(errs...)
}

// How long something may stand still.
const (
	// lineLimit is for a link: a line announces its session every 100 ms, or tries to, and a try that is refused counts. A
	// link that was given up is tried ten times as seldom as a try takes.
	lineLimit = 30 * time.Second
	// passLimit is for the transfers under way, beside the time that the link takes for their groups.
	passLimit = 2 * time.Minute
	// groupsUnderWay bounds the interleaved groups between one sign of progress and the next.
	groupsUnderWay = 4
	// groupSize is the most that a group has by default, octets: fec.DefaultMemory.
	groupSize = 64 << 20
)

// probe judges whether the sender makes progress. Every line must have sent packets, or have been refused: idle lines send
// announcements and beats. Beside that, while transfers are being sent on links that take packets, something of them must
// have left. So it is the lines' and the reader's own counters that prove life.
type probe struct {
	mu    sync.Mutex
	lines map[string]still
	pass  still
}

// still is when something was last seen to change.
type still struct {
	mark  string
	since time.Time
}

// move notes what something looks like now, and returns for how long it has.
func (s *still) move(mark string, now time.Time) time.Duration {
	if s.mark != mark || s.since.IsZero() {
		*s = still{mark, now}
	}
	return now.Sub(s.since)
}

// judge says what stands still, nil for nothing.
func (p *probe) judge(now time.Time, s *sender.Status) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lines == nil {
		p.lines = map[string]still{}
	}
	links := s.Links
	if len(links) == 0 {
		links = []sender.LinkStatus{{Packets: s.Packets, Retries: s.Retries}}
	}
	for _, l := range links {
		name := fmt.Sprintf("link %d", l.Link)
		line := p.lines[name]
		quiet := line.move(fmt.Sprint(l.Packets, l.Retries), now)
		p.lines[name] = line
		if quiet > lineLimit {
			return fmt.Errorf("%s: no packet was sent or refused for %v", name, quiet.Round(time.Second))
		}
	}
	mark := ""
	for _, t := range s.Transfers {
		if t.State == sender.StateSending || t.State == sender.StateAborting {
			mark += fmt.Sprintln(t.ID, t.State, t.Pass, t.Bytes)
		}
	}
	if mark == "" || s.LinkFault != "" {
		p.pass = still{}
		return nil
	}
	limit := passLimit + time.Duration(groupsUnderWay*groupSize*8/float64(max(s.Rate, 1))*float64(time.Second))
	if quiet := p.pass.move(mark, now); quiet > limit {
		return fmt.Errorf("transfers are being sent, and nothing of them has left for %v", quiet.Round(time.Second))
	}
	return nil
}
