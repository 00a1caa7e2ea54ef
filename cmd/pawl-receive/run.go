package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/daemon"
	"pawl/hw/link"
	"pawl/receiver"
)

// memoryBeside is what the program may take beside its block buffers before the garbage collector works harder, octets.
const memoryBeside = 48 << 20

func runCommand(env *cli.Env) *cobra.Command {
	var path, before string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Receive until stopped",
		Long: `Run receives until SIGTERM. SIGHUP makes it read its configuration again: it takes the whole of it without losing a
packet, or refuses the whole of it and goes on with the one before. Channels and idle may change while it
runs; a change of anything else needs a restart (docs/operations.md).

Before it opens a socket it confines itself (Landlock) to reading the folders of its configuration and keys and to writing quarantine
and state, and starts itself again in the same process. confine = "required" refuses to run where the kernel can't.`,
		Args:    cobra.NoArgs,
		Example: "  pawl-receive run -c /etc/pawl/pawl-receive.toml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := hold(path, before)
			if err != nil {
				return err
			}
			return frame(path, h).Run(cmd.Context(), env, path)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVar(&before, heldFlag, "", "what this process is confined by: it starts itself anew with this")
	if err := cmd.Flags().MarkHidden(heldFlag); err != nil {
		panic(err) // the flag is the line above
	}
	return cmd
}

// loaded is a configuration with the keys that it names.
type loaded struct {
	file *config
	cfg  receiver.Config
}

// frame is the daemon.
func frame(path string, h held) daemon.Frame[*loaded] {
	return daemon.Frame[*loaded]{
		Program: "pawl-receive",
		Load: func(path string) (*loaded, error) {
			c, err := load(path)
			if err != nil {
				return nil, h.explain(err)
			}
			cfg, err := c.receiver()
			return &loaded{c, cfg}, h.explain(conf.Locate(path, err))
		},
		File:    func(c *loaded) any { return c.file },
		Service: func(c *loaded) daemon.Service { return daemon.Service{Log: c.file.Log, Metrics: c.file.Metrics.Listen} },
		// A receiver that ends forgets the keys of its sessions until they are announced again, and what arrives meanwhile is lost
		// for ever: so only what a running one can take may change.
		Locked: func(key string) bool { return key != "channel" && key != "idle" },
		Open: func(c *loaded, tools daemon.Tools) (daemon.Core, error) {
			h.tell(c.file, path, tools.Log)
			return h.open(c, tools)
		},
	}
}

// open opens quarantine, interfaces and sockets.
func (h held) open(c *loaded, tools daemon.Tools) (_ daemon.Core, err error) {
	cfg, log := c.cfg, tools.Log
	debug.SetMemoryLimit(int64(c.file.Memory) + memoryBeside)
	if err := os.MkdirAll(c.file.State, 0o700); err != nil {
		return nil, fmt.Errorf("make state folder: %w", err)
	}
	if cfg.Store, err = h.quarantine(c.file.Quarantine); err != nil {
		return nil, err
	}
	cfg.Log, cfg.Arrivals = log, lastArrivals(c.file.statusPath(), log)
	watches, done, err := watchLinks(c.file.Link.listens(), log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			done()
		}
	}()
	cfg.Watches = watches
	r, err := receiver.New(cfg)
	if err != nil {
		return nil, err
	}
	sockets, err := listen(c.file, cfg.DatagramSize, log)
	if err != nil {
		return nil, err
	}
	source := sockets[0]
	if len(sockets) > 1 {
		source = receiver.Merge(sockets...)
	}
	log.Info("receiving", zap.Int("links", len(sockets)), zap.String("seal", c.file.Seal),
		zap.Int("datagram", cfg.DatagramSize), zap.String("version", cli.Version()))
	return &running{receiver: r, source: source, unwatch: done, opened: time.Now(), keys: cfg, paths: []string{c.file.statusPath(), c.file.situationPath()}, notice: tools.Notice, log: log}, nil
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
