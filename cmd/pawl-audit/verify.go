package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing"
	"pawl/framing/merkle"
	"pawl/receiver/audit"
)

// longText is how much of a text from a log or a pack is printed, in characters.
const longText = 4096

func verifyCommand(env *cli.Env) *cobra.Command {
	var keyPath, senderPath, keptPath string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify FILE --key FILE",
		Short: "Check the evidence of one transfer",
		Long: `Verify checks a file that pawl-release evidence wrote: that the log's key signed the checkpoint, that each entry is
in that log, that plan, proof, verdict and approval are those that the entries speak of, that the sender signed the
proof, and that the key signed the statement about each file. With --sender, the sender must be that one too.`,
		Example: `  pawl-audit verify evidence.zip --key audit.key.pub
  pawl-audit verify evidence.zip --key audit.key.pub --sender sender.key.pub --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := keyfile.AuditPublic(keyPath)
			if err != nil {
				return err
			}
			e, err := openPack(args[0], key)
			if err != nil {
				return fmt.Errorf("%s: %s", args[0], framing.Printable(err.Error(), longText))
			}
			if err := pinned(e, senderPath); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if err := sameLog(e.Checkpoint, keptPath, key); err != nil {
				return err
			}
			if asJSON {
				return writeEvidenceJSON(env.Stdout, e)
			}
			return writeEvidence(env.Stdout, e)
		},
	}
	keyFlag(cmd, &keyPath)
	cmd.Flags().StringVar(&senderPath, "sender", "", "`FILE` of the public key of the sender that must have signed the proof")
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

// pinned asks whether the sender is the one in a file.
func pinned(e *audit.Evidence, path string) error {
	if path == "" {
		return nil
	}
	want, err := keyfile.SenderPublic(path)
	if err != nil {
		return err
	}
	if e.Sender != want {
		return fmt.Errorf("the proof is not signed by the sender %s", want.Fingerprint())
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
		return fmt.Errorf("%s: of %d entries, the evidence of %d: only verify-log can compare them", path, kept.Size, at.Size)
	}
	if kept.Root != at.Root {
		return fmt.Errorf("%s: %w: the evidence has another root for the same %d entries", path, merkle.ErrForked, at.Size)
	}
	return nil
}

// maxCheckpoint bounds the file of a checkpoint.
const maxCheckpoint = 16 << 10

func readKept(path string, key merkle.Public) (merkle.Checkpoint, error) {
	f, err := os.Open(path)
	if err != nil {
		return merkle.Checkpoint{}, err
	}
	defer f.Close()
	signed, err := io.ReadAll(io.LimitReader(f, maxCheckpoint+1))
	if err != nil {
		return merkle.Checkpoint{}, err
	}
	at, err := merkle.OpenCheckpoint(signed, key)
	if err != nil {
		return merkle.Checkpoint{}, fmt.Errorf("%s: %w", path, err)
	}
	return at, nil
}

func writeEvidence(w io.Writer, e *audit.Evidence) error {
	_, err := fmt.Fprintf(w, "%s is %s\n", e.Transfer, framing.Printable(e.Outcome, longText))
	if err == nil && e.Files > 0 {
		_, err = fmt.Fprintf(w, "%s: %d files, %d bytes, signed by the sender %s\n", framing.Printable(e.Name, longText), e.Files, e.Bytes, e.Sender.Fingerprint())
	}
	for i, entry := range e.Entries {
		if err == nil {
			err = shown{entry.When, entry.By, entry.Body()}.write(w, e.Index[i])
		}
	}
	if err == nil {
		_, err = fmt.Fprintf(w, "verified: in the log %s at %d entries, root %s\n", e.Checkpoint.Origin, e.Checkpoint.Size, e.Checkpoint.Root)
	}
	return err
}

func writeEvidenceJSON(w io.Writer, e *audit.Evidence) error {
	out := struct {
		Transfer string         `json:"transfer"`
		Outcome  string         `json:"outcome"`
		Name     string         `json:"name,omitempty"`
		Files    uint64         `json:"files,omitempty"`
		Bytes    uint64         `json:"bytes,omitempty"`
		Sender   string         `json:"sender,omitempty"`
		Origin   string         `json:"log"`
		Size     int64          `json:"log_entries"`
		Root     string         `json:"root"`
		Index    []int64        `json:"index"`
		Entries  []*audit.Entry `json:"entries"`
	}{Transfer: e.Transfer, Outcome: e.Outcome, Name: e.Name, Files: e.Files, Bytes: e.Bytes, Origin: e.Checkpoint.Origin,
		Size: e.Checkpoint.Size, Root: hex.EncodeToString(e.Checkpoint.Root[:]), Index: e.Index, Entries: e.Entries}
	if e.Name != "" {
		out.Sender = e.Sender.String()
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func verifyLogCommand(env *cli.Env) *cobra.Command {
	var keyPath string
	var kept []string
	var witness witness
	cmd := &cobra.Command{
		Use:   "verify-log DIR --key FILE",
		Short: "Check a whole audit log",
		Long: `Verify-log reads every entry and every hash of a log and believes none of them: entries that were edited, added or
taken away, hashes that don't follow from them, and a checkpoint that another key signed are each named. Checkpoints
that were kept elsewhere (--kept, more than once) must be of the log's past: otherwise it was truncated or forked.

It takes the logs of both sides. The high side hears of the low side's log in each beat and enters what it hears once
an hour: with --witness, the low side's log must contain all of that.`,
		Example: `  pawl-audit verify-log /var/lib/pawl/audit --key audit.key.pub
  pawl-audit verify-log /mnt/copy/audit --key audit.key.pub --kept checkpoint.october --kept checkpoint.september
  pawl-audit verify-log /mnt/low/audit --key low.key.pub --witness /var/lib/pawl/audit --witness-key audit.key.pub`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := keyfile.AuditPublic(keyPath)
			if err != nil {
				return err
			}
			var old []merkle.Checkpoint
			for _, path := range kept {
				at, err := readKept(path, key)
				if err != nil {
					return err
				}
				old = append(old, at)
			}
			s, err := verifyLog(args[0], key, old, &witness)
			if err != nil {
				return err
			}
			return errors.Join(writeSummary(env.Stdout, s, len(old)), witness.say(env.Stdout))
		},
	}
	keyFlag(cmd, &keyPath)
	cmd.Flags().StringArrayVar(&kept, "kept", nil, "`FILE` of a checkpoint that was kept elsewhere")
	cmd.Flags().StringVar(&witness.folder, "witness", "", "the high side's log `DIR`, which heard of this low side's log")
	cmd.Flags().StringVar(&witness.keyPath, "witness-key", "", "`FILE` of the public key of the high side's log")
	cmd.MarkFlagsRequiredTogether("witness", "witness-key")
	return cmd
}

func writeSummary(w io.Writer, s *audit.Summary, kept int) error {
	var err error
	line := func(format string, args ...any) {
		_, wrong := fmt.Fprintf(w, format+"\n", args...)
		err = errors.Join(err, wrong)
	}
	c := s.Checkpoint
	line("verified: log %s, %d entries, root %s", c.Origin, c.Size, c.Root)
	if c.Size > 0 {
		line("from %s to %s", s.First.Format(time.RFC3339), s.Last.Format(time.RFC3339))
	}
	for _, kind := range sortedKinds(s.Kinds) {
		line("  %-10s %d", kind, s.Kinds[kind])
	}
	if s.Backwards > 0 {
		line("the clock was set back %d times", s.Backwards)
	}
	if s.Missed > 0 {
		line("%d entries were lost, which the log tells of itself", s.Missed)
	}
	if s.Unbalanced > 0 {
		line("%d byte ledgers are not balanced", s.Unbalanced)
	}
	if kept == 0 {
		line("no kept checkpoint was given: a log that its own key rewrote can't be told")
	} else {
		line("goes on from the %d kept checkpoints", kept)
	}
	return err
}
