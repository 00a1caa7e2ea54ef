package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
)

// barsCommand is "pawl-bench bars": the whole table of what Pawl must reach.
func barsCommand(env *cli.Env) *cobra.Command {
	var s bench.BarScenario
	var rate conf.Rate
	cmd := &cobra.Command{
		Use:   "bars",
		Short: "Play the cases that have bars, and print each figure beside its bar",
		Long: `bars plays the ten cases that say what Pawl must reach, with the real programs on a testbed (root), as often as each asks: 5 times, 20 where
nothing may ever be lost. Each case has its result file in --results; runs that are there already from the same
version count, so that one can stop and go on, or take case by case. It ends with 1 if a figure misses its bar, or comes from too
few runs unless --runs asked for that. A page with plots is written beside the results. Take figures on a machine that does nothing else.`,
		Example: `  pawl-bench bars
  pawl-bench bars --case 5 --case 10
  pawl-bench bars --case 1 --rate 8Gbit/s --fresh
  pawl-bench bars --case 8 --disk /var/tmp
  pawl-bench bars --runs 1 --results /tmp/look`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, n := range s.Cases {
				if !slices.Contains(bench.BarCases(), n) {
					return cli.Usagef("--case %d: there are %v", n, bench.BarCases())
				}
			}
			if s.Runs < 0 {
				return cli.Usagef("--runs must not be below 0")
			}
			s.Rate, s.Version = uint64(rate), cli.Version()
			report, err := s.Run(cmd.Context(), func(line string) { fmt.Fprintln(env.Stderr, line) })
			if err != nil {
				return err
			}
			if err := writeReport(env, report, filepath.Join(s.Results, "report.html"), "", ""); err != nil {
				return err
			}
			if err := report.WriteBars(env.Stdout); err != nil {
				return err
			}
			missed, few := report.Count(bench.Missed), report.Count(bench.Few)
			if missed > 0 || few > 0 && s.Runs == 0 && len(s.Cases) == 0 {
				return fmt.Errorf("%d figures miss their bars, %d come from too few runs", missed, few)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.IntSliceVar(&s.Cases, "case", nil, "play this `case` only, again for more; default all")
	flags.IntVar(&s.Runs, "runs", 0, "`number` of runs of each transfer; 0: as each case asks")
	flags.TextVar(&rate, "rate", rate, "`rate` on the wire of the cases about speed; 0: 6 or 7 Gbit/s, by case")
	flags.StringVar(&s.Results, "results", filepath.Join("bin", "results"), "`folder` of the result files")
	flags.StringVar(&s.Disk, "disk", os.TempDir(), "`folder` on a disk with 42 GiB of room, for case 8")
	flags.BoolVar(&s.Fresh, "fresh", false, "begin anew: results of these cases that are there don't count")
	return cmd
}
