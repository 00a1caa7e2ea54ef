// Package sender is the low side: everything from the outbox to the link. Its twin is
// package receiver.
//
//	outbox/x ─ claim ─ claimed/<id>/x ─ walk ─ plan ──┐ queue of the channel
//	socket ─── submit ─ path in place ─ walk ─ plan ──┤
//	                                                  ▼ schedule: classes, weights, windows, quotas
//	                      ┌─ hash (SHA-256 of each file) ─► proof
//	read ─ group of blocks┤
//	                      └─ encode (K+R) ─ line: interleave, seal, pace, write ─► link
//	                                         │ session and beat once a second
//	                                         └ copies of small objects when they are due
//	claimed/<id> ─► sent/<id>, or refused/<id> with reason.txt
//
// What of an outbox is complete, and what of it is one transfer, is told in outbox.go and
// intake.go. Package sftp below this one fills outboxes, in a process of its own.
//
// With several links there is a line for each. All get the same groups of blocks, and each
// sends the symbols that fec.Spread gives it.
//
// Passes of several transfers are on the link at a time, group by group; each sends in this
// order:
//
//	plan · content, the plan again now and then · plan · proof · copies of what is small
//
// There are two lanes of read, encode and hash: what is urgent goes ahead of all that was
// read and coded before, between two batches of packets.
//
// The packets are those of package framing: header 48, payload T, tag 16 octets, all of one
// size. Each stage is one goroutine and one file; groups of blocks go through bounded queues
// and come back to a pool, so that the memory is a few groups whatever is sent, and nothing
// is allocated or locked for a packet.
//
// What a transfer needs to go on after a crash is in its folder under claimed/: transfer.json,
// the plan object, the inode numbers, how far the pass is and, once everything was read, the
// proof. A restart goes on with the pass where it was a second ago at most, with the same id
// and geometry.
package sender

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"pawl/fec"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/hw/disk"
	"pawl/hw/socket"
)

// Sender is the daemon of the low side.
type Sender struct {
	cfg      Config
	started  time.Time
	channels []*channel
	counters counters
	gauge    gauge
	faults   faults
	room     room
	schedule *schedule
	pipes    [lanes]*pipeline
	claimer  *claimer
	outboxes []*outbox // of the channels, in their order
	reader   *reader
	sessions *counter // one for all links: packets name their session only
	lines    []*line
	lock     *os.File
	listener *socket.Listener // nil without a socket
	orders   sync.Mutex       // held while a repair, a resend, a hold or retention is at work
	recovery sync.WaitGroup   // until all that lay in claimed/ at the start is taken up again
}

// New checks a configuration and opens its folders; nothing is sent before Run. The error
// wraps disk.ErrLocked when another sender uses the state folder.
func New(cfg Config) (*Sender, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configure sender: %w", err)
	}
	s := &Sender{cfg: cfg, started: time.Now()}
	for i := range s.pipes {
		s.pipes[i] = newPipeline(cfg.Forecast)
	}
	s.cfg.Log = cfg.Log.WithOptions(zap.WrapCore(s.faults.core))
	for _, c := range cfg.Channels {
		s.channels = append(s.channels, newChannel(c, cfg.Forecast))
	}
	if err := s.open(); err != nil {
		if s.lock != nil {
			s.lock.Close()
		}
		return nil, fmt.Errorf("open sender: %w", err)
	}
	return s, nil
}

