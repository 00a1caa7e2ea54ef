package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
)

// errWorse makes the exit code 1; standard error has said what got worse.
var errWorse = errors.New("the new result is worse")

// compareFlags are the flags of "pawl-bench compare".
type compareFlags struct {
	failAbove conf.Percent
	fail      bool
	metrics   []string
	json      bool
}

// compareCommand is "pawl-bench compare": two results side by side.
func compareCommand(env *cli.Env) *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare OLD NEW",
		Short: "Put two result files side by side, and say what is a difference and what is noise",
		Long: `compare reads two files that "--json" wrote, of one scenario, and shows for each metric and case the medians,
their 95 % intervals, the ratio and the p-value of a Mann-Whitney U test. A file may also hold the JSON of
several transfers, one after another: runs of one case become its samples.
With --fail-above it ends with 1 if a metric got worse by more than that and the test is clear (p < 0.05), or
cannot be for lack of samples; and if a case of OLD is not in NEW.`,
		Example: `  pawl-bench codec --json old.json; ...; pawl-bench codec --json new.json
  pawl-bench compare old.json new.json
  for i in 1 2 3 4 5; do pawl-bench transfer --json -; done > new.json
  pawl-bench compare --fail-above 10% --metric goodput_bps,cpu_total_s_per_gb old.json new.json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.fail = cmd.Flags().Changed("fail-above")
			return f.run(env, args[0], args[1])
		},
	}
	flags := cmd.Flags()
	flags.TextVar(&f.failAbove, "fail-above", f.failAbove, "end with 1 if a metric got worse by more than `10%`")
	flags.StringSliceVar(&f.metrics, "metric", nil, "compare only these `metrics`; default all that have a better and a worse")
	flags.BoolVar(&f.json, "json", false, "write JSON")
	return cmd
}

func (f *compareFlags) run(env *cli.Env, oldFile, newFile string) error {
	before, err := bench.LoadAny(oldFile)
	if err != nil {
		return err
	}
	after, err := bench.LoadAny(newFile)
	if err != nil {
		return err
	}
	c, err := bench.Compare(before, after)
	if err != nil {
		return fmt.Errorf("%s, %s: %w", oldFile, newFile, err)
	}
	if len(f.metrics) > 0 {
		if err := c.Keep(f.metrics); err != nil {
			return fmt.Errorf("%s, %s: %w", oldFile, newFile, err)
		}
	}
	if f.json {
		out := json.NewEncoder(env.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(c)
	} else {
		err = c.WriteTable(env.Stdout)
	}
	if err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	return f.judge(env, c)
}

// judge is the exit code for CI.
func (f *compareFlags) judge(env *cli.Env, c *bench.Comparison) error {
	if !f.fail {
		return nil
	}
	worse := c.Worse(float64(f.failAbove))
	for _, d := range worse {
		fmt.Fprintln(env.Stderr, "worse:", d)
	}
	for _, name := range c.Gone {
		fmt.Fprintln(env.Stderr, "not measured any more:", name)
	}
	if len(worse)+len(c.Gone) > 0 {
		return errWorse
	}
	return nil
}
