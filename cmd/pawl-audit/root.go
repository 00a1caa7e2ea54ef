package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/framing"
	"pawl/framing/merkle"
	"pawl/receiver/audit"
)

func root(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pawl-audit",
		Short: "Check evidence and audit logs, alone and offline",
		Long: `pawl-audit checks what a Pawl gateway says it did. It needs the public key of the audit log (the file with .pub
that pawl-key audit made) and nothing of the gateway: run it on a machine of your own.

Whoever holds the secret key could sign another history. Against that, keep checkpoints: each is a few lines of
text, and a log that does not go on from one that you kept was truncated or forked.

It ends with 0 when what was asked is verified, 1 when it is not, 2 for a wrong command line, and 3 when something could not be read,
so that there is no answer.`,
		Example: `  pawl-audit verify evidence.zip --key audit.key.pub
  pawl-audit verify-log /var/lib/pawl/audit --key audit.key.pub --kept checkpoint.last-month
  pawl-audit show /var/lib/pawl/audit --key audit.key.pub --transfer 1-019a2b3c4d5e6f70
  pawl-audit report /var/lib/pawl/audit --key audit.key.pub --month 2026-11`,
	}
	cmd.AddCommand(verifyCommand(env), verifyLogCommand(env), showCommand(env), reportCommand(env))
	for _, sub := range cmd.Commands() {
		run := sub.RunE
		sub.RunE = func(c *cobra.Command, args []string) error { return answer(run(c, args)) }
	}
	return cmd
}

// notVerified are the errors that are an answer.
var notVerified = []error{audit.ErrPack, audit.ErrEntry, merkle.ErrEdited, merkle.ErrTruncated, merkle.ErrForked, merkle.ErrSigned, merkle.ErrCanonical, errNotVerified}

// errNotVerified is wrapped by what this program itself finds not to be as it was asked for.
var errNotVerified = errors.New("not verified")

// notf is fmt.Errorf of an error that is an answer.
func notf(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errNotVerified, fmt.Errorf(format, args...))
}

// answer tells what is an answer from what kept us from one.
func answer(err error) error {
	if err == nil || errors.Is(err, cli.ErrUsage) || slices.ContainsFunc(notVerified, func(e error) bool { return errors.Is(err, e) }) {
		return err
	}
	return cli.Unread(err)
}

// said is an error about a file whose text may be somebody else's: it is printed escaped.
type said struct {
	path string
	err  error
}

func (s said) Error() string { return s.path + ": " + framing.Printable(s.err.Error(), longText) }
func (s said) Unwrap() error { return s.err }

// keyFlag adds --key, which all commands need.
func keyFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "key", "", "`FILE` of the log's public key")
	if err := cmd.MarkFlagRequired("key"); err != nil {
		panic(err) // the flag is defined on the line above
	}
}
