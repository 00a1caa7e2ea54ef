package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/daemon"
	"pawl/fec"
	"pawl/framing"
	"pawl/hw/link"
	"pawl/hw/watch"
	"pawl/sender"
)

func runCommand(env *cli.Env) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Send what comes into the outboxes, until stopped",
		Long: `Run sends until SIGTERM. SIGHUP makes it read its configuration and keys again: it takes the whole of it, or
refuses the whole of it and goes on with the one before (docs/operations.md).`,
		Args:    cobra.NoArgs,
		Example: "  pawl-send run -c /etc/pawl/pawl-send.toml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if env.Getenv("GOMAXPROCS") == "" {
				// The goroutine that paces sleeps in the kernel and must run again at once: hashing and coding may take every
				// processor, but not every one of the scheduler's places (hw/link, BenchmarkPacerBusy). Each link has its pacer.
				runtime.GOMAXPROCS(runtime.NumCPU() + 2)
			}
			return frame().Run(cmd.Context(), env, path)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// loaded is a configuration with what it names.
type loaded struct {
	file *config
	cfg  sender.Config
}

// frame is the daemon. All keys but two may change while it runs: the sender is ended and begun anew from its journal.
func frame() daemon.Frame[*loaded] {
	return daemon.Frame[*loaded]{
		Program: "pawl-send",
		Load: func(path string) (*loaded, error) {
			c, err := load(path)
			if err != nil {
				return nil, err
			}
			cfg, err := c.sender()
			return &loaded{c, cfg}, conf.Locate(path, err)
		},
		File:    func(c *loaded) any { return c.file },
		Service: func(c *loaded) daemon.Service { return daemon.Service{Log: c.file.Log, Metrics: c.file.Metrics.Listen} },
		Locked: func(key string) bool {
			// Another state folder has other numbers, and numbers must only grow; the metrics' address is bound once.
			return key == "state" || key == "metrics.listen"
		},
		Open: func(c *loaded, tools daemon.Tools) (daemon.Core, error) { return open(c, tools) },
	}
}

// open opens links and sender; nothing is sent before Run.
func open(c *loaded, tools daemon.Tools) (_ daemon.Core, err error) {
	cfg, log := c.cfg, tools.Log
	r := &running{closeTrail: func() error { return nil }}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	cfg.More = nil
	for i, one := range c.file.Link.each() {
		writer, err := dial(one, cfg.Forecast.SymbolSize+framing.Overhead, log)
		if err != nil {
			return nil, err
		}
		pacer := link.NewPacer(uint64(one.Rate), one.paceBurst())
		r.writers, r.pacers = append(r.writers, writer), append(r.pacers, pacer)
		if i > 0 {
			cfg.More = append(cfg.More, sender.Path{Link: writer, Pacer: pacer, Method: writer.Method})
			continue
		}
		cfg.Link, cfg.Pacer, cfg.Method = writer, pacer, writer.Method
	}
	cfg.Watch, cfg.Log, cfg.Notice = watchFolder, log, tools.Notice
	if cfg.Audit, r.closeTrail, err = c.file.Audit.open(c.file.State); err != nil {
		return nil, err
	}
	if r.sender, err = sender.New(cfg); err != nil {
		return nil, err
	}
	log.Info("sending", zap.Int("links", len(r.writers)), zap.Stringer("rate", conf.Rate(cfg.Forecast.Rate)), zap.String("version", cli.Version()))
	logPlan(log, cfg.Forecast)
	return r, nil
}

// dial opens the writer of one link.
func dial(l linkConfig, datagram int, log *zap.Logger) (*link.Writer, error) {
	writer, err := link.Dial(link.WriterConfig{
		Local: l.Local, Remote: l.Remote, DatagramSize: datagram, SendBuffer: int(l.SendBuffer), GSO: l.GSO,
	})
	if err != nil {
		return nil, err
	}
	if buffer := writer.SendBuffer(); buffer.Short() {
		log.Warn("batches will wait for the kernel", zap.String("remedy", buffer.Remedy()))
	}
	log.Info("link open", zap.String("remote", l.Remote), zap.Stringer("rate", l.Rate), zap.String("method", writer.Method()))
	return writer, nil
}

// logPlan says what a large transfer costs and risks on this link.
func logPlan(log *zap.Logger, forecast fec.Link) {
	p, err := forecast.Plan(1 << 30)
	if err != nil {
		return // the configuration was checked with this very question
	}
	log.Info("plan for 1 GiB", zap.Stringer("code", p.Code), zap.Int("k", p.K), zap.Int("r", p.R), zap.Int("depth", p.Depth),
		zap.String("overhead", fmt.Sprintf("%.1f%%", 100*p.Overhead)), zap.String("residual_failure", fmt.Sprintf("%.1e", p.Residual)))
}

// watchFolder hands on what happens in an outbox until ctx ends.
func watchFolder(ctx context.Context, folder string, events chan<- sender.Event) error {
	f, err := watch.Open(folder)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = f.Close() })
	defer func() {
		if stop() {
			_ = f.Close()
		}
	}()
	// What came before Open is only in the folder: the first news is that somebody must look.
	e := watch.Event{Kind: watch.Rescan}
	for {
		select {
		case events <- sender.Event{Name: e.Name, Moved: e.Kind == watch.Moved, Closed: e.Kind == watch.Closed, Created: e.Kind == watch.Created}:
		case <-ctx.Done():
			return nil
		}
		if e, err = f.Next(); errors.Is(err, os.ErrClosed) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
