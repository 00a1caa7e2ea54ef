package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/seal"
)

func receiptCommand(env *cli.Env) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "receipt -o FILE",
		Short: "Make a receipt key (shared by both sides, HMAC-SHA-256)",
		Long: `Make the key of receipt codes: the short text by which the high side proves to the low side that a transfer
arrived whole. Both sides hold the same FILE, named as receipt_key in their configurations. Make it on the low
side, carry it to the high side, and compare the fingerprints with "pawl-key show". Who has it can claim that
transfers arrived; it opens and signs nothing.

FILE has mode 0600 and is never overwritten.`,
		Example: "  pawl-key receipt -o /etc/pawl/receipt.key",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if out == "" {
				return cli.Usagef("the file after -o is empty")
			}
			key, err := seal.GenerateReceiptKey()
			if err != nil {
				return err
			}
			if err := keyfile.SaveReceipt(out, key, time.Now()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(env.Stdout, "receipt key: %s\nfingerprint: %s\n", out, key.Fingerprint())
			return err
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "`FILE` for the key")
	if err := cmd.MarkFlagRequired("output"); err != nil {
		panic(err) // the flag is defined on the line above
	}
	return cmd
}
