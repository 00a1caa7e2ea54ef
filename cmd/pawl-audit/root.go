package main

import (
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
)

func root(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pawl-audit",
		Short: "Check evidence and audit logs, alone and offline",
		Long: `pawl-audit checks what a Pawl gateway says it did. It needs the public key of the audit log (the file with .pub
that pawl-key audit made) and nothing of the gateway: run it on a machine of your own.

Whoever holds the secret key could sign another history. Against that, keep checkpoints: each is a few lines of
text, and a log that does not go on from one that you kept was truncated or forked.`,
		Example: `  pawl-audit verify evidence.zip --key audit.key.pub
  pawl-audit verify-log /var/lib/pawl/audit --key audit.key.pub --kept checkpoint.last-month
  pawl-audit show /var/lib/pawl/audit --key audit.key.pub --transfer 1-019a2b3c4d5e6f70
  pawl-audit report /var/lib/pawl/audit --key audit.key.pub --month 2026-11`,
	}
	cmd.AddCommand(verifyCommand(env), verifyLogCommand(env), showCommand(env), reportCommand(env))
	return cmd
}

// keyFlag adds --key, which all commands need.
func keyFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "key", "", "`FILE` of the log's public key")
	if err := cmd.MarkFlagRequired("key"); err != nil {
		panic(err) // the flag is defined on the line above
	}
}
