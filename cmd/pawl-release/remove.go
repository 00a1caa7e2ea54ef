package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"pawl/cmd/internal/cli"
	"pawl/framing/person"
)

func removeCommand(env *cli.Env) *cobra.Command {
	var path, reason string
	cmd := &cobra.Command{
		Use:   "remove ID --reason TEXT",
		Short: "Remove the bytes of a rejected or released transfer",
		Long: `Remove takes the content of a transfer that is rejected, or released with keep_content, from the quarantine, and gives its room in the channel's
quota back. The audit log is told before, with the reason and the user who gives the command. Plan, proof, verdicts, decisions and
history stay. keep_rejected in a channel does the same by itself after a time.`,
		Example: `  pawl-release remove 1-019a2b3c4d5e6f70 --reason "looked at by the forensics team"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(reason) == 0 || len(reason) > person.MaxReason {
				return cli.Usagef("a reason has 1 to %d bytes", person.MaxReason)
			}
			c, err := load(path)
			if err != nil {
				return err
			}
			store, gate, err := c.gate(osUser(), zap.NewNop())
			if err != nil {
				return err
			}
			id, _, err := resolve(store, args[0])
			if err != nil {
				return err
			}
			if err := gate.Remove(id, reason); err != nil {
				return plain(err)
			}
			_, err = fmt.Fprintf(env.Stdout, "%s: its content is removed\n", id)
			return err
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVar(&reason, "reason", "", "why (`TEXT`)")
	return cmd
}
