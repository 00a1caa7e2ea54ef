package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"pawl/hw/testbed"
	"pawl/hw/watch"
	"pawl/receiver"
	"pawl/receiver/quarantine"
)

// LatencyScenario drops one small file after another into the outbox by a rename, on an idle link or as urgent on one that is full, and takes
// the time until each is visible in the inbox. The programs are the real ones, on a testbed.
type LatencyScenario struct {
	Tries    int           // how many files; 0 is 200
	Size     uint64        // octets of each; 0 is 1024
	Load     uint64        // octets of a transfer of another channel that crosses meanwhile; the files are urgent then. 0: the link is idle
	Seed     uint64        // of the content and of the pauses
	Pause    time.Duration // the longest between arrival and the next drop, the shortest is half of it; 0 is 100 ms
	MTU      int           // 0 is 1500
	Loss     testbed.Loss  // of the link, and as told to the sender
	Rate     uint64        // bit/s on the wire; 0 is 1e9
	Seal     string        // "" is "aes-256-gcm"
	Programs string        // folder of the programs; "" is that of this executable
	Work     string        // where to make the work folder; "" is /dev/shm, or else the folder for temporary files
	Timeout  time.Duration // of one file; 0 is 30 s
}

// Steps of the way, in order; each ends where the next begins.
var latencySteps = []struct{ metric, is string }{
	{"step_send_s", "rename to first packet at the receiver: claim, walk, plan, encode, seal"},
	{"step_receive_s", "first packet to whole and synced in the quarantine"},
	{"step_take_s", "whole to pawl-release's first record of it"},
	{"step_check_s", "record to verdict: digests, signature, staging"},
	{"step_publish_s", "verdict to visible in the inbox"},
}

func (s *LatencyScenario) defaults() (err error) {
	if s.Tries == 0 {
		s.Tries = 200
	}
	if s.Size == 0 {
		s.Size = 1024
	}
	if s.Pause == 0 {
		s.Pause = 100 * time.Millisecond
	}
	if s.MTU == 0 {
		s.MTU = 1500
	}
	if s.Rate == 0 {
		s.Rate = 1e9
	}
	if s.Seal == "" {
		s.Seal = sealed
	}
	if s.Timeout == 0 {
		s.Timeout = 30 * time.Second
	}
	if s.Programs == "" {
		s.Programs, err = programsBeside()
		return err
	}
	return checkPrograms(s.Programs)
}

// latency is a LatencyScenario that is being played.
type latency struct {
	*LatencyScenario
	rig   *rig
	inbox *watch.Folder
	seen  chan arrival
	row   Row
}

// arrival is an entry that became visible in the inbox.
type arrival struct {
	name string
	at   time.Time
	err  error
}

// Run plays the scenario. say hears how far it is. A file that does not arrive within Timeout, or another than the one dropped, is an error.
func (s LatencyScenario) Run(ctx context.Context, version string, say func(done, total int, line string)) (result *Result, err error) {
	if err := s.defaults(); err != nil {
		return nil, err
	}
	if err := errors.Join(testbed.Available(), testbed.Sweep()); err != nil {
		return nil, err
	}
	if result, err = NewResult(version, KindLatency); err != nil {
		return nil, err
	}
	bed, err := testbed.Up(testbed.Config{MTU: s.MTU, Loss: s.Loss})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bed.Down()) }()
	dir, err := workFolder(s.Work)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	end := netip.AddrPortFrom(bed.Address(testbed.High, 0), port)
	l := &latency{LatencyScenario: &s, seen: make(chan arrival, 16), rig: &rig{
		dir: dir, programs: s.Programs, command: bed.Command,
		settings: settings{
			remote: end, listen: end, mtu: s.MTU, rate: s.Rate, loss: s.Loss.Random, burst: s.Loss.Outage, burstEvery: s.Loss.Every,
			seal: s.Seal, passes: 1, load: s.Load > 0,
		}}}
	defer func() { err = errors.Join(err, l.rig.stop()) }()
	l.row = NewRow(fmt.Sprintf("latency/bytes=%d/mtu=%d/rate=%d/seal=%s/loss=%g", s.Size, s.MTU, s.Rate, s.Seal, s.Loss.Random))
	if s.Load > 0 {
		l.row.Name += fmt.Sprintf("/load=%d", s.Load)
	}
	l.row.Values["content_bytes"], l.row.Values["mtu"], l.row.Values["loss"] = float64(s.Size), float64(s.MTU), s.Loss.Random
	if err := l.play(ctx, say); err != nil {
		return nil, err
	}
	result.Settings["seed"], result.Settings["pause"] = fmt.Sprint(s.Seed), s.Pause.String()
	result.Rows = append(result.Rows, l.row)
	return result, nil
}

