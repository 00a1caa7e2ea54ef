// Pawl-bench plans, measures and shows: what redundancy a link needs, what the programs
// do on a link of this machine.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
)

func main() { os.Exit(cli.Main(root)) }

func root(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pawl-bench",
		Short: "Plan, measure and show what Pawl does",
	}
	cmd.AddCommand(planCommand(env), transferCommand(env), demoCommand(env), hostileCommand(env))
	cmd.AddCommand(codecCommand(env))
	cmd.AddCommand(linkCommand(env))
	cmd.AddCommand(compareCommand(env))
	cmd.AddCommand(latencyCommand(env))
	cmd.AddCommand(manyCommand(env))
	cmd.AddCommand(pacingCommand(env))
	cmd.AddCommand(barsCommand(env))
	cmd.AddCommand(calibrateCommand(env))
	cmd.AddCommand(reportCommand(env))
	return cmd
}
