package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
)

// errHostile makes the exit code 1; the report has said what is wrong.
var errHostile = errors.New("a hostile packet got further than it should, or the transfer suffered")

// hostileCommand is "pawl-bench hostile": forged packets thrown at a receiver during a transfer.
func hostileCommand(env *cli.Env) *cobra.Command {
	var s bench.HostileScenario
	cmd := &cobra.Command{
		Use:   "hostile",
		Short: "Throw random and bit-flipped packets at a receiver during a transfer",
		Long: `hostile runs the real programs over loopback, with a relay between them that follows each real packet with
random ones and with copies of it that have one bit turned over. The transfer must arrive, every hostile
packet must be in a reject column of the receiver's ledger, and its memory must stay flat. It ends with 1 if not.`,
		Example: `  pawl-bench hostile
  pawl-bench hostile --count 10000 --seed 7`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := s.Run(cmd.Context(), func(line string) { fmt.Fprintln(env.Stderr, line) })
			if err != nil {
				return err
			}
			enc := json.NewEncoder(env.Stdout)
			enc.SetIndent("", "  ")
			if err := enc.Encode(report); err != nil {
				return err
			}
			if !report.Intact || !report.All() {
				return errHostile
			}
			return nil
		},
	}
	cmd.Flags().Uint64Var(&s.Count, "count", 1e6, "hostile packets of each of the two `kinds`")
	cmd.Flags().Uint64Var(&s.Seed, "seed", 1, "`seed` of the file and of the hostile packets")
	return cmd
}
