package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/receiver/audit"
)

// longText is how much of a text from a log or a pack is printed, in characters.
const longText = 4096

func verifyCommand(env *cli.Env) *cobra.Command {
	var keyPath, senderPath, peoplePath, keptPath string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify FILE --key FILE",
		Short: "Check the evidence of one transfer",
		Long: `Verify checks a file that pawl-release evidence wrote: that the log's key signed the checkpoint, that each entry is
in that log, that no entry contradicts those before it, that plan, proof, verdict and decisions are those that the entries speak of, that what was
demanded of a release was there before it, that the sender signed the proof, and that the key signed the statement about each file.

Who the sender is, and whose key is whose, the log's key says. With --sender the sender must be that one, and with --people everybody who decided must be in
that list, with that key and the role for it: get both from somebody else than the gateway.`,
		Example: `  pawl-audit verify evidence.zip --key audit.key.pub
  pawl-audit verify evidence.zip --key audit.key.pub --sender sender.key.pub --people people.toml
  pawl-audit verify evidence.zip --key audit.key.pub --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := keyfile.AuditPublic(keyPath)
			if err != nil {
				return err
			}
			people, err := optional(peoplePath, cmd.Flags().Changed("people"))
			if err != nil {
				return err
			}
			e, err := openPack(args[0], key)
			if err != nil {
				return said{args[0], err}
			}
			if err := errors.Join(pinned(e, senderPath), people.compare(e), sameLog(e.Checkpoint, keptPath, key)); err != nil {
				return said{args[0], err}
			}
			w := &writer{e: e, sender: senderPath, people: people}
			if asJSON {
				return w.json(env.Stdout)
			}
			return w.text(env.Stdout)
		},
	}
	keyFlag(cmd, &keyPath)
	cmd.Flags().StringVar(&senderPath, "sender", "", "`FILE` of the public key of the sender that must have signed the proof")
	cmd.Flags().StringVar(&peoplePath, "people", "", "`FILE` of the people, people.toml: everybody who decided must be in it")
	cmd.Flags().StringVar(&keptPath, "kept", "", "`FILE` of a checkpoint of the same size that was kept elsewhere: its root must be the same")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as one JSON object")
	return cmd
}

func openPack(path string, key merkle.Public) (*audit.Evidence, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return audit.VerifyPack(f, info.Size(), key)
}

// pinned asks whether the sender in a file signed the proof.
func pinned(e *audit.Evidence, path string) error {
	if path == "" {
		return nil
	}
	want, err := keyfile.SenderPublic(path)
	if err != nil {
		return err
	}
	if e.Sender != want {
		return notf("it is about a proof of the sender %s, not of %s", e.Sender.Fingerprint(), want.Fingerprint())
	}
	if e.Unproved != nil {
		return notf("content not proved: %w", e.Unproved)
	}
	return nil
}

// sameLog compares the checkpoint of a pack with one that was kept. Of other sizes only the log itself can tell.
func sameLog(at merkle.Checkpoint, path string, key merkle.Public) error {
	if path == "" {
		return nil
	}
	kept, err := readKept(path, key)
	if err != nil {
		return err
	}
	if kept.Size != at.Size {
		return notf("%s: of %d entries, the evidence of %d: only verify-log can compare them", path, kept.Size, at.Size)
	}
	if kept.Root != at.Root {
		return fmt.Errorf("%s: %w: the evidence has another root for the same %d entries", path, merkle.ErrForked, at.Size)
	}
	return nil
}
