package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/spf13/cobra"
	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing"
	"pawl/framing/person"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

// decider is a command with which a person decides.
type decider struct {
	env              *cli.Env
	config           string
	key, passphrases string // files
	reason           string
}

func (d *decider) flags(cmd *cobra.Command) {
	configFlag(cmd, &d.config)
	cmd.Flags().StringVar(&d.key, "key", "", "your secret key, `FILE` of pawl-key person")
	cmd.Flags().StringVar(&d.passphrases, "passphrase-file", "", "`FILE` with the key's passphrase, in place of the terminal")
	cmd.Flags().StringVar(&d.reason, "reason", "", "why (`TEXT`)")
}

func approveCommand(env *cli.Env) *cobra.Command {
	d := &decider{env: env}
	cmd := &cobra.Command{
		Use:   "approve ID --key FILE",
		Short: "Approve a held transfer, and release it if nothing else is outstanding",
		Long: `Approve shows what the channel says that an approver must see, asks for the passphrase of your key, and signs your yes to the
transfer as it is now: its proof, and what the checks said of it. If either changes afterwards your yes does not count any more. When as
many people have approved as the channel asks for, and nothing else is outstanding, the transfer is read from disk and checked once
more while it is copied, and then appears in the inbox in one step.`,
		Example: `  pawl-release approve 1-019a2b3c4d5e6f70 --key alice.key
  pawl-release approve 1-019a --key alice.key --passphrase-file /run/secrets/alice --reason "order 4711"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return d.decide(cmd.Context(), person.Approve, args[0])
		},
	}
	d.flags(cmd)
	return cmd
}

func revokeCommand(env *cli.Env) *cobra.Command {
	d := &decider{env: env}
	cmd := &cobra.Command{
		Use:   "revoke ID --key FILE",
		Short: "Take your approval of a transfer back",
		Long: `Revoke takes your own approval of a transfer back, with your signature. It counts until the release begins; what is in the
inbox stays there.`,
		Example: `  pawl-release revoke 1-019a2b3c4d5e6f70 --key alice.key --reason "wrong version"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return d.decide(cmd.Context(), person.Revoke, args[0])
		},
	}
	d.flags(cmd)
	return cmd
}

