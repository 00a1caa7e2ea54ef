package main

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/ticket"
	"pawl/receiver/audit"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

func receiptCommand(env *cli.Env) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "receipt ID",
		Short: "Print the receipt code of a verified transfer",
		Long: `Receipt prints 20 characters that prove to the low side that a transfer arrived whole and passed the checks of its
bytes here: "pawl-send confirm" takes them. They say nothing of whether it was or will be released. The code is a
keyed digest over the transfer and its proof, so nobody without receipt_key, which both sides hold, can invent one.

That it was printed is written into the transfer's history.`,
		Example: "  pawl-release receipt 1-019a2b3c4d5e6f70",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := load(path)
			if err != nil {
				return err
			}
			store, err := quarantine.View(c.Quarantine)
			if err != nil {
				return err
			}
			id, st, err := resolve(store, args[0])
			if err != nil {
				return err
			}
			code, proves, err := c.receipt(store, id, st)
			if err != nil {
				return err
			}
			if err := noteReceipt(store, id, st, osUser(), code, c.enter); err != nil {
				return err
			}
			fmt.Fprintf(env.Stderr, "receipt of %s: %s\non the low side: pawl-send confirm CODE\n", id, proves)
			_, err = fmt.Fprintln(env.Stdout, code)
			return err
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// noteReceipt writes into the audit log and the history that somebody is given the receipt code. It comes before anybody sees it.
func noteReceipt(store *quarantine.Store, id quarantine.ID, st quarantine.State, who, code string, enter enterer) error {
	if err := enter(&audit.Shown{Transfer: id.String(), Bits: 8 * ticket.ReceiptSize, Code: code}); err != nil {
		return err
	}
	return store.Record(id, st, quarantine.Event{
		Who: who, From: st, To: st, Reason: fmt.Sprintf("receipt code issued, %d bits from high to low", 8*ticket.ReceiptSize),
	})
}

// checkReceiptKey reads the receipt key, if there is one, so that a wrong file is found before a receipt is asked for.
func (c *config) checkReceiptKey() error {
	if c.ReceiptKey == "" {
		return nil
	}
	_, err := keyfile.ReceiptKey(c.ReceiptKey)
	return conf.At("receipt_key", err)
}

// errNoReceiptKey says what to do.
var errNoReceiptKey = errors.New("no receipt_key is configured: make one with pawl-key receipt on the low side, and name it as receipt_key on both sides")

// errUnverified is wrapped when a transfer has no receipt code because nobody knows that it is whole.
var errUnverified = errors.New("was not verified here, so it has no receipt")

// receipt is the code of a transfer that passed the checks, and what it proves. The proof's signature is looked at once more: a
// code is never given for a proof that was put in the place of the one that passed.
func (c *config) receipt(store *quarantine.Store, id quarantine.ID, st quarantine.State) (code, proves string, err error) {
	if c.ReceiptKey == "" {
		return "", "", errNoReceiptKey
	}
	if st != quarantine.Held && st != quarantine.Released {
		return "", "", fmt.Errorf("transfer %s is %s: it %w", id, st, errUnverified)
	}
	dir := store.Dir(st, id)
	answer, err := release.LastAnswer(dir)
	if err != nil {
		return "", "", err
	}
	if answer == nil || !answer.Pass {
		return "", "", fmt.Errorf("transfer %s is %s and did not pass its checks: it %w", id, st, errUnverified)
	}
	sender, err := keyfile.SenderPublic(c.Sender)
	if err != nil {
		return "", "", err
	}
	body, err := check.SignedBody(dir, id, sender)
	if err != nil {
		return "", "", fmt.Errorf("transfer %s: %w", id, err)
	}
	if hex.EncodeToString(body[:]) != answer.Body {
		return "", "", fmt.Errorf("transfer %s: its proof is not the one that passed: it %w", id, errUnverified)
	}
	key, err := keyfile.ReceiptKey(c.ReceiptKey)
	if err != nil {
		return "", "", err
	}
	mac := key.Receipt(id.Channel, id.Transfer, body)
	proves = fmt.Sprintf("arrived whole and verified %s, now %s", stamp(answer.When), st)
	return ticket.SpellReceipt([ticket.ReceiptSize]byte(mac[:])), proves, nil
}
