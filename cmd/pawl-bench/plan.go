package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/fec"
)

// planFlags are the flags of "pawl-bench plan".
type planFlags struct {
	loss              conf.Percent
	burst, burstEvery conf.Duration
	rate              conf.Rate
	links, survive    int
	mtu               int
	ipv6              bool
	failure           conf.Percent
	size, memory      conf.Size
	json              bool
	code              string
	hand              fec.Plan
}

// planCommand is "pawl-bench plan": what a stated link costs.
func planCommand(env *cli.Env) *cobra.Command {
	f := planFlags{rate: 1e9, failure: fec.DefaultFailure, memory: fec.DefaultMemory}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what redundancy a link needs, and what it costs",
		Long: `plan takes what a link does (loss, outages, rate) and what is acceptable (failure), and prints the code, K, R,
interleave depth and copies that pawl-send would choose for objects of several sizes, with overhead, memory
and the failure probability that is left. With --code, --k and --r it judges numbers set by hand.`,
		Example: `  pawl-bench plan --loss 1% --burst 5ms --rate 1Gbit/s --mtu 1500 --size 1GiB
  pawl-bench plan --loss 0.1% --burst 5ms --burst-every 100ms --rate 2.5Gbit/s --json
  pawl-bench plan --loss 0.5% --links 4 --survive-links 1
  pawl-bench plan --loss 1% --code leopard8 --k 200 --r 20 --depth 44`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return f.run(env) },
	}
	flags := cmd.Flags()
	flags.TextVar(&f.loss, "loss", f.loss, "packets lost one by one, as `0.5%` or 0.005")
	flags.TextVar(&f.burst, "burst", f.burst, "the longest outage, as `5ms`")
	flags.TextVar(&f.burstEvery, "burst-every", f.burstEvery, "time from outage to outage, as `100ms`; 0s: they are rare")
	flags.TextVar(&f.rate, "rate", f.rate, "rate on the wire, as `1Gbit/s`, of each link")
	flags.IntVar(&f.links, "links", 1, "`number` of such links that share the packets")
	flags.IntVar(&f.survive, "survive-links", 0, "`number` of links that may be lost, whichever")
	flags.IntVar(&f.mtu, "mtu", 1500, "`MTU` of the link in octets")
	flags.BoolVar(&f.ipv6, "ipv6", false, "the link runs over IPv6")
	flags.TextVar(&f.failure, "failure", f.failure, "acceptable `probability` that a transfer does not arrive whole")
	flags.TextVar(&f.size, "size", f.size, "one object size, as `1GiB`; 0: a list of sizes")
	flags.TextVar(&f.memory, "memory", f.memory, "memory for one interleaved group of blocks, as `64MiB`")
	flags.BoolVar(&f.json, "json", false, "write JSON")
	flags.StringVar(&f.code, "code", "", "judge this `code`: none, leopard8, leopard16 or classic")
	flags.IntVar(&f.hand.K, "k", 0, "with --code: source symbols of a block")
	flags.IntVar(&f.hand.R, "r", 0, "with --code: repair symbols of a block")
	flags.IntVar(&f.hand.Depth, "depth", 1, "with --code: interleave depth in blocks")
	flags.IntVar(&f.hand.Copies, "copies", 1, "with --code: how often the object is sent")
	return cmd
}

func (f *planFlags) run(env *cli.Env) error {
	scenario, err := f.scenario()
	if err != nil {
		return err
	}
	report, err := scenario.Run()
	if err != nil {
		return err
	}
	if f.json {
		out := json.NewEncoder(env.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(report)
	} else {
		err = report.WriteTable(env.Stdout)
	}
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for _, o := range report.Objects {
		if o.Error != "" {
			return fmt.Errorf("not every size has a plan")
		}
	}
	return nil
}

func (f *planFlags) scenario() (bench.PlanScenario, error) {
	s := bench.PlanScenario{
		Loss: float64(f.loss), Burst: time.Duration(f.burst), BurstEvery: time.Duration(f.burstEvery),
		Rate: uint64(f.rate), Links: f.links, Survive: f.survive, MTU: f.mtu, IPv6: f.ipv6, Failure: float64(f.failure), Memory: uint64(f.memory),
	}
	if f.size != 0 {
		s.Sizes = []uint64{uint64(f.size)}
	}
	switch {
	case f.links < 1 || f.links > fec.MaxLinks || f.survive < 0 || f.survive >= f.links:
		return s, cli.Usagef("--links %d, --survive-links %d: take 1 to %d links, of which at least one stays", f.links, f.survive, fec.MaxLinks)
	case f.links > 1 && f.rate == 0:
		return s, cli.Usagef("--links needs a --rate: it says what part of the packets each link takes")
	case f.code != "":
		code, err := fec.ParseCode(f.code)
		if err != nil {
			return s, cli.Usagef("--code: %w", err)
		}
		f.hand.Code = code
		if err := fec.Check(code, f.hand.K, f.hand.R); err != nil {
			return s, cli.Usagef("--code, --k, --r: %w", err)
		}
		s.Hand = &f.hand
	case f.hand.K != 0 || f.hand.R != 0:
		return s, cli.Usagef("--k and --r need --code")
	}
	return s, nil
}