func rejectCommand(env *cli.Env) *cobra.Command {
	d := &decider{env: env}
	cmd := &cobra.Command{
		Use:   "reject ID --key FILE --reason TEXT",
		Short: "Refuse a held transfer for good",
		Long: `Reject refuses a transfer for good that is held, or being checked or copied, with your signature and a reason that is kept. It counts until the
release begins. One rejection is enough, whoever approved. Its bytes stay in the quarantine. Where no people are configured it needs no key, and is entered in the name of the
user who gives the command.`,
		Example: `  pawl-release reject 1-019a2b3c4d5e6f70 --key alice.key --reason "not ordered by anyone"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return d.decide(cmd.Context(), person.Reject, args[0])
		},
	}
	d.flags(cmd)
	if err := cmd.MarkFlagRequired("reason"); err != nil {
		panic(err) // the flag is defined in flags
	}
	return cmd
}

// decide lets the person with the key decide about a transfer.
func (d *decider) decide(ctx context.Context, action person.Action, prefix string) error {
	if len(d.reason) > person.MaxReason || action == person.Reject && d.reason == "" {
		return cli.Usagef("a reason has 1 to %d bytes", person.MaxReason)
	}
	c, err := load(d.config)
	if err != nil {
		return err
	}
	if action == person.Reject && len(c.people) == 0 && d.key == "" {
		return d.rejectUnsigned(c, prefix)
	}
	if d.key == "" {
		return cli.Usagef("--key is missing: people sign what they decide; see pawl-key person")
	}
	whose, err := keyfile.LockedPerson(d.key)
	if err != nil {
		return err
	}
	store, gate, err := c.acting(whose.Name(), d.config)
	if err != nil {
		return err
	}
	id, st, err := resolve(store, prefix)
	if err != nil {
		return err
	}
	// What is signed is looked at first and shown afterwards: should it change between, the gate refuses.
	draft, err := gate.Draft(id, action, d.reason, nil)
	if err != nil {
		return plain(err)
	}
	if draft.Shown, err = c.put(d.env.Stdout, store, id, st, action); err != nil {
		return err
	}
	signed, err := d.sign(draft, whose, id)
	if err != nil {
		return err
	}
	if err := gate.Decide(id, signed); err != nil {
		return plain(err)
	}
	return c.follow(ctx, d.env.Stdout, store, gate, id, action, whose.Name())
}

// put shows what a decision is about, and says what that was.
func (c *config) put(w io.Writer, store *quarantine.Store, id quarantine.ID, st quarantine.State, action person.Action) ([]string, error) {
	var show []shown
	for _, ch := range c.Channels {
		if ch.ID == int(id.Channel) && action == person.Approve {
			show = ch.Show
		}
	}
	limit := uint64(0)
	if slices.Contains(show, showFiles) {
		limit = framing.MaxLength
	}
	t, err := c.details(store, id, st, limit)
	if err != nil {
		return nil, err
	}
	return words(show), t.writeParts(w, show)
}

func (d *decider) sign(draft person.Decision, whose person.Public, id quarantine.ID) (person.Signed, error) {
	var passphrase []byte
	var err error
	if d.passphrases != "" {
		passphrase, err = keyfile.Passphrase(d.passphrases)
	} else {
		prompt := fmt.Sprintf("To %s transfer %s, type the passphrase for the key of %s", draft.Action, id, whose.Name())
		passphrase, err = d.env.Passphrase(prompt, false, "--passphrase-file")
	}
	if err != nil {
		return person.Signed{}, err
	}
	key, err := keyfile.UnlockPerson(d.key, passphrase)
	if err != nil {
		return person.Signed{}, err
	}
	return key.Sign(draft)
}

// follow takes a transfer as far as it goes after the decision of who, and says where that is.
func (c *config) follow(ctx context.Context, w io.Writer, store *quarantine.Store, gate *release.Gate, id quarantine.ID, action person.Action, who string) error {
	if st, err := store.Find(id); err == nil && action == person.Reject && st != quarantine.Rejected {
		_, err = fmt.Fprintf(w, "%s: the rejection stands: pawl-release run has it in hand, and moves it to rejected\n", id)
		return err
	}
	if action != person.Approve {
		_, err := fmt.Fprintf(w, "%s %s\n", id, map[person.Action]string{person.Reject: "rejected", person.Revoke: "approval taken back"}[action])
		return err
	}
	waits, err := gate.Waits(id)
	if err == nil && waits.For != "" {
		_, err = fmt.Fprintf(w, "%s approved: %s\n", id, framing.Printable(waits.For, longText))
		return err
	}
	st, err := gate.Run(ctx, id, quarantine.Held)
	if errors.Is(err, quarantine.ErrLocked) || errors.Is(err, release.ErrState) {
		_, err = fmt.Fprintf(w, "%s approved: pawl-release run is at it\n", id)
		return err
	}
	if now, found := store.Find(id); err != nil && found == nil && now != st {
		_, err = fmt.Fprintf(w, "%s approved: it is %s\n", id, now) // the daemon was faster
		return err
	}
	if err == nil {
		err = c.outcome(w, store, id, st)
	}
	if err != nil && standing(gate, id, who) {
		return fmt.Errorf("the approval stands, but %w", plain(err))
	}
	return err
}

// standing says whether somebody's yes counts.
func standing(gate *release.Gate, id quarantine.ID, who string) bool {
	waits, err := gate.Waits(id)
	return err == nil && slices.ContainsFunc(waits.Decisions, func(g release.Given) bool {
		return g.Person == who && g.Action == person.Approve && g.Against == nil
	})
}

// outcome says what became of a transfer. One that is not released is an error: the command did not come to its end.
func (c *config) outcome(w io.Writer, store *quarantine.Store, id quarantine.ID, st quarantine.State) error {
	t, err := c.describe(store, id, st)
	if err != nil {
		return err
	}
	if st != quarantine.Released {
		return fmt.Errorf("transfer %s is %s: %s", id, st, framing.Printable(t.Reason, longText))
	}
	_, err = fmt.Fprintf(w, "%s released: %s in %s\n", id, framing.Printable(t.Name, longText), c.inbox(id.Channel))
	return err
}

// rejectUnsigned is for a gateway without people: its held transfers can still be refused.
func (d *decider) rejectUnsigned(c *config, prefix string) error {
	store, gate, err := c.acting(osUser(), d.config)
	if err != nil {
		return err
	}
	id, _, err := resolve(store, prefix)
	if err != nil {
		return err
	}
	if err := gate.Reject(id, d.reason); err != nil {
		return plain(err)
	}
	_, err = fmt.Fprintf(d.env.Stdout, "%s rejected\n", id)
	return err
}

// plain makes an error of the gate fit for a terminal and adds what to do.
func plain(err error) error {
	text := framing.Printable(err.Error(), longText)
	switch {
	case errors.Is(err, quarantine.ErrLocked):
		text += ": wait until it is done, and look again"
	case errors.Is(err, release.ErrStale):
		text += ": look at it again (pawl-release show), and decide about that"
	case errors.Is(err, fs.ErrNotExist):
		text += ": pawl-release list shows where it is now"
	}
	return errors.New(text)
}
