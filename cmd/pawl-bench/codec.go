package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/fec"
)

// codecFlags are the flags of "pawl-bench codec".
type codecFlags struct {
	codes   []string
	k, r, t []int
	seed    uint64
	samples int
	time    time.Duration
	json    string
}

// codecCommand is "pawl-bench codec": what the erasure codes cost.
func codecCommand(env *cli.Env) *cobra.Command {
	var f codecFlags
	cmd := &cobra.Command{
		Use:   "codec",
		Short: "Measure the erasure codes: encode and rebuild, GB for a second of CPU time, memory",
		Long: `codec encodes source blocks, rebuilds them with no, few (1 %) and R source symbols lost, and says for each
code and geometry how many GB a second of CPU time does, and what memory it takes. Without flags it goes
through a list of geometries in about a minute; with --k and --r through all combinations that the codes
have. Rebuilt bytes are compared with what was encoded before anything is measured.`,
		Example: `  pawl-bench codec
  pawl-bench codec --code leopard8 --json codec.json
  pawl-bench codec --code leopard8,classic --k 100,200 --r 10,20 --t 1408 --samples 10`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, env) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.codes, "code", nil, "`codes`: leopard8, leopard16, classic; default all")
	flags.IntSliceVar(&f.k, "k", nil, "source symbols of a block, a `list`; default a list of geometries")
	flags.IntSliceVar(&f.r, "r", nil, "repair symbols of a block, a `list`")
	flags.IntSliceVar(&f.t, "t", nil, "octets of a symbol, a `list`; default 1408,8896")
	flags.Uint64Var(&f.seed, "seed", 1, "`seed` of content and losses")
	flags.IntVar(&f.samples, "samples", 5, "samples of each figure, a `number`")
	flags.DurationVar(&f.time, "time", 100*time.Millisecond, "least `time` of a sample")
	flags.StringVar(&f.json, "json", "", "write the result as JSON to `FILE`, - for standard output")
	return cmd
}

func (f *codecFlags) run(cmd *cobra.Command, env *cli.Env) error {
	geometries, err := f.geometries()
	if err != nil {
		return err
	}
	if f.samples < 1 || f.time <= 0 {
		return cli.Usagef("--samples and --time must be more than 0")
	}
	show := newProgress(env.Stderr)
	s := bench.CodecScenario{Geometries: geometries, Seed: f.seed, Samples: f.samples, Time: f.time}
	result, err := s.Run(cmd.Context(), cli.Version(), show.step)
	show.end()
	if err != nil {
		return err
	}
	if f.json == "" {
		err = bench.WriteCodecTable(env.Stdout, result)
	} else {
		err = result.Save(f.json, env.Stdout)
	}
	if err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// geometries are those asked for: the list with --code and --t laid over it, or all combinations that exist.
func (f *codecFlags) geometries() ([]bench.Geometry, error) {
	codes, err := f.codeList()
	if err != nil {
		return nil, err
	}
	if (len(f.k) == 0) != (len(f.r) == 0) {
		return nil, cli.Usagef("--k and --r need each other")
	}
	sizes := f.t
	if len(sizes) == 0 {
		sizes = []int{1408, 8896}
	}
	for _, t := range sizes {
		if t < 64 || t%64 != 0 || t > 65408 {
			return nil, cli.Usagef("--t %d is not a multiple of 64 up to 65408", t)
		}
	}
	seen := map[bench.Geometry]bool{}
	var all []bench.Geometry
	for _, code := range codes {
		for _, t := range sizes {
			for _, g := range f.blocks(code) {
				g.T = t
				if !seen[g] && fec.Check(g.Code, g.K, g.R) == nil {
					seen[g] = true
					all = append(all, g)
				}
			}
		}
	}
	if len(all) == 0 {
		return nil, cli.Usagef("no code has such a block: see docs/planner.md for the limits of K and R")
	}
	return all, nil
}

// blocks are the K and R to measure of a code; T is open.
func (f *codecFlags) blocks(code fec.Code) (all []bench.Geometry) {
	for _, k := range f.k {
		for _, r := range f.r {
			all = append(all, bench.Geometry{Code: code, K: k, R: r})
		}
	}
	if len(f.k) == 0 {
		for _, g := range bench.CodecGeometries() {
			if g.Code == code {
				all = append(all, g)
			}
		}
	}
	return all
}

func (f *codecFlags) codeList() ([]fec.Code, error) {
	if len(f.codes) == 0 {
		return []fec.Code{fec.Leopard8, fec.Leopard16, fec.Classic}, nil
	}
	var codes []fec.Code
	for _, name := range f.codes {
		code, err := fec.ParseCode(name)
		if err != nil {
			return nil, cli.Usagef("--code: %w", err)
		}
		if code == fec.None {
			return nil, cli.Usagef("--code none has no arithmetic to measure")
		}
		codes = append(codes, code)
	}
	return codes, nil
}
