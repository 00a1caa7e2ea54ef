package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"pawl/cmd/internal/cli"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

// maxReason bounds the reason of a rejection, in octets.
const maxReason = 1024

func approveCommand(env *cli.Env) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "approve ID",
		Short: "Approve a held transfer and release it",
		Long: `Approve says yes to a held transfer, as it is now, in your name. It is read from disk and checked once more
while it is copied, and then appears in the inbox in one step. A transfer that does not pass stays held.`,
		Example: "  pawl-release approve 1-019a2b3c4d5e6f70",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := load(path)
			if err != nil {
				return err
			}
			store, gate, err := c.gate(person(), zap.NewNop())
			if err != nil {
				return err
			}
			id, _, err := resolve(store, args[0])
			if err != nil {
				return err
			}
			st, err := gate.Approve(cmd.Context(), id)
			if err != nil {
				return plain(err)
			}
			t, err := c.describe(store, id, st)
			if err != nil {
				return err
			}
			if st != quarantine.Released {
				return fmt.Errorf("transfer %s is %s: %s", id, st, release.Printable(t.Reason, longText))
			}
			_, err = fmt.Fprintf(env.Stdout, "%s released: %s in %s\n", id, release.Printable(t.Name, longText), c.inbox(id.Channel))
			return err
		},
	}
	configFlag(cmd, &path)
	return cmd
}

func rejectCommand(env *cli.Env) *cobra.Command {
	var path, reason string
	cmd := &cobra.Command{
		Use:   "reject ID --reason TEXT",
		Short: "Refuse a held transfer for good",
		Long: `Reject refuses a held transfer for good, in your name and with a reason that is kept. Its bytes stay in the
quarantine.`,
		Example: `  pawl-release reject 1-019a2b3c4d5e6f70 --reason "not ordered by anyone"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if reason == "" || len(reason) > maxReason {
				return cli.Usagef("a reason has 1 to %d bytes", maxReason)
			}
			c, err := load(path)
			if err != nil {
				return err
			}
			store, gate, err := c.gate(person(), zap.NewNop())
			if err != nil {
				return err
			}
			id, _, err := resolve(store, args[0])
			if err != nil {
				return err
			}
			if err := gate.Reject(id, reason); err != nil {
				return plain(err)
			}
			_, err = fmt.Fprintf(env.Stdout, "%s rejected\n", id)
			return err
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the history (`TEXT`)")
	if err := cmd.MarkFlagRequired("reason"); err != nil {
		panic(err) // the flag is defined on the line above
	}
	return cmd
}

// plain makes an error of the gate fit for a terminal and adds what to do.
func plain(err error) error {
	text := release.Printable(err.Error(), longText)
	switch {
	case errors.Is(err, quarantine.ErrLocked):
		text += ": wait until it is done, and look again"
	case errors.Is(err, release.ErrState):
		text += ": only held transfers are approved or rejected"
	}
	return errors.New(text)
}
