package main

import (
	"encoding/json"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/sender"
)

// ask is what the commands about the queue have in common: where the daemon is, and in which form it answers.
type ask struct {
	env    *cli.Env
	config string
	socket string
	json   bool
}

func (a *ask) flags(cmd *cobra.Command) *cobra.Command {
	configFlag(cmd, &a.config)
	socketFlag(cmd, &a.socket)
	cmd.Flags().BoolVar(&a.json, "json", false, "print the answer as JSON")
	return cmd
}

// do asks the daemon, and prints the answer with show unless JSON is wanted.
func do[V any](cmd *cobra.Command, a *ask, req sender.Request, show func(io.Writer, *V) error) error {
	at, err := socketPath(a.config, a.socket)
	if err != nil {
		return err
	}
	var answer V
	if err := sender.Ask(cmd.Context(), at, req, &answer); err != nil {
		return err
	}
	if a.json {
		enc := json.NewEncoder(a.env.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(&answer)
	}
	return show(a.env.Stdout, &answer)
}

func queueCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	var channel string
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "List what waits or is being sent, and when it is expected to have left",
		Args:  cobra.NoArgs,
		Example: `  pawl-send queue
  pawl-send queue --channel updates
  pawl-send queue --json | jq '.transfers[] | select(.eta == null) | .id'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpQueue, Channel: channel}, showQueue)
		},
	}
	cmd.Flags().StringVar(&channel, "channel", "", "`NAME` or number of the channel; default all")
	return a.flags(cmd)
}

func showCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	return a.flags(&cobra.Command{
		Use:     "show ID",
		Short:   "Show all that is known of one transfer, also when it is finished",
		Args:    cobra.ExactArgs(1),
		Example: "  pawl-send show 1-019a2b3c4d5e6f70",
		RunE: func(cmd *cobra.Command, args []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpShow, ID: args[0]}, showDetails)
		},
	})
}

func cancelCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	var reason string
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "Give a transfer up; the high side is told if any of it was sent",
		Long: `cancel gives a transfer up. If any of it was sent, the high side is told by an aborted proof and rejects it; what
is complete there already stays. The entry is in refused/ID afterwards, with the reason.`,
		Args:    cobra.ExactArgs(1),
		Example: `  pawl-send cancel 1-019a2b3c4d5e6f70 --reason "wrong version"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpCancel, ID: args[0], Reason: reason}, showEntry)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` for people on both sides")
	return a.flags(cmd)
}

func holdCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	return a.flags(&cobra.Command{
		Use:   "hold ID|CHANNEL",
		Short: "Let a transfer or a whole channel wait until it is resumed, also over a restart",
		Args:  cobra.ExactArgs(1),
		Example: `  pawl-send hold 1-019a2b3c4d5e6f70
  pawl-send hold updates`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpHold, ID: args[0]}, showHeld)
		},
	})
}

func resumeCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	return a.flags(&cobra.Command{
		Use:   "resume ID|CHANNEL",
		Short: "Let a held transfer or channel go on where it was",
		Args:  cobra.ExactArgs(1),
		Example: `  pawl-send resume 1-019a2b3c4d5e6f70
  pawl-send resume updates`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpResume, ID: args[0]}, showHeld)
		},
	})
}

func resendCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	return a.flags(&cobra.Command{
		Use:   "resend ID",
		Short: "Send a transfer that is in sent/ once more",
		Long: `resend sends a transfer once more, under its id: the high side adds up what it has of it. Its files must still be
what they were; if one is not, the transfer is aborted on both sides.`,
		Args:    cobra.ExactArgs(1),
		Example: "  pawl-send resend 1-019a2b3c4d5e6f70",
		RunE: func(cmd *cobra.Command, args []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpResend, ID: args[0]}, showEntry)
		},
	})
}

func priorityCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	return a.flags(&cobra.Command{
		Use:   "priority ID CLASS",
		Short: "Make a transfer urgent, normal or bulk, whatever its channel is",
		Args:  cobra.ExactArgs(2),
		Example: `  pawl-send priority 1-019a2b3c4d5e6f70 urgent
  pawl-send priority 1-019a2b3c4d5e6f70 bulk`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return do(cmd, a, sender.Request{Op: sender.OpPriority, ID: args[0], Class: args[1]}, showEntry)
		},
	})
}

func planCommand(env *cli.Env) *cobra.Command {
	a := &ask{env: env}
	var channel string
	cmd := &cobra.Command{
		Use:   "plan PATH",
		Short: "Say what sending a path would come to, and send nothing",
		Args:  cobra.ExactArgs(1),
		Example: `  pawl-send plan --channel updates release.tar
  pawl-send plan photos/ --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			abs, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			return do(cmd, a, sender.Request{Op: sender.OpPlan, Channel: channel, Paths: []string{abs}}, showForecast)
		},
	}
	cmd.Flags().StringVar(&channel, "channel", "", "`NAME` or number of the channel; not needed if there is only one")
	return a.flags(cmd)
}
