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
	"pawl/fec"
	"pawl/framing"
	"pawl/hw/link"
	"pawl/hw/watch"
	"pawl/sender"
)

func runCommand(env *cli.Env) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Send what comes into the outboxes, until stopped",
		Args:    cobra.NoArgs,
		Example: "  pawl-send run -c /etc/pawl/pawl-send.toml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(path)
			if err != nil {
				return err
			}
			return run(cmd.Context(), env, c)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// run sends until ctx ends; that is no failure.
func run(ctx context.Context, env *cli.Env, c *config) error {
	if env.Getenv("GOMAXPROCS") == "" {
		// The goroutine that paces sleeps in the kernel and must run again at once: hashing and coding may take every
		// processor, but not every one of the scheduler's places (hw/link, BenchmarkPacerBusy). Each link has its pacer.
		runtime.GOMAXPROCS(runtime.NumCPU() + 2 + len(c.Link.More))
	}
	log := env.Logger(c.Log)
	defer func() { _ = log.Sync() }()
	cfg, err := c.sender()
	if err != nil {
		return err
	}
	for i, one := range c.Link.each() {
		writer, err := dial(one, cfg.Forecast.SymbolSize+framing.Overhead, log)
		if err != nil {
			return err
		}
		defer func() { _ = writer.Close() }()
		pacer := link.NewPacer(uint64(one.Rate), one.paceBurst())
		context.AfterFunc(ctx, pacer.Stop)
		if i > 0 {
			cfg.More = append(cfg.More, sender.Path{Link: writer, Pacer: pacer, Method: writer.Method})
			continue
		}
		cfg.Link, cfg.Pacer, cfg.Method = writer, pacer, writer.Method
	}
	cfg.Watch, cfg.Log = watchFolder, log
	s, err := sender.New(cfg)
	if err != nil {
		return err
	}
	log.Info("sending", zap.Int("links", 1+len(c.Link.More)), zap.Stringer("rate", conf.Rate(cfg.Forecast.Rate)), zap.String("version", cli.Version()))
	logPlan(log, cfg.Forecast)
	return s.Run(ctx)
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
