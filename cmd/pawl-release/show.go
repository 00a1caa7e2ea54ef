package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/framing"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

// shownEntries is how much of a plan show prints unless all of it is asked for.
const shownEntries = 20

// details is everything that is known about a transfer.
type details struct {
	*transfer
	Created    *time.Time          `json:"created,omitempty"` // the low side's clock
	Entries    uint64              `json:"entries,omitempty"` // files and folders
	PlanDigest string              `json:"plan_sha256,omitempty"`
	Aborted    bool                `json:"aborted,omitempty"`
	Answer     *release.Answer     `json:"answer,omitempty"`
	Arrival    json.RawMessage     `json:"arrival,omitempty"` // what pawl-receive noted
	Missing    *quarantine.Missing `json:"missing,omitempty"`
	History    []quarantine.Event  `json:"history"`
	Plan       []entry             `json:"plan,omitempty"`
	More       uint64              `json:"plan_more,omitempty"` // entries that are not in Plan
}

type entry struct {
	Path    string    `json:"path"`
	Dir     bool      `json:"dir,omitempty"`
	Size    uint64    `json:"size"`
	Exec    bool      `json:"exec,omitempty"`
	ModTime time.Time `json:"mtime"`
}

func showCommand(env *cli.Env) *cobra.Command {
	var path string
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show everything that is known about a transfer",
		Long: `Show prints a transfer's state, what the checks said, its history and what is in it. ID may be shortened as
long as only one transfer begins so.`,
		Example: `  pawl-release show 1-019a2b3c4d5e6f70
  pawl-release show 1-019a --files --json`,
		Args: cobra.ExactArgs(1),
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
			limit := uint64(shownEntries)
			if all {
				limit = framing.MaxLength
			}
			d, err := c.details(store, id, st, limit)
			if err != nil {
				return err
			}
			if asJSON {
				out := json.NewEncoder(env.Stdout)
				out.SetIndent("", "  ")
				return out.Encode(d)
			}
			return d.write(env.Stdout)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&asJSON, "json", false, "as one JSON object")
	cmd.Flags().BoolVar(&all, "files", false, fmt.Sprintf("all files, not only the first %d entries", shownEntries))
	return cmd
}

func (c *config) details(store *quarantine.Store, id quarantine.ID, st quarantine.State, limit uint64) (*details, error) {
	t, err := c.describe(store, id, st)
	if err != nil {
		return nil, err
	}
	d := &details{transfer: t, History: t.history}
	if plan := t.look.Plan; plan != nil {
		created := time.Unix(plan.Created, 0).UTC()
		d.Created, d.Entries = &created, plan.Entries
	}
	if proof := t.look.Proof; proof != nil {
		d.Aborted = proof.Aborted
		d.PlanDigest = hex.EncodeToString(proof.PlanDigest[:])
	}
	if d.Answer, err = release.LastAnswer(t.dir); err != nil {
		return nil, err
	}
	if note, err := os.ReadFile(filepath.Join(t.dir, quarantine.NoteFile)); err == nil && json.Valid(note) {
		d.Arrival = note
	}
	if d.Missing, err = quarantine.ReadMissing(t.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for e, err := range check.Entries(t.dir) {
		if err != nil || uint64(len(d.Plan)) == limit {
			break // a plan that can't be read is what the checks will say
		}
		d.Plan = append(d.Plan, entry{Path: e.Path, Dir: e.Dir, Size: e.Size, Exec: e.Exec, ModTime: time.Unix(0, e.ModTime).UTC()})
	}
	d.More = d.Entries - min(d.Entries, uint64(len(d.Plan)))
	return d, nil
}

// longText is how much of a text from the low side show prints: a path or a reason in full.
const longText = 4096

// write prints the details for people; what the low side wrote is escaped.
func (d *details) write(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(key, format string, args ...any) {
		fmt.Fprintf(out, "%s:\t"+format+"\n", append([]any{key}, args...)...)
	}
	line("transfer", "%s", d.ID)
	line("state", "%s since %s", d.State, stamp(d.Since))
	if d.Reason != "" {
		line("reason", "%s", release.Printable(d.Reason, longText))
	}
	line("channel", "%d %s", d.Channel, release.Printable(d.Label, nameWidth))
	line("name", "%s", known(release.Printable(d.Name, longText)))
	if d.Created != nil {
		line("created", "%s by the low side's clock", stamp(*d.Created))
		line("size", "%s (%d bytes), %s files, %d entries", size(d.Bytes), *d.Bytes, count(d.Files), d.Entries)
	}
	if d.PlanDigest != "" && !d.Aborted {
		line("plan", "sha256:%s", d.PlanDigest)
	}
	switch a := d.Answer; {
	case a == nil:
		line("checks", "not checked")
	case a.Pass:
		line("checks", "passed %s", stamp(a.When))
		line("proof", "sha256:%s", a.Body)
	case a.Verdict != nil:
		line("checks", "%s, %s", release.Printable(a.Verdict.Error(), longText), stamp(a.When))
	}
	if d.Answer != nil && d.Answer.Policy != "" {
		line("policy", "sha256:%s", release.Printable(d.Answer.Policy, longText))
	}
	if d.Missing != nil {
		line("missing", "%s", lacks(d.dir))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if err := d.writeAnswers(w); err != nil {
		return err
	}
	d.writeHistory(w)
	return d.writePlan(w)
}

// writeAnswers prints what the checks of the policy said.
func (d *details) writeAnswers(w io.Writer) error {
	if d.Answer == nil {
		return nil
	}
	said := d.Answer.Checks
	if d.Answer.Verdict != nil {
		said = d.Answer.Verdict.Findings
	}
	if len(said) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nchecks:")
	return writeFindings(w, said)
}

func (d *details) writeHistory(w io.Writer) {
	if len(d.History) == 0 {
		return
	}
	fmt.Fprintln(w, "\nhistory:")
	for _, e := range d.History {
		fmt.Fprintf(w, "  %s  %s", stamp(e.When), release.Printable(e.Who, nameWidth))
		if e.To != e.From {
			fmt.Fprintf(w, "  %s -> %s", known(release.Printable(string(e.From), nameWidth)), release.Printable(string(e.To), nameWidth))
		}
		if e.Reason != "" {
			fmt.Fprintf(w, "  %s", release.Printable(e.Reason, longText))
		}
		fmt.Fprintln(w)
	}
}

func (d *details) writePlan(w io.Writer) error {
	if len(d.Plan) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nfiles:")
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, e := range d.Plan {
		what, kind := humanize.IBytes(e.Size), "" // marked as ls -F does
		switch {
		case e.Dir:
			what, kind = "-", "/"
		case e.Exec:
			kind = "*"
		}
		fmt.Fprintf(out, "%s\t%s\t  %s%s\n", what, stamp(e.ModTime), release.Printable(e.Path, longText), kind)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if d.More > 0 {
		fmt.Fprintf(w, "  … and %d more: --files\n", d.More)
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
