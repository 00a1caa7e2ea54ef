package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/framing"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

func recheckCommand(env *cli.Env) *cobra.Command {
	var path, channel string
	var all bool
	cmd := &cobra.Command{
		Use:   "recheck {ID | --all [--channel NAME]}",
		Short: "Send held transfers through their checks again",
		Long: `Recheck sends a held transfer through its checks again: when the name in the inbox has become free, a checker runs again, or a
disk was mended. It approves nothing. Approvals stay good if the checks say what they said before. With --all every held
transfer is checked again, whatever it waits for, one after the other. What passes and waits is no failure.`,
		Example: `  pawl-release recheck 1-019a2b3c4d5e6f70
  pawl-release recheck --all --channel updates`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case all == (len(args) == 1):
				return cli.Usagef("write the ID of a transfer, or --all")
			case channel != "" && !all:
				return cli.Usagef("--channel goes with --all")
			}
			c, err := load(path)
			if err != nil {
				return err
			}
			store, gate, err := c.acting(osUser(), path)
			if err != nil {
				return err
			}
			if all {
				return c.recheckAll(cmd.Context(), env.Stdout, store, gate, channel)
			}
			id, _, err := resolve(store, args[0])
			if err != nil {
				return err
			}
			return c.recheck(cmd.Context(), env.Stdout, store, gate, id)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&all, "all", false, "all held transfers")
	cmd.Flags().StringVar(&channel, "channel", "", "only those of channel `NAME`")
	return cmd
}

// recheck checks one transfer again, and says what became of it.
func (c *config) recheck(ctx context.Context, w io.Writer, store *quarantine.Store, gate *release.Gate, id quarantine.ID) error {
	st, err := gate.Recheck(ctx, id)
	if err != nil {
		return plain(err)
	}
	return c.rechecked(w, store, gate, id, st)
}

// recheckAll checks the held transfers of a channel again, or of all; what is wrong with one stops none of the others.
func (c *config) recheckAll(ctx context.Context, w io.Writer, store *quarantine.Store, gate *release.Gate, channel string) error {
	known := channel == ""
	for _, ch := range c.Channels {
		known = known || ch.Name == channel
	}
	if !known {
		return cli.Usagef("%.40q is no channel", channel)
	}
	ids, err := store.List(quarantine.Held)
	if err != nil {
		return err
	}
	failed, asked := 0, 0
	for _, id := range ids {
		if channel != "" && c.label(id.Channel) != channel {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		asked++
		if err := c.recheck(ctx, w, store, gate, id); err != nil {
			failed++
			fmt.Fprintln(w, err)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d transfers neither passed nor were released", failed, asked)
	}
	if asked == 0 {
		_, err = fmt.Fprintln(w, "no transfer is held")
	}
	return err
}

// rechecked says what became of a transfer that was checked again. One that passed and waits is where it should be.
func (c *config) rechecked(w io.Writer, store *quarantine.Store, gate *release.Gate, id quarantine.ID, st quarantine.State) error {
	if st != quarantine.Held {
		return c.outcome(w, store, id, st)
	}
	waits, err := gate.Waits(id)
	if err != nil {
		return plain(err)
	}
	if waits.Stuck || waits.Unable {
		return c.outcome(w, store, id, st)
	}
	_, err = fmt.Fprintf(w, "%s passed: %s\n", id, framing.Printable(cmp.Or(waits.For, "is released soon"), longText))
	return err
}
