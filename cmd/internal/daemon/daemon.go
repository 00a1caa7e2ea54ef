// Package daemon is the frame around a Pawl program that runs until it is stopped.
//
//	Load ─ Open ─ READY ─┬─ Core.Run ────────────────────────── its end is the program's
//	                     ├─ SIGHUP: RELOADING, Load ─┬─ refused: the old one stays, said in log, status and /healthz
//	                     │                           ├─ Core.Reload, where the core can do it while it runs
//	                     │                           └─ end Run, Open, Run; if Open fails, the old configuration again
//	                     ├─ WATCHDOG, as long as Core.Alive has nothing to object
//	                     ├─ /metrics and /healthz, where the configuration says so
//	                     └─ SIGTERM: STOPPING, end Run
//
// The words in capitals are those of sd_notify(3); without a service manager nobody hears them.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/metrics"
)

// Core is what a daemon does with one configuration C.
type Core interface {
	// Run works until ctx ends, which is no error. It is called once.
	Run(ctx context.Context) error
	// Alive is the liveness probe: nil if the core makes progress or has nothing to do, otherwise what stands still. The watchdog
	// is fed by nothing else, so it must be proof by the main loop, never by a timer beside it. It is safe for concurrent use.
	Alive(now time.Time) error
	// Collect gives the metrics of the core as it is now. It is safe for concurrent use.
	Collect(out chan<- prometheus.Metric)
	// Close gives back what was opened for the core. It is called once, after Run.
	Close() error
}

// Noter is a Core that has something to say although it works; /healthz shows it and stays healthy.
type Noter interface {
	Notes() []string
}

// Reloader is a Core that takes a new configuration while it runs, for those that would lose something by an end of Run. It
// refuses the whole of it, and goes on as before, by an error.
type Reloader[C any] interface {
	Reload(ctx context.Context, c C) error
}

// Service is what the frame itself takes from a configuration.
type Service struct {
	Log     conf.LogStyle
	Metrics conf.Listen
}

// Tools are what the frame gives to a core.
type Tools struct {
	Log    *zap.Logger
	Notice func() string // what a person should know and the core does not: a configuration that was refused; "" for nothing
}

// Frame is one program's daemon. C is its loaded configuration, with the keys that were read for it.
type Frame[C any] struct {
	Program string                       // as in "pawl-send"
	Load    func(path string) (C, error) // reads and checks all that Open needs and opens nothing; errors name the file
	File    func(C) any                  // the struct that was read from the file
	Service func(C) Service
	Locked  func(key string) bool // keys of the file that need a restart
	Open    func(c C, tools Tools) (Core, error)
}

// process is a Frame that runs.
type process[C any] struct {
	Frame[C]
	env    *cli.Env
	path   string
	log    *zap.Logger
	tell   *manager
	state  state
	config C
}

// Run is the daemon from its first to its last moment: until ctx ends, which is no failure.
func (f Frame[C]) Run(ctx context.Context, env *cli.Env, path string) error {
	c, err := f.Load(path)
	if err != nil {
		return err
	}
	p := &process[C]{Frame: f, env: env, path: path, config: c, tell: newManager()}
	p.state.begin(f.Program)
	// Before READY, so that a manager's first reload does not end the program.
	hangups, release := cli.Hangups()
	defer release()
	core, err := p.open(c)
	if err != nil {
		return err
	}
	defer func() { _ = p.log.Sync() }()
	server, err := metrics.Listen(f.Service(c).Metrics, &p.state, p.state.health)
	if err != nil {
		return errors.Join(err, core.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	if server != nil {
		p.log.Info("metrics are served", zap.Stringer("listen", server.Address()))
		group.Go(func() error { return server.Run(ctx) })
	}
	group.Go(func() error {
		defer stop()
		return p.attend(ctx, core, hangups)
	})
	return group.Wait()
}

// open opens a core with the log that its configuration asks for.
func (p *process[C]) open(c C) (Core, error) {
	p.log = p.env.Logger(string(p.Service(c).Log))
	p.tell.log = p.log
	core, err := p.Open(c, Tools{Log: p.log, Notice: p.state.notice})
	if err != nil {
		_ = p.log.Sync()
	}
	return core, err
}

// run is a core at work.
type run struct {
	core  Core
	end   context.CancelFunc
	ended chan error // what Run and Close said; capacity 1
}

func (p *process[C]) start(ctx context.Context, core Core) *run {
	ctx, end := context.WithCancel(ctx)
	r := &run{core: core, end: end, ended: make(chan error, 1)}
	p.state.set(core)
	go func() {
		err := core.Run(ctx)
		p.state.set(nil)
		r.ended <- errors.Join(err, core.Close())
	}()
	return r
}

// finish ends a core and waits for it.
func (r *run) finish() error {
	r.end()
	return <-r.ended
}

// errNeedsRestart is wrapped by refusals of changes that are for a restart.
var errNeedsRestart = errors.New("needs restart")

// locked refuses a new configuration that changes what can't change while the program runs.
func (p *process[C]) locked(next C) error {
	for _, key := range conf.Changed(p.File(p.config), p.File(next)) {
		if p.Locked(key) {
			return conf.Locate(p.path, conf.Wrong(key, "%w: this key can't change while %s runs: put it back, or restart", errNeedsRestart, p.Program))
		}
	}
	return nil
}

// describe is a status line for the manager.
func (p *process[C]) describe() string {
	if notice := p.state.notice(); notice != "" {
		return notice
	}
	return fmt.Sprintf("running with %s", p.path)
}
