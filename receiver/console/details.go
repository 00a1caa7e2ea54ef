package console

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"time"

	"pawl/framing/person"
	"pawl/hw/web"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
)

// Bounds of a transfer's page.
const (
	filesPage   = 500 // files on a page
	maxHistory  = 100 // last lines of the history
	maxFindings = 200
	maxRuns     = 50 // runs of missing blocks
)

// details is one transfer. Names, sizes and times are the sender's words: proved only once it has passed.
type details struct {
	listed
	Created *time.Time `json:"created,omitempty"` // the low side's clock
	Entries uint64     `json:"entries"`           // files and folders
	Aborted bool       `json:"aborted"`
	Refused *web.Words `json:"rejected_because,omitempty"` // as the history has it
	Proof   string     `json:"proof,omitempty"`            // SHA-256 of the proof's body: what is decided about
	Digest  string     `json:"verdicts_sha256,omitempty"`  // SHA-256 of the verdicts: likewise
	Checked *time.Time `json:"checked,omitempty"`
	Passed  bool       `json:"passed"`
	Policy  string     `json:"policy,omitempty"` // SHA-256 of the policy that was asked
	Verdict *finding   `json:"verdict,omitempty"`
	Checks  []finding  `json:"checks"`
	Waits   *waits     `json:"waits,omitempty"` // held: for what
	Missing []lack     `json:"missing"`
	Arrival []said     `json:"arrival"` // what pawl-receive noted
	History []happened `json:"history"` // the last hundred lines
	Plan    []file     `json:"plan"`    // one page of what is in it
	Page    int        `json:"files_page"`
	Pages   int        `json:"files_pages"`
	May     may        `json:"may"`
	Mute    string     `json:"you_can_only_look,omitempty"` // why, of a held transfer that the roles would allow to decide about
	Seen    []string   `json:"shown"`                       // what was put before the person in this session, of what an approver must see
	Unseen  []string   `json:"not_shown"`
	Arrives *arriving  `json:"arrives,omitempty"`
	channel Channel
	plan    [32]byte      // names the plan whose files are shown
	id      quarantine.ID // what this is of
}

// finding is what one check said.
type finding struct {
	Check   string    `json:"check"`
	OK      bool      `json:"ok"`
	Engine  web.Words `json:"engine"`
	Version web.Words `json:"version"`
	Files   uint64    `json:"files"` // that it was asked about
	Path    web.Words `json:"path"`
	Reason  web.Words `json:"reason"`
	SHA256  string    `json:"sha256,omitempty"`
}

// waits is what a held transfer waits for.
type waits struct {
	For       web.Words `json:"for"`   // of one that is stuck it may hold words of the low side
	Stuck     bool      `json:"stuck"` // a person must have it checked again
	Since     time.Time `json:"since"`
	Need      int       `json:"need"` // people who must approve
	Approved  int       `json:"approved"`
	Decisions []decided `json:"decisions"`
	beside    web.Words // approvals, what it waits for
}

// decided is a person's last decision.
type decided struct {
	Person  string        `json:"person"`
	Action  person.Action `json:"action"`
	When    time.Time     `json:"when"`
	Reason  web.Words     `json:"reason"` // the person's, where the decision counts; else anybody's who can write to the folder
	Against string        `json:"does_not_count_because"`
}

type lack struct {
	Object  string           `json:"object"`  // plan, content or proof
	Unknown bool             `json:"unknown"` // nothing of it arrived
	Missing uint32           `json:"missing"` // blocks
	Blocks  uint32           `json:"blocks"`
	Runs    []quarantine.Run `json:"runs"` // the first fifty
}

type happened struct {
	When   time.Time `json:"when"`
	Who    string    `json:"who"`  // a program or a person, both of this side
	From   string    `json:"from"` // a state, or ?
	To     string    `json:"to"`
	Reason web.Words `json:"reason"`
}

type file struct {
	Path    web.Words `json:"path"`
	Dir     bool      `json:"dir"`
	Exec    bool      `json:"exec"`
	Size    uint64    `json:"size"`
	ModTime time.Time `json:"mtime"`
}

// may is what the person can do with the transfer as it is.
type may struct {
	Approve  bool `json:"approve"`
	Revoke   bool `json:"revoke"`
	Reject   bool `json:"reject"`
	Recheck  bool `json:"recheck"`
	Ticket   bool `json:"ticket"`
	Receipt  bool `json:"receipt"`
	Evidence bool `json:"evidence"`
}

