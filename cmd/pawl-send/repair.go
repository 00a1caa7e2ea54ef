package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/framing/ticket"
	"pawl/sender"
)

// maxTicketFile is the most octets of a file with a ticket that are read: many times what a ticket has.
const maxTicketFile = 4096

func repairCommand(env *cli.Env) *cobra.Command {
	var path, socket, file string
	var all bool
	cmd := &cobra.Command{
		Use:   "repair TICKET...",
		Short: "Send again the blocks that a repair ticket names",
		Long: `repair takes a ticket that "pawl-release ticket" printed on the high side and sends just the blocks it names,
out of sent/ or from where the transfer was submitted. The files are read and held to the digests of the first
pass before anything leaves. Case and spaces do not matter, several arguments are one ticket, and a typing error
is refused with its place. The command waits until everything was sent.

A block is sent with as many symbols as complete it, and one in 64 more; what is up to 256 KiB together, with
all repair symbols. With --all every block has all its repair symbols, as in a pass: for a link that loses much.`,
		Example: `  pawl-send repair 28R7K-0M3FW-9Q1XE-T5ZPA
  pawl-send repair 28r7k 0m3fw 9q1xe t5zpa
  pawl-send repair --file ticket.txt
  zbarcam --raw --oneshot | pawl-send repair --file -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 0) == (file == "") {
				return cli.Usagef("a ticket is either typed or read with --file")
			}
			text, err := ticketText(env, args, file)
			if err != nil {
				return err
			}
			if _, err := ticket.Parse(text); err != nil { // a typing error needs no daemon
				return typed(err)
			}
			at, err := socketPath(path, socket)
			if err != nil {
				return err
			}
			return repair(cmd.Context(), env, at, text, all)
		},
	}
	configFlag(cmd, &path)
	socketFlag(cmd, &socket)
	cmd.Flags().StringVar(&file, "file", "", "read the ticket from `FILE`, - for standard input")
	cmd.Flags().BoolVar(&all, "all", false, "send all repair symbols of the blocks too")
	return cmd
}

// ticketText is the ticket as it was given. A single "-" is standard input too.
func ticketText(env *cli.Env, args []string, file string) (string, error) {
	if len(args) == 1 && args[0] == "-" {
		file = "-"
	}
	if file == "" {
		return strings.Join(args, " "), nil
	}
	in := env.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("read ticket: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxTicketFile+1))
	if err != nil {
		return "", fmt.Errorf("read ticket: %w", err)
	}
	return string(text), nil
}

// typed adds what to do about a typing error.
func typed(err error) error {
	if errors.Is(err, ticket.ErrTyped) {
		return fmt.Errorf("%w: compare it with what was printed", err)
	}
	return err
}

// repair asks the daemon and shows its answers.
func repair(ctx context.Context, env *cli.Env, socket, text string, all bool) error {
	show := newShow(env.Stderr, 1)
	defer show.end()
	return sender.Repair(ctx, socket, text, all, func(p sender.Progress) {
		if p.State == sender.StateUnrepaired {
			return // the error says it
		}
		p.Source, p.ID = "repair of "+p.ID, ""
		show.progress(p)
	})
}
