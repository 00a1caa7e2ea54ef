package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
)

// pacingCommand is "pawl-bench pacing": how exactly a rate is held.
func pacingCommand(env *cli.Env) *cobra.Command {
	var s bench.PacingScenario
	var rates []string
	var file string
	cmd := &cobra.Command{
		Use:   "pacing",
		Short: "Measure how the pacer holds a rate: error, longest burst, CPU",
		Long: `pacing sends over a testbed (root) as pawl-send does, with its pacer, batches and burst, and holds what was sent
against the clock: the error of the rate, the longest burst beside the one that is stated (what a buffer that drains at the
rate has to hold), the CPU of the pacing thread with sending and without.`,
		Example: `  pawl-bench pacing
  pawl-bench pacing --rate 10Mbit/s,10Gbit/s --duration 10s --json pacing.json
  pawl-bench pacing --spin`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, text := range rates {
				var rate conf.Rate
				if err := rate.UnmarshalText([]byte(text)); err != nil || rate == 0 {
					return cli.Usagef("--rate %q: want rates above 0 as 100Mbit/s,2.5Gbit/s", text)
				}
				s.Rates = append(s.Rates, uint64(rate))
			}
			if s.Duration < 100*time.Millisecond || s.Samples < 1 || len(s.Rates) == 0 {
				return cli.Usagef("--duration must be at least 100ms, --samples at least 1, and --rate at least one")
			}
			show := newProgress(env.Stderr)
			result, err := s.Run(cmd.Context(), cli.Version(), show.step)
			show.end()
			if err != nil {
				return err
			}
			if file != "" {
				err = result.Save(file, env.Stdout)
			} else {
				err = bench.WritePacingTable(env.Stdout, result)
			}
			if err != nil {
				return fmt.Errorf("write result: %w", err)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&rates, "rate", []string{"10Mbit/s", "100Mbit/s", "1Gbit/s", "2.5Gbit/s", "5Gbit/s", "10Gbit/s"}, "`rates` on the wire")
	flags.IntVar(&s.MTU, "mtu", 1500, "`MTU` of the link in octets")
	flags.DurationVar(&s.Duration, "duration", 2*time.Second, "`time` of a sample")
	flags.IntVar(&s.Samples, "samples", 5, "samples for each rate, a `number`")
	flags.BoolVar(&s.Spin, "spin", false, "burn a core instead of sleeping")
	flags.StringVar(&file, "json", "", "write the result as JSON to `FILE`, - for standard output")
	return cmd
}
