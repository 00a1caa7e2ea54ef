package main

import (
	"os"
	"os/user"
	"strconv"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
)

func root(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pawl-release",
		Short: "Check transfers in quarantine and release them to the inbox",
		Long: `pawl-release is the high side that faces people. It takes complete transfers from the quarantine folder,
checks every byte against the sender's signed proof and the channel's policy, and lets them into the channel's inbox: by itself where
the channel says release = "auto", otherwise when as many people have approved as it says.

The commands may be used while "run" is running; a transfer is only ever in one hand.`,
		Example: `  pawl-release run -c /etc/pawl/pawl-release.toml
  pawl-release list --state held
  pawl-release show 1-019a
  pawl-release approve 1-019a2b3c4d5e6f70 --key alice.key
  pawl-release evidence 1-019a2b3c4d5e6f70 -o evidence.zip
  pawl-release reject 1-019a2b3c4d5e6f70 --key alice.key --reason "not ordered by anyone"
  pawl-release ticket 1-019a
  pawl-release receipt 1-019a
  pawl-release try /etc/pawl/updates.policy.toml release.tar.gz`,
	}
	cmd.AddCommand(runCommand(env), checkCommand(env), statusCommand(env), listCommand(env), showCommand(env), approveCommand(env), revokeCommand(env),
		rejectCommand(env), recheckCommand(env), removeCommand(env), evidenceCommand(env), ticketCommand(env), receiptCommand(env), acceptLogCommand(env), tryCommand(env))
	return cmd
}

// configFlag adds -c, which all commands have.
func configFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVarP(path, "config", "c", "/etc/pawl/pawl-release.toml", "configuration `FILE`")
}

// osUser names who gives a command, for the history.
func osUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}
