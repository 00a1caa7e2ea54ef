package console

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pawl/framing/person"
	"pawl/hw/disk"
	"pawl/hw/web"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

// readAnswer reads what the checks said last, and the digests that a decision is about.
func (c *Console) readAnswer(d *details, dir string) error {
	answer, err := release.LastAnswer(dir)
	if err != nil {
		return err
	}
	if answer != nil {
		d.Checked, d.Passed, d.Policy = &answer.When, answer.Pass, web.Say(answer.Policy, 64).Text()
		found := answer.Checks
		if v := answer.Verdict; v != nil {
			d.Verdict = &finding{Check: web.Say(v.Check, 40).Text(), Engine: web.Say(v.Engine, shownName), Version: web.Say(v.Version, shownName), Path: web.Say(v.Path, shownText),
				Reason: web.Say(v.Reason, shownText), SHA256: web.Say(v.SHA256, 64).Text()}
			found = v.Findings
		}
		for _, f := range found[:min(len(found), maxFindings)] {
			d.Checks = append(d.Checks, finding{web.Say(f.Check, 40).Text(), f.OK, web.Say(f.Engine, shownName), web.Say(f.Version, shownName), f.Files, web.Say(f.Path, shownText),
				web.Say(f.Reason, shownText), web.Say(f.SHA256, 64).Text()})
		}
	}
	// Drafted by the gate, so that what is shown is what it will compare.
	draft, err := c.Gate.Draft(d.id, person.Approve, "", nil)
	if err != nil {
		return nil // there is no proof that can be read yet: nothing to decide about
	}
	d.Proof, d.Digest = hex.EncodeToString(draft.Body[:]), hex.EncodeToString(draft.Verdicts[:])
	return nil
}

// readWaits asks the gate what a held transfer waits for.
func (c *Console) readWaits(d *details) {
	w, err := c.Gate.Waits(d.id)
	if err != nil {
		d.Waits = &waits{For: web.Say(err.Error(), shownText), Decisions: []decided{}}
		return
	}
	d.Waits = &waits{For: web.Say(w.For, shownText), Stuck: w.Stuck, Since: w.Since, Need: w.Need, Decisions: []decided{}, beside: web.Say(w.Beside, shownText)}
	for _, g := range w.Decisions {
		one := decided{Person: g.Person, Action: g.Action, When: g.When, Reason: web.Say(g.Reason, shownText)}
		if g.Against != nil {
			one.Against = web.Say(g.Against.Error(), shownText).Text()
		} else if g.Action == person.Approve {
			d.Waits.Approved++
		}
		d.Waits.Decisions = append(d.Waits.Decisions, one)
	}
}

// maxNote bounds what is read of pawl-receive's note, in octets: its own are far below.
const maxNote = 16 << 10

// readArrival reads what pawl-receive noted.
func (d *details) readArrival(dir string) {
	f, err := disk.OpenRegular(filepath.Join(dir, quarantine.NoteFile))
	if err != nil {
		return
	}
	defer f.Close()
	fields := map[string]json.RawMessage{}
	if json.NewDecoder(io.LimitReader(f, maxNote)).Decode(&fields) != nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if len(d.Arrival) < 16 {
			d.Arrival = append(d.Arrival, said{web.Say(key, 40).Text(), web.Say(strings.Trim(string(fields[key]), "\""), maxAuditSay), false})
		}
	}
}

func (d *details) readMissing(dir string) error {
	m, err := quarantine.ReadMissing(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, o := range m.Objects[:min(len(m.Objects), 3)] {
		d.Missing = append(d.Missing, lack{objectOf(o.Object), o.Unknown, o.Missing, o.Blocks, o.Runs[:min(len(o.Runs), maxRuns)]})
	}
	return nil
}

// readFiles reads one page of the plan. A plan that can't be read is what the checks will say.
func (d *details) readFiles(dir string, page int) error {
	d.Page, d.Pages = page, pagesOf(int(min(d.Entries, maxPage)), filesPage)
	if page > d.Pages {
		return fs.ErrNotExist
	}
	if d.plan == [32]byte{} && d.Entries > 0 {
		// No proof yet: the plan is known by where and when it lies.
		if info, err := os.Lstat(filepath.Join(dir, quarantine.PlanFile)); err == nil {
			d.plan = sha256.Sum256([]byte(info.ModTime().String()))
		}
	}
	at := 0
	for e, err := range check.Entries(dir) {
		if err != nil || at >= page*filesPage {
			break
		}
		if at >= (page-1)*filesPage {
			d.Plan = append(d.Plan, file{web.Say(e.Path, shownText), e.Dir, e.Exec, e.Size, time.Unix(0, e.ModTime).UTC()})
		}
		at++
	}
	return nil
}

// noteShown keeps what this page puts before the person: one that a person asked for, not one that renews itself.
func (c *Console) noteShown(q *request, d *details) {
	if q.s.looks || q.Method != http.MethodGet || q.Header.Get(web.LiveHeader) != "" {
		return
	}
	words := []string{shownHistory, shownArrival}
	if d.Checked != nil {
		words = append(words, shownVerdicts)
	}
	q.s.show(d, d.Page, words...)
}

// list says what was shown and what was not.
func (d *details) list(shown map[string]bool) {
	d.Seen, d.Unseen = []string{}, []string{}
	for _, word := range []string{shownFiles, shownVerdicts, shownHistory, shownArrival} {
		if shown[word] {
			d.Seen = append(d.Seen, word)
		} else if slices.Contains(d.channel.Show, word) {
			d.Unseen = append(d.Unseen, word)
		}
	}
}

// at is what a decision would be about.
func (d *details) at() string { return d.Proof + " " + d.Digest }

// arrives is how far an incoming transfer is; nil when pawl-receive does not say.
func (c *Console) arrives(s *session, id quarantine.ID) *arriving {
	o := overview{}
	if now := c.link.view(1); now.last != nil {
		o.receiving(c, s, now)
	}
	for i := range o.Arriving {
		if o.Arriving[i].ID == id.String() {
			return &o.Arriving[i]
		}
	}
	return nil
}