func (l *latency) play(ctx context.Context, say func(done, total int, line string)) (err error) {
	if err := l.rig.prepare(); err != nil {
		return err
	}
	if err := l.rig.startReceive(ctx); err != nil {
		return err
	}
	if err := l.rig.startRelease(); err != nil {
		return err
	}
	if err := l.rig.startSend(ctx); err != nil {
		return err
	}
	if l.inbox, err = watch.Open(l.rig.high("inbox")); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() { l.look(ctx); close(watched) }()
	defer func() { cancel(); err = errors.Join(err, l.inbox.Close()); <-watched }()
	if err := l.burden(ctx, say); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(l.Seed, 0))
	dropped, arrived := make([]time.Time, l.Tries), make([]time.Time, l.Tries)
	for n := range l.Tries {
		say(n, l.Tries, fmt.Sprintf("file %d", n+1))
		// Beats and announcements come at fixed times: pauses of chance meet every moment between them.
		if err := l.pause(ctx, l.Pause/2+time.Duration(random.Int64N(int64(l.Pause/2)+1))); err != nil {
			return err
		}
		if dropped[n], arrived[n], err = l.drop(ctx, n); err != nil {
			return fmt.Errorf("file %d: %w", n+1, err)
		}
		if err := l.burdened(ctx); err != nil {
			return fmt.Errorf("after %d files: %w", n+1, err)
		}
		l.row.Sample("latency_s", arrived[n].Sub(dropped[n]).Seconds())
	}
	say(l.Tries, l.Tries, "done")
	samples := l.row.Samples["latency_s"]
	l.row.Values["latency_p50_s"], l.row.Values["latency_p99_s"], l.row.Values["latency_max_s"] = quantile(samples, 0.5), quantile(samples, 0.99), quantile(samples, 1)
	if err := l.rig.stop(); err != nil {
		return err
	}
	return l.steps(dropped, arrived)
}

// pause waits, or until ctx ends or a program does.
func (l *latency) pause(ctx context.Context, d time.Duration) error {
	until := time.Now().Add(d)
	return await(ctx, "the next drop", l.rig.running(), func() (bool, error) { return !time.Now().Before(until), nil })
}

// drop renames one file into the outbox and waits for it in the inbox.
func (l *latency) drop(ctx context.Context, n int) (dropped, arrived time.Time, err error) {
	name := fmt.Sprintf("file-%06d", n)
	if err := newRandom(l.Seed+uint64(n)).file(l.rig.source(name), l.Size); err != nil {
		return dropped, arrived, err
	}
	sent, err := takeSurvey(l.rig.source(name))
	if err != nil {
		return dropped, arrived, err
	}
	dropped = time.Now()
	if err := os.Rename(l.rig.source(name), l.rig.low("channel", "outbox", name)); err != nil {
		return dropped, arrived, err
	}
	limit := time.NewTimer(l.Timeout)
	defer limit.Stop()
	select {
	case a := <-l.seen:
		if a.err != nil || a.name != name {
			return dropped, arrived, errors.Join(a.err, fmt.Errorf("%q came into the inbox, not %q", a.name, name))
		}
		arrived = a.at
	case <-limit.C:
		return dropped, arrived, fmt.Errorf("is not in the inbox after %v", l.Timeout)
	case <-ctx.Done():
		return dropped, arrived, context.Cause(ctx)
	}
	got, err := takeSurvey(l.rig.inbox(name))
	if err != nil {
		return dropped, arrived, err
	}
	if lines := sent.differences(got); len(lines) > 0 {
		return dropped, arrived, errors.New(lines[0])
	}
	return dropped, arrived, nil
}

// look tells of each entry that is moved into the inbox.
func (l *latency) look(ctx context.Context) {
	for {
		e, err := l.inbox.Next()
		at := time.Now()
		if errors.Is(err, os.ErrClosed) || err == nil && e.Kind != watch.Moved {
			if err != nil {
				return
			}
			continue // a staging is made, not moved
		}
		select {
		case l.seen <- arrival{e.Name, at, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// steps enters where the time went, from the records that the programs keep of each transfer.
func (l *latency) steps(dropped, arrived []time.Time) error {
	store, err := quarantine.View(l.rig.high("quarantine"))
	if err != nil {
		return err
	}
	ids, err := store.List(quarantine.Released)
	if err != nil {
		return err
	}
	if len(ids) != len(dropped) {
		return fmt.Errorf("%d transfers are recorded as released, and %d arrived", len(ids), len(dropped))
	}
	for n, id := range ids { // in the order of their numbers, which is that of their making
		text, err := os.ReadFile(filepath.Join(store.Dir(quarantine.Released, id), quarantine.NoteFile))
		if err != nil {
			return err
		}
		var note receiver.Note
		if err := json.Unmarshal(text, &note); err != nil {
			return fmt.Errorf("note of %s: %w", id, err)
		}
		t := times{begun: dropped[n], arrived: arrived[n]}
		if err := recorded(store, quarantine.Released, id, &t); err != nil {
			return err
		}
		taken, err := reached(store, id, quarantine.Released, quarantine.Checking)
		if err != nil {
			return err
		}
		from := t.begun
		for i, to := range []time.Time{note.Begun, t.crossed, taken, t.verified, t.arrived} {
			l.row.Sample(latencySteps[i].metric, to.Sub(from).Seconds())
			from = to
		}
	}
	return nil
}
