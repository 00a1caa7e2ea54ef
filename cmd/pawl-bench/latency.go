package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
)

// latencyCommand is "pawl-bench latency": how long one small file takes on an idle link.
func latencyCommand(env *cli.Env) *cobra.Command {
	var s bench.LatencyScenario
	var loss conf.Percent
	var size, rate, load = conf.Size(1024), conf.Rate(1e9), conf.Size(0)
	var file string
	cmd := &cobra.Command{
		Use:   "latency",
		Short: "Time small files from the outbox to the inbox, on an idle link or as urgent on a full one, and say where the time goes",
		Long: `latency builds a testbed (root), starts pawl-send, pawl-receive and pawl-release on it, renames one file after another into
the outbox and takes the time until each is visible in the inbox, byte for byte the same: median, 99th
percentile, maximum, and the medians of the steps of the way from the programs' own records.

With --load the files are of an urgent channel, and a transfer of that size crosses in another one all the time.`,
		Example: `  pawl-bench latency
  pawl-bench latency --load 10GiB --tries 100
  pawl-bench latency --tries 1000 --rate 100Mbit/s --loss 1% --json latency.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.Tries < 1 || size < 1 || rate < 1 || s.Pause < time.Millisecond {
				return cli.Usagef("--tries, --size and --rate must be at least 1, --pause at least 1ms")
			}
			s.Load = uint64(load)
			s.Size, s.Rate, s.Loss.Random = uint64(size), uint64(rate), float64(loss)
			show := newProgress(env.Stderr)
			result, err := s.Run(cmd.Context(), cli.Version(), show.step)
			show.end()
			if err != nil {
				return err
			}
			if file != "" {
				err = result.Save(file, env.Stdout)
			} else {
				err = bench.WriteLatencyTable(env.Stdout, result)
			}
			if err != nil {
				return fmt.Errorf("write result: %w", err)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&s.Tries, "tries", 200, "`number` of files")
	flags.TextVar(&size, "size", size, "`size` of each")
	flags.TextVar(&load, "load", load, "`size` of a transfer that crosses meanwhile, as 10GiB; the files are urgent then; default an idle link")
	flags.DurationVar(&s.Pause, "pause", 100*time.Millisecond, "longest `time` from an arrival to the next drop, the shortest is half of it")
	flags.Uint64Var(&s.Seed, "seed", 1, "`seed` of content and pauses")
	flags.IntVar(&s.MTU, "mtu", 1500, "`MTU` of the link in octets")
	flags.TextVar(&loss, "loss", loss, "packets lost one by one, as `0.5%`, and as told to the sender")
	flags.TextVar(&rate, "rate", rate, "`rate` on the wire")
	flags.StringVar(&s.Seal, "seal", "aes-256-gcm", "aes-256-gcm or none")
	flags.StringVar(&s.Work, "work", "", "`folder` to work in; default /dev/shm")
	flags.StringVar(&file, "json", "", "write the result as JSON to `FILE`, - for standard output")
	return cmd
}
