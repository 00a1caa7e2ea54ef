package console

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"pawl/hw/web"
	"pawl/sender"
)

// details is one transfer.
type details struct {
	daemonState
	ID        string     `json:"id"`
	There     bool       `json:"there"` // pawl-send has it; otherwise only the audit log tells of it
	Now       *waiting   `json:"now"`   // where it is; null where pawl-send does not have it, or does not answer
	Final     bool       `json:"final"` // nothing more happens to it
	Name      web.Words  `json:"name"`
	Entries   uint64     `json:"content_entries"` // files and folders
	Files     uint64     `json:"content_files"`
	Claimed   *time.Time `json:"claimed"`
	Ended     *time.Time `json:"ended"`
	Confirmed *time.Time `json:"confirmed"` // when a person brought its receipt code; null: nobody did
	Proof     string     `json:"proof"`     // SHA-256 of the proof's body, once it was sent: the same as on the high side
	Path      web.Words  `json:"path"`      // the file at fault
	Reason    web.Words  `json:"reason"`    // it was given up
	Cancel    web.Words  `json:"cancel"`    // why it is to be given up
	Source    web.Words  `json:"source"`    // where a submitted one is read
	Folder    web.Words  `json:"folder"`    // where it lies
	Log       bool       `json:"audit"`     // a log is kept
	LogFault  web.Words  `json:"audit_fault"`
	LogWhole  bool       `json:"audit_whole"` // all its entries are below; otherwise the log was not looked through to its claim
	History   []entry    `json:"history"`     // its entries, newest first
}

// idText is what an id looks like.
var idText = regexp.MustCompile(`^[1-9][0-9]{0,4}-[0-9a-f]{16}$`)

func (c *Console) transfer(r *http.Request) (any, error) {
	id := r.PathValue("id")
	if !idText.MatchString(id) {
		return nil, errNoTransfer
	}
	v := c.link.view()
	d := &details{daemonState: c.state(&v), ID: id, Log: c.Audit != nil, History: []entry{}}
	var refusal error // which is that there is none, or says why that is not known
	if v.running() {
		switch said, err := c.daemon.show(r.Context(), id); {
		case err == nil:
			d.fill(said, v.rates[id])
		case errors.Is(err, sender.ErrDaemon):
			refusal = err
		default:
			d.lost(err)
		}
	}
	if d.Log {
		d.readLog(c, r)
	}
	if refusal != nil && len(d.History) == 0 {
		return nil, fmt.Errorf("%w: %w", errNoTransfer, refusal)
	}
	if d.Name.None() && len(d.History) > 0 {
		d.Name = d.History[len(d.History)-1].Name
	}
	return d, nil
}

// readLog looks for the entries about it.
func (d *details) readLog(c *Console, r *http.Request) {
	view, done, err := c.openLog(r.Context())
	if err == nil {
		defer done()
		d.History, d.LogWhole, err = about(view, d.ID)
	}
	if err != nil {
		d.LogFault = web.Say(err.Error(), shownText)
	}
}

// fill enters what pawl-send says.
func (d *details) fill(s *sender.Details, rate float64) {
	now := waitingOf(&s.Entry, rate)
	d.There, d.Now, d.Final = true, &now, s.State.Final()
	d.Name, d.Entries, d.Files, d.Claimed, d.Ended = web.Say(s.Name, shownText), s.Entries, s.Files, known(s.Claimed), known(s.Ended)
	d.Proof, d.Path, d.Reason, d.Cancel = s.Proof, web.Say(s.Path, shownText), web.Say(s.Error, shownText), web.Say(s.Cancel, shownText)
	d.Source, d.Folder = web.Say(s.Source, shownText), web.Say(s.Folder, shownText)
	if s.Confirmed != nil {
		d.Confirmed = known(*s.Confirmed)
	}
}
