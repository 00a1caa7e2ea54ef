package main

import (
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
)

func root(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pawl-receive",
		Short: "Receive transfers from the diode into quarantine",
		Long: `pawl-receive is the high side that faces the diode. It takes packets from the link, checks each one's
tag, rebuilds what was lost and leaves whole transfers in the quarantine folder, from where
pawl-release takes them. It never sends anything.`,
		Example: `  pawl-receive check-config -c /etc/pawl/pawl-receive.toml
  pawl-receive run -c /etc/pawl/pawl-receive.toml
  pawl-receive status -c /etc/pawl/pawl-receive.toml`,
	}
	cmd.AddCommand(runCommand(env), checkCommand(env), statusCommand(env), doctorCommand(env))
	return cmd
}

// configFlag adds -c, which all commands have.
func configFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVarP(path, "config", "c", "/etc/pawl/pawl-receive.toml", "configuration `FILE`")
}