// open makes the folders, takes the lock and reads the counters.
func (s *Sender) open() (err error) {
	if err := os.MkdirAll(s.cfg.State, 0o700); err != nil {
		return err
	}
	if s.lock, err = os.OpenFile(filepath.Join(s.cfg.State, "lock"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if err := disk.Lock(s.lock); err != nil {
		return fmt.Errorf("state folder is in use: %w", err)
	}
	for _, c := range s.channels {
		// People drop into the outbox; what is claimed is ours alone.
		for name, mode := range map[string]os.FileMode{"outbox": 0o755, "claimed": 0o700, "sent": 0o755, "refused": 0o755} {
			if err := os.MkdirAll(c.folder(name), mode); err != nil {
				return err
			}
		}
	}
	if s.sessions, err = openCounter(filepath.Join(s.cfg.State, "session"), 0); err != nil {
		return err
	}
	ids, err := openCounter(filepath.Join(s.cfg.State, "transfer"), idLead)
	if err != nil {
		return err
	}
	if s.schedule, err = newSchedule(s.cfg.State, s.channels, leftRate(s.cfg.Forecast), &s.counters, s.cfg.Log); err != nil {
		return err
	}
	s.schedule.packet, s.schedule.trail = s.cfg.Forecast.WireSize, s.cfg.Audit
	s.claimer = &claimer{
		symbolSize: s.cfg.Forecast.SymbolSize, ids: ids,
		schedule: s.schedule, counters: &s.counters, log: s.cfg.Log,
	}
	for _, c := range s.channels {
		var events chan Event
		if s.cfg.Watch != nil {
			events = make(chan Event, 64)
		}
		s.outboxes = append(s.outboxes, newOutbox(c, events, s.schedule.full, s.claimer.claim, s.cfg.Log))
	}
	s.reader = &reader{key: s.cfg.Key, pending: &s.schedule.pending, log: s.cfg.Log}
	share := fec.NewSpread(s.cfg.Forecast.Rates)
	for i, p := range s.cfg.paths() {
		s.lines = append(s.lines, s.line(i, p, share))
	}
	if s.cfg.Socket != "" {
		s.listener, err = socket.Listen(s.cfg.Socket, 0o600)
	}
	return err
}

// Run sends until ctx ends, which is no error. It may be called once.
func (s *Sender) Run(ctx context.Context) error {
	defer s.lock.Close()
	log := s.cfg.Log
	end := s.cfg.Audit.begin(&s.cfg)
	if w := s.warning(); w != "" {
		log.Warn(w)
	}
	log.Info("sender starts", zap.Int("channels", len(s.channels)), zap.String("seal", s.cfg.Seal.String()),
		zap.Int("links", len(s.lines)), zap.String("method", s.lines[0].status().Method))
	g, inner := errgroup.WithContext(ctx)
	for _, l := range s.lines {
		g.Go(func() error { return l.run(inner) })
	}
	for lane, p := range s.pipes {
		g.Go(func() error { return p.encode(inner) })
		g.Go(func() error { return p.hash(inner) })
		g.Go(func() error { return s.schedule.run(inner, lane, p, s.reader) })
	}
	g.Go(func() error { return s.schedule.settle(inner) })
	if slices.ContainsFunc(s.channels, func(c *channel) bool { return c.Carousel.on() }) {
		g.Go(func() error { return s.turn(inner) })
	}
	g.Go(func() error { return s.room.watch(inner, s.channels) })
	for _, c := range s.channels {
		if c.Keep != (Keep{}) {
			g.Go(func() error { return s.retain(inner, c) })
		}
	}
	for _, o := range s.outboxes {
		s.watch(inner, g, o)
	}
	if s.listener != nil {
		g.Go(func() error { return s.serve(inner) })
	}
	err := g.Wait()
	s.schedule.close()
	if ctx.Err() != nil {
		err = nil
	}
	end(err)
	log.Info("sender stopped", zap.Error(err))
	return err
}

// line makes the end of the path over one link.
func (s *Sender) line(index int, p Path, share fec.Spread) *line {
	name := s.cfg.LinkNumber + uint8(index)
	open := func(number uint64) (*seal.Sealer, error) {
		return seal.NewSealer(s.cfg.Seal, s.cfg.Key, s.cfg.Receiver, number, name)
	}
	rate, log := s.cfg.Forecast.Rate, s.cfg.Log
	if len(s.cfg.More) > 0 {
		rate, log = s.cfg.Forecast.Rates[index], log.With(zap.Uint8("link", name))
	}
	return &line{
		number: name, index: index, share: share, spare: s.cfg.Forecast.Survive > 0, rate: rate,
		link: p.Link, pacer: p.Pacer, method: p.Method,
		datagram: s.cfg.Forecast.SymbolSize + framing.Overhead, wire: s.cfg.Forecast.WireSize,
		spread: max(startSpread, 2*s.longestBurst()),
		sessions: &sessions{
			open: open, numbers: s.sessions,
			rotateEvery: s.cfg.RotateEvery, rotatePackets: s.cfg.RotatePackets,
		},
		groups: s.pipes[laneCommon].toLinks[index], urgent: s.pipes[laneUrgent].toLinks[index], tell: s.beat, counters: new(lineCounters), log: log,
	}
}

// watch starts what brings the entries of one channel's outbox into the queue; what was
// claimed before a restart goes first.
func (s *Sender) watch(ctx context.Context, g *errgroup.Group, o *outbox) {
	c := o.channel
	if s.cfg.Watch != nil {
		events := o.events
		g.Go(func() error {
			defer close(events)
			if err := s.cfg.Watch(ctx, c.folder("outbox"), events); err != nil && ctx.Err() == nil {
				s.cfg.Log.Warn("outbox cannot be watched, looking at it instead", zap.String("channel", c.Name), zap.Error(err))
			}
			return nil
		})
	}
	s.recovery.Add(1)
	g.Go(func() error {
		err := s.claimer.recover(ctx, c)
		s.recovery.Done()
		if err != nil {
			return err
		}
		close(c.recovered)
		return o.run(ctx)
	})
}

// warning is what nobody should overlook, "" if there is nothing.
func (s *Sender) warning() string {
	var all []string
	if s.cfg.Seal == seal.ModeNone {
		all = append(all, `seal = "none": packets are neither encrypted nor authenticated; only the proof of each transfer is signed`)
	}
	if s.cfg.Notice != nil {
		if notice := s.cfg.Notice(); notice != "" {
			all = append(all, notice)
		}
	}
	return strings.Join(all, "; ")
}

// longestBurst is the longest outage that anything is planned for.
func (s *Sender) longestBurst() time.Duration {
	longest := s.cfg.Forecast.Burst
	for i := range s.cfg.Channels {
		longest = max(longest, s.cfg.Channels[i].Stated.Burst)
	}
	return longest
}
