package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/framing"
	"pawl/framing/person"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

// maxNote bounds what pawl-receive noted about an arrival, in octets: it writes some hundred.
const maxNote = 64 << 10

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
	Scans      []release.Scan      `json:"scans,omitempty"`   // each time that it was checked, and by which engines
	Arrival    json.RawMessage     `json:"arrival,omitempty"` // what pawl-receive noted
	Missing    *quarantine.Missing `json:"missing,omitempty"`
	History    []quarantine.Event  `json:"history"`
	Plan       []entry             `json:"plan,omitempty"`
	More       uint64              `json:"plan_more,omitempty"` // entries that are not in Plan
	Waits      string              `json:"waits,omitempty"`     // held: what for
	Decisions  []decided           `json:"decisions,omitempty"` // the last one of each person
}

// decided is what a person decided last.
type decided struct {
	Person  string        `json:"person"`
	Action  person.Action `json:"action"`
	When    time.Time     `json:"when"`
	Reason  string        `json:"reason,omitempty"`
	Against string        `json:"against,omitempty"` // why it does not count
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
	if d.Scans, err = release.Scans(t.dir); err != nil {
		return nil, err
	}
	if note, err := quarantine.ReadFile(t.dir, quarantine.NoteFile, maxNote); err == nil && json.Valid(note) {
		d.Arrival = note
	}
	if d.Missing, err = quarantine.ReadMissing(t.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := d.decisions(c, store); err != nil {
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

// decisions fills in what people decided and, of a held transfer, what it waits for.
func (d *details) decisions(c *config, store *quarantine.Store) error {
	if d.State != quarantine.Held && d.State != quarantine.Checking && !d.State.Final() {
		return nil
	}
	gate, err := c.viewer(store)
	if err != nil {
		return err
	}
	w, err := gate.Waits(d.id)
	if errors.Is(err, release.ErrChannel) {
		return nil
	}
	if err != nil {
		return err
	}
	if d.State == quarantine.Held {
		d.Waits = w.For
	}
	for _, g := range w.Decisions {
		one := decided{Person: g.Person, Action: g.Action, When: g.When, Reason: g.Reason}
		if g.Against != nil {
			one.Against = g.Against.Error()
		}
		d.Decisions = append(d.Decisions, one)
	}
	return nil
}
