package main

import (
	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
)

// demoCommand is "pawl-bench demo", which `make demo` runs.
func demoCommand(env *cli.Env) *cobra.Command {
	var s bench.DemoScenario
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Let files cross a lossy one-way link on this machine, step by step",
		Long: `demo makes keys, starts the real programs around a one-way link that loses 1 % of its packets, drops
files into the outbox, waits until they are in the inbox and compares every byte. As root the link is a
testbed of two network namespaces; otherwise loopback with a relay that passes packets one way.
It removes what it made and ends with 1 if anything differs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.Run(cmd.Context(), env.Stdout) },
	}
	cmd.Flags().Uint64Var(&s.Seed, "seed", 1, "`seed` of the content and of the relay's losses")
	cmd.Flags().BoolVar(&s.Loopback, "loopback", false, "take the loopback path even as root")
	return cmd
}
