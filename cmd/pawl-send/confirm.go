package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/framing/ticket"
	"pawl/sender"
)

func confirmCommand(env *cli.Env) *cobra.Command {
	var path, socket string
	cmd := &cobra.Command{
		Use:   "confirm CODE",
		Short: "Mark the transfer confirmed whose receipt code this is",
		Long: `confirm takes the 20 characters that "pawl-release receipt" printed on the high side. They prove that a transfer
arrived whole and was verified there, not that it was released. Which transfer it is, the code says itself. Case and
spaces do not matter, and a typing error is refused with its place.`,
		Args: cobra.MinimumNArgs(1),
		Example: `  pawl-send confirm 9ZK4M-0QW3T-7XHA2-51RBE
  pawl-send confirm 9zk4m 0qw3t 7xha2 51rbe`,
		RunE: func(cmd *cobra.Command, args []string) error {
			code := strings.Join(args, " ")
			if _, err := ticket.ReadReceipt(code); err != nil {
				return typed(err)
			}
			at, err := socketPath(path, socket)
			if err != nil {
				return err
			}
			c, err := sender.Confirm(cmd.Context(), at, code)
			if err != nil {
				return err
			}
			what := "confirmed: it arrived whole and was verified"
			if c.Again {
				what = "was confirmed already, " + c.Confirmed.Local().Format(time.DateTime)
			}
			_, err = fmt.Fprintf(env.Stdout, "%s  %s/%q, %s  %s\n", c.ID, c.Channel, c.Name, humanize.IBytes(c.Bytes), what)
			return err
		},
	}
	configFlag(cmd, &path)
	socketFlag(cmd, &socket)
	return cmd
}

func unconfirmedCommand(env *cli.Env) *cobra.Command {
	var path, socket string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "unconfirmed",
		Short: "List the transfers that were sent and not confirmed, the oldest first",
		Long: `unconfirmed lists what is in sent/ and for which no receipt code was given: nobody on this side knows whether it
arrived. The age counts from when it was claimed.`,
		Args: cobra.NoArgs,
		Example: `  pawl-send unconfirmed
  pawl-send unconfirmed --json | jq -r .id`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := socketPath(path, socket)
			if err != nil {
				return err
			}
			all, err := sender.Unconfirmed(cmd.Context(), at)
			if err != nil {
				return err
			}
			if asJSON {
				out := json.NewEncoder(env.Stdout)
				for _, c := range all {
					if err := out.Encode(c); err != nil {
						return err
					}
				}
				return nil
			}
			return showUnconfirmed(env, all)
		},
	}
	configFlag(cmd, &path)
	socketFlag(cmd, &socket)
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func showUnconfirmed(env *cli.Env, all []sender.Confirmation) error {
	out := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, "AGE\tID\tNAME\tSIZE")
	for _, c := range all {
		age := strings.TrimSpace(humanize.RelTime(c.Created, time.Now(), "", ""))
		fmt.Fprintf(out, "%s\t%s\t%s/%q\t%s\n", age, c.ID, c.Channel, c.Name, humanize.IBytes(c.Bytes))
	}
	return out.Flush()
}