// Any says that there is something.
func (m may) Any() bool { return m != may{} }

// ToDecide leads to where it is done. The page is asked for anew when what a decision would be about is another than this page has forms for.
func (d *details) ToDecide() string {
	at, part := sha256.Sum256([]byte(string(d.State)+d.at())), "more-h"
	if d.May.Reject {
		part = "do-h"
	}
	return fmt.Sprintf("/transfers/%s?files=%d&at=%x#%s", d.ID, d.Page, at[:4], part)
}

// find gives a transfer that the person may see. One that they may not see is not there: its id tells nothing.
func (c *Console) find(q *request) (quarantine.ID, quarantine.State, error) {
	id, err := quarantine.ParseID(q.PathValue("id"))
	if err != nil {
		return id, "", err
	}
	if !q.s.may(c.label(id.Channel), anyone) {
		return id, "", fs.ErrNotExist
	}
	st, err := c.Store.Find(id)
	return id, st, err
}

func (c *Console) transfer(q *request) (any, error) {
	id, st, err := c.find(q)
	if err != nil {
		return nil, err
	}
	page, err := pageOf(q.field("files"))
	if err != nil {
		return nil, err
	}
	d, err := c.details(id, st)
	if err != nil {
		return nil, err
	}
	if err := d.readFiles(c.Store.Dir(st, id), page); err != nil {
		return nil, err
	}
	c.noteShown(q, d)
	d.list(q.s.saw(d))
	d.May = c.allowed(q.s, d)
	if st == quarantine.Held && q.s.may(d.channel.Name, deciders) {
		d.Mute = q.s.mute()
	}
	if st == quarantine.Incoming {
		d.Arrives = c.arrives(q.s, id)
	}
	return d, nil
}

// details reads what is known of a transfer but its files.
func (c *Console) details(id quarantine.ID, st quarantine.State) (*details, error) {
	dir := c.Store.Dir(st, id)
	channel, _ := c.channel(id.Channel)
	d := &details{listed: listed{ID: id.String(), State: st, Channel: channel.Name, Changed: changedAt(dir)}, channel: channel, id: id,
		Checks: []finding{}, Arrival: []said{}, Missing: []lack{}, History: []happened{}, Plan: []file{}, Page: 1, Pages: 1, Seen: []string{}, Unseen: []string{}}
	look, err := check.LookAt(dir)
	if err != nil {
		return nil, err
	}
	if p := look.Plan; p != nil {
		created := time.Unix(p.Created, 0).UTC()
		d.Name, d.Bytes, d.Entries, d.Created = web.Say(p.Name, shownText), p.Content, p.Entries, &created
	}
	if p := look.Proof; p != nil {
		d.Aborted, d.plan = p.Aborted, p.PlanDigest
		if !p.Aborted {
			d.listed.Files = p.Files
		}
	}
	if err := c.readAnswer(d, dir); err != nil {
		return nil, err
	}
	if st == quarantine.Held {
		c.readWaits(d)
	}
	if err := d.readMissing(dir); err != nil {
		return nil, err
	}
	d.readArrival(dir)
	events, err := c.Store.History(id, st)
	if err != nil && len(events) == 0 {
		return nil, err
	}
	for _, e := range events[max(0, len(events)-maxHistory):] {
		if st == quarantine.Rejected && e.To == quarantine.Rejected && e.Reason != "" {
			why := web.Say(e.Reason, shownText)
			d.Refused = &why
		}
		d.History = append(d.History, happened{e.When, web.Say(e.Who, shownName).Text(), stateOf(e.From), stateOf(e.To), web.Say(e.Reason, shownText)})
	}
	return d, nil
}

// PrevFiles and NextFiles are the neighbouring pages of the files.
func (d *details) PrevFiles() int { return d.Page - 1 }

// NextFiles is the page of the files after this.
func (d *details) NextFiles() int { return d.Page + 1 }

// objectOf is one of the three objects; pawl-receive wrote its name, so that it is asked for.
func objectOf(name string) string {
	if name == "plan" || name == "content" || name == "proof" {
		return name
	}
	return "?"
}

// stateOf is a state of a history's line; pawl-receive wrote some, so that it is asked for.
func stateOf(s quarantine.State) string {
	if s == "" || s.Valid() {
		return string(s)
	}
	return "?"
}
