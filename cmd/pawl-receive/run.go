package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"pawl/cmd/internal/cli"
	"pawl/hw/link"
	"pawl/receiver"
	"pawl/receiver/quarantine"
)

// memoryBeside is what the program may take beside its block buffers before the garbage collector works harder, octets.
const memoryBeside = 48 << 20

func runCommand(env *cli.Env) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Receive until stopped",
		Args:    cobra.NoArgs,
		Example: "  pawl-receive run -c /etc/pawl/pawl-receive.toml",
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

// run receives until ctx ends; that is no failure.
func run(ctx context.Context, env *cli.Env, c *config) error {
	log := env.Logger(c.Log)
	defer func() { _ = log.Sync() }()
	debug.SetMemoryLimit(int64(c.Memory) + memoryBeside)
	cfg, err := c.receiver()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return fmt.Errorf("make state folder: %w", err)
	}
	if cfg.Store, err = quarantine.Open(c.Quarantine); err != nil {
		return err
	}
	cfg.Log, cfg.Arrivals = log, lastArrivals(c.statusPath(), log)
	watches, done, err := watchLinks(c.Link.listens(), log)
	if err != nil {
		return err
	}
	defer done()
	cfg.Watches = watches
	r, err := receiver.New(cfg)
	if err != nil {
		return err
	}
	sockets, err := listen(c, cfg.DatagramSize, log)
	if err != nil {
		return err
	}
	source := sockets[0]
	if len(sockets) > 1 {
		source = receiver.Merge(sockets...)
	}
	defer func() { _ = source.Close() }()
	log.Info("receiving", zap.Int("links", len(sockets)), zap.String("seal", c.Seal),
		zap.Int("datagram", cfg.DatagramSize), zap.String("version", cli.Version()))
	return serve(ctx, r, source, []string{c.statusPath(), c.situationPath()}, log)
}

// listen opens the socket of each link.
func listen(c *config, datagram int, log *zap.Logger) (all []receiver.Socket, err error) {
	defer func() {
		if err != nil {
			for _, s := range all {
				_ = s.Close() // the first error is the one to tell
			}
		}
	}()
	for _, address := range c.Link.listens() {
		s, err := link.Listen(link.ReaderConfig{
			Listen: address, DatagramSize: datagram, ReceiveBuffer: int(c.Link.ReceiveBuffer), Method: c.Link.method(),
		})
		if err != nil {
			return all, err
		}
		all = append(all, s)
		if buffer := s.ReceiveBuffer(); buffer.Short() {
			log.Warn("bursts will be lost in the kernel", zap.String("remedy", buffer.Remedy()))
		}
		log.Info("listening", zap.Stringer("listen", s.LocalAddr()), zap.String("method", s.Method()))
	}
	return all, nil
}

// serve runs the receiver and keeps its status in files.
func serve(ctx context.Context, r *receiver.Receiver, source receiver.Source, paths []string, log *zap.Logger) error {
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group errgroup.Group
	group.Go(func() error {
		keepStatus(keeping, r, paths, log)
		return nil
	})
	err := r.Run(ctx, source)
	stop()
	_ = group.Wait() // keepStatus has no error: a status that can't be written must not stop receiving
	s := r.Status()
	log.Info("stopped", zap.Uint64("completed", s.Completed), zap.Uint64("incomplete", s.Incomplete),
		zap.Uint64("received", s.Ledger.Received.Packets), zap.Uint64("lost", s.PacketsLost), zap.Uint64("kernel_drops", s.KernelDrops))
	return err
}

// keepStatus writes the status file every second and once more at the end.
func keepStatus(ctx context.Context, r *receiver.Receiver, paths []string, log *zap.Logger) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	told := false
	for {
		err := writeStatus(paths, r.Status())
		if err != nil && !told {
			log.Error("status can't be written", zap.Error(err))
		}
		told = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			_ = writeStatus(paths, r.Status()) // told above if the disk refuses it
			return
		}
	}
}

// writeStatus replaces each status file in one step, without waiting for the disk: it is news, not evidence.
func writeStatus(paths []string, s receiver.Status) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	for _, path := range paths {
		next := path + ".new"
		err1 := os.WriteFile(next, append(data, '\n'), 0o600)
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
