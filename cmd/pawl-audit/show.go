package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing"
	"pawl/framing/lowlog"
	"pawl/framing/merkle"
	"pawl/receiver/audit"
)

func sortedKinds(kinds map[string]int64) []string { return slices.Sorted(maps.Keys(kinds)) }

func showCommand(env *cli.Env) *cobra.Command {
	var keyPath, transfer, kind string
	var from int64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show DIR --key FILE",
		Short: "Show the entries of an audit log",
		Long: `Show prints entries, one a line, oldest first: all of them, or those of a transfer, of a kind, or from a place on. Each is proved
before it is printed: its hash is in the tree that the key signed. So are those that are passed over, up to the end of the log: what is
shown is all that there is of the kind that was asked for. Whether the log goes on from checkpoints that were kept is what verify-log checks.`,
		Example: `  pawl-audit show /var/lib/pawl/audit --key audit.key.pub
  pawl-audit show /var/lib/pawl/audit --key audit.key.pub --transfer 1-019a2b3c4d5e6f70 --json
  pawl-audit show /var/lib/pawl/audit --key audit.key.pub --kind approval --from 10000`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := keyfile.AuditPublic(keyPath)
			if err != nil {
				return err
			}
			view, err := merkle.OpenView(os.DirFS(args[0]), key)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if from < 0 || from > view.Checkpoint().Size {
				return cli.Usagef("--from %d: the log has %d entries", from, view.Checkpoint().Size)
			}
			var wrong error
			count := 0
			err = view.Proved(from, func(index int64, data []byte) bool {
				var e shown
				if e, wrong = parseShown(data); wrong != nil {
					wrong = said{fmt.Sprintf("%s: entry %d", args[0], index), wrong}
					return false
				}
				if kind != "" && e.body.Kind() != kind || transfer != "" && e.body.About() != transfer {
					return true
				}
				count++
				if asJSON {
					_, wrong = fmt.Fprintf(env.Stdout, "{\"index\":%d,\"entry\":%s}\n", index, data)
				} else {
					wrong = e.write(env.Stdout, index)
				}
				return wrong == nil
			})
			if err = errors.Join(err, wrong); err != nil {
				return err
			}
			at := view.Checkpoint()
			_, err = fmt.Fprintf(env.Stderr, "proved: these %d of the entries %d to %d are all, in the log %s, root %s\n", count, from, at.Size, at.Origin, at.Root)
			return err
		},
	}
	keyFlag(cmd, &keyPath)
	cmd.Flags().StringVar(&transfer, "transfer", "", "only entries about the transfer `ID`")
	cmd.Flags().StringVar(&kind, "kind", "", "only entries of the `KIND`, as state, verdict, approval, release, login, refused or ledger; of a low side transfer, repair or missed")
	cmd.Flags().Int64Var(&from, "from", 0, "begin with entry `N`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line, the entry as it is in the log")
	return cmd
}

// shown is an entry of either side's log, as it is printed.
type shown struct {
	when time.Time
	by   string
	body interface {
		Kind() string
		About() string
	}
}

// lowSide is who enters what a low side's log says.
const lowSide = "pawl-send"

// parseShown reads an entry of the high side, or else of the low side; the error is the high side's.
func parseShown(data []byte) (shown, error) {
	e, err := audit.ParseEntry(data)
	if err == nil {
		return shown{e.When, e.By, e.Body()}, nil
	}
	if low, errLow := lowlog.Parse(data); errLow == nil {
		return shown{low.When, lowSide, low.Body()}, nil
	}
	return shown{}, err
}

// write prints the entry: its place, time, who and what. Texts are escaped.
func (e shown) write(w io.Writer, index int64) error {
	body, err := json.Marshal(e.body)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%8d  %s  %s  %s  %s\n", index, e.when.Format("2006-01-02 15:04:05.000Z"), framing.Printable(e.by, 64),
		e.body.Kind(), framing.Printable(string(body), longText))
	return err
}

func reportCommand(env *cli.Env) *cobra.Command {
	var keyPath, month, out string
	var html bool
	cmd := &cobra.Command{
		Use:   "report DIR --key FILE --month YYYY-MM",
		Short: "Write the report of one month",
		Long: `Report verifies the whole log as verify-log does and then tells of one month (UTC), from the log alone: what was
released, held and rejected, who approved and logged in, what was changed, what went from high to low, the byte ledger of each day
and what was heard of the low side's log. FILE is never overwritten.`,
		Example: `  pawl-audit report /var/lib/pawl/audit --key audit.key.pub --month 2026-11
  pawl-audit report /var/lib/pawl/audit --key audit.key.pub --month 2026-11 --html -o november.html`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := keyfile.AuditPublic(keyPath)
			if err != nil {
				return err
			}
			if view, err := merkle.OpenView(os.DirFS(args[0]), key); err == nil {
				if low, err := audit.IsLow(view); err == nil && low {
					return cli.Usagef("%s: is a low side's log: the report is of the high side's, and tells what it heard of this one", args[0])
				}
			}
			m, err := audit.Report(os.DirFS(args[0]), key, month)
			if errors.Is(err, audit.ErrMonth) {
				return cli.Usagef("--month: %w", err)
			}
			if err != nil {
				return said{args[0], err}
			}
			write := m.WriteText
			if html {
				write = m.WriteHTML
			}
			if out == "" {
				return write(env.Stdout)
			}
			f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if err != nil {
				return err
			}
			return errors.Join(write(f), f.Close())
		},
	}
	keyFlag(cmd, &keyPath)
	cmd.Flags().StringVar(&month, "month", "", "the month as `YYYY-MM`")
	if err := cmd.MarkFlagRequired("month"); err != nil {
		panic(err) // the flag is defined on the line above
	}
	cmd.Flags().BoolVar(&html, "html", false, "as one HTML page instead of text")
	cmd.Flags().StringVarP(&out, "output", "o", "", "write to `FILE` instead of standard output")
	return cmd
}
