package main

import (
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
)

func root(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pawl-send",
		Short: "Send files over the diode",
		Long: `pawl-send is the low side. Its daemon watches the outbox of each channel, claims what is complete in there,
reads each byte once and sends it, coded against loss and sealed for the receiver. It can never learn
whether anything arrived; what it did, it can always say.`,
		Example: `  pawl-send check-config -c /etc/pawl/pawl-send.toml
  pawl-send run -c /etc/pawl/pawl-send.toml
  pawl-send submit --channel updates --wait release.tar
  pawl-send status
  pawl-send queue
  pawl-send repair 28R7K-0M3FW-9Q1XE-T5ZPA
  pawl-send confirm 9ZK4M-0QW3T-7XHA2-51RBE
  pawl-send unconfirmed`,
	}
	cmd.AddCommand(runCommand(env), submitCommand(env), statusCommand(env), sftpCommand(env), consoleCommand(env), checkCommand(env), doctorCommand(env),
		repairCommand(env), confirmCommand(env), unconfirmedCommand(env))
	cmd.AddCommand(queueCommand(env), showCommand(env), cancelCommand(env), holdCommand(env), resumeCommand(env), resendCommand(env),
		priorityCommand(env), planCommand(env))
	return cmd
}

const defaultConfig = "/etc/pawl/pawl-send.toml"

// configFlag adds -c, which all commands have.
func configFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVarP(path, "config", "c", defaultConfig, "configuration `FILE`")
}
