package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/receiver/audit"
)

func verifyLogCommand(env *cli.Env) *cobra.Command {
	var keyPath string
	var kept []string
	var witness witness
	var settled settled
	cmd := &cobra.Command{
		Use:   "verify-log DIR --key FILE",
		Short: "Check a whole audit log",
		Long: `Verify-log reads every entry and every hash of a log and believes none of them: entries that were edited, added or
taken away, hashes that don't follow from them, and a checkpoint that another key signed are each named. Checkpoints
that were kept elsewhere (--kept, more than once) must be of the log's past: otherwise it was truncated or forked. Without one nobody can tell an
older log that was put in the place of a newer one; with --quarantine the log must tell of each transfer that is released there.

It takes the logs of both sides. The high side hears of the low side's log in each beat and enters what it hears once
an hour: with --witness, the low side's log must contain all of that.`,
		Example: `  pawl-audit verify-log /var/lib/pawl/audit --key audit.key.pub
  pawl-audit verify-log /mnt/copy/audit --key audit.key.pub --kept checkpoint.october --kept checkpoint.september
  pawl-audit verify-log /var/lib/pawl/audit --key audit.key.pub --quarantine /srv/pawl/quarantine
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
			s, err := verifyLog(args[0], key, old, &witness, &settled)
			if err != nil {
				return err
			}
			return errors.Join(writeSummary(env.Stdout, s, len(old)), witness.say(env.Stdout), settled.say(env.Stdout))
		},
	}
	keyFlag(cmd, &keyPath)
	cmd.Flags().StringArrayVar(&kept, "kept", nil, "`FILE` of a checkpoint that was kept elsewhere")
	cmd.Flags().StringVar(&settled.folder, "quarantine", "", "quarantine `DIR` of the high side, whose released transfers the log must tell of")
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
	if s.Restored > 0 {
		line("%d times a person accepted a log that was put back from a backup: see pawl-audit show --kind restored", s.Restored)
	}
	if s.Beyond > 0 {
		line("files speak of %d entries beyond the checkpoint: a program died while it wrote, or an older checkpoint was put in place of a newer one", s.Beyond)
	}
	if kept == 0 {
		line("no kept checkpoint was given: a log that was put back to an older state, or that its own key rewrote, can't be told")
	} else {
		line("goes on from the %d kept checkpoints", kept)
	}
	return err
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
