// Package console is the web pages and the local API through which people see the high side and decide about transfers.
//
//	listen ─ limits, headers ─ session (password unlocks the person's key, or a certificate) ─ role ─┬─ model ─ page (html/template)
//	  loopback, unix socket or TLS                                                                └─ model ─ JSON  (/api/v1)
//	situation ─ sampler ─ rings ─ charts          folders ─ index ─ list, search          decide: sign ─ Gate.Decide
//	log-in, log-out, refusal ─ visits ─ audit log
//
// A page and its twin in the API are one [route]: the same model, the same roles (routes.go). Nothing is fetched from elsewhere, no
// script is needed, and what the low side wrote is of a type of its own, [web.Words], that can't be printed unmarked. The console keeps
// no state on disk: who decides signs with a key that lives in the session's memory only, and the gate weighs the signature as if it
// had come from the command line. docs/console.md is for those who use it, docs/console-api.md is made from the routes.
package console

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"pawl/framing/merkle"
	"pawl/framing/person"
	"pawl/hw/web"
	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
	"pawl/receiver/release/people"
)

// Gate is what decides; a [release.Gate].
type Gate interface {
	Draft(id quarantine.ID, action person.Action, reason string, shown []string) (person.Decision, error)
	Decide(id quarantine.ID, s person.Signed) error
	Waits(id quarantine.ID) (release.Waits, error)
	Recheck(ctx context.Context, id quarantine.ID) (quarantine.State, error)
}

// Channel is a channel as people know it.
type Channel struct {
	ID   uint16
	Name string
	Need int      // how many people must approve
	Show []string // what an approver must have been shown: some of "files", "verdicts", "history" and "arrival"
}

// What the console puts before an approver, in the words that a channel's configuration may ask for: all files of the plan
// (every page of them, in the session), what the checks said, the history, and how it arrived.
const (
	shownFiles    = "files"
	shownVerdicts = "verdicts"
	shownHistory  = "history" // its last lines
	shownArrival  = "arrival" // what pawl-receive noted
)

// Carried is a text that a person carries from the high side to the low side. Giving it out is recorded by who gives it.
type Carried struct {
	Text  string `json:"text"`
	About string `json:"about"` // what it asks for or proves
	Part  int    `json:"part"`  // which ticket, from 1
	Parts int    `json:"parts"`
	Bits  int    `json:"bits"` // that go from high to low with it
}

// Config is what a console works with. Zero durations mean the defaults.
type Config struct {
	Root     string // quarantine folder
	Store    *quarantine.Store
	Gate     Gate
	People   *people.Registry
	Keys     string // folder of the people's locked keys, NAME.key
	Channels []Channel
	// Certificates maps the SHA-256 of a client's certificate (DER) to the person who may look with it.
	Certificates map[[32]byte]string
	Secure       bool          // pages come by TLS: cookies say so
	Idle         time.Duration // without a request a session ends; default 15 min
	Limit        time.Duration // a session ends; default 8 h
	Rescan       time.Duration // how often all folders are listed; default 30 s

	// Audit opens the audit log as it is now; nil: there is none.
	Audit func() (*merkle.View, error)
	// Enter makes an entry in the audit log in a person's name, or for "" in the program's; nil: who comes and goes is entered nowhere.
	Enter func(who string, body audit.Body) error
	// Evidence writes the evidence of a transfer, a zip; nil without an audit log.
	Evidence func(w io.Writer, id quarantine.ID) error
	// Ticket gives a repair ticket of an incomplete transfer to a person and records that.
	Ticket func(who string, id quarantine.ID, part int) (Carried, error)
	// Receipt gives the receipt code of a verified transfer to a person and records that.
	Receipt func(who string, id quarantine.ID) (Carried, error)
	// Decided is called after a decision: something may be ready to be released.
	Decided func()

	Version string
	Log     *zap.Logger
	Now     func() time.Time // default time.Now
}

// Defaults of Config.
const (
	DefaultIdle   = 15 * time.Minute
	DefaultLimit  = 8 * time.Hour
	defaultRescan = 30 * time.Second
)

// Console is the pages. Make it with [New], serve its Handler while Run runs.
type Console struct {
	Config
	sessions *sessions
	visits   *visits
	door     *door
	marks    marks
	index    *index
	link     *sampler
	days     days
	packs    turns // evidence
	bell     *web.Bell
	pages    *web.Pages
	handler  http.Handler
}

// New makes a console. Nothing is read before Run.
func New(c Config) (*Console, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	for value, usual := range map[*time.Duration]time.Duration{&c.Idle: DefaultIdle, &c.Limit: DefaultLimit, &c.Rescan: defaultRescan} {
		if *value == 0 {
			*value = usual
		}
	}
	door, err := newDoor(c.Keys, c.People, c.Now)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	pages, err := parsePages()
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	bell := web.NewBell()
	con := &Console{
		Config: c, sessions: newSessions(c.Idle, c.Limit, c.Now), door: door, marks: newMarks(), packs: newTurns(evidenceMade, evidenceWaits), bell: bell, pages: pages,
		index: newIndex(c.Store, c.label, func() { bell.Ring(topicTransfers) }),
	}
	con.visits = newVisits(&con.Config)
	con.sessions.gone = con.visits.left
	con.link = newSampler(c.Root, c.Now, func() {
		if last := con.link.view(0).last; last != nil {
			con.index.awaited(last.Transfers)
		}
		bell.Ring(topicLink)
	})
	con.handler = web.Guard(c.Secure, con.mux())
	return con, nil
}

// Handler serves the pages.
func (c *Console) Handler() http.Handler { return c.handler }

// Run keeps index, charts and sessions up to date until ctx ends, which is no error. All sessions are ended then, their keys wiped, and that entered.
func (c *Console) Run(ctx context.Context) error {
	defer c.visits.flush(true)
	defer c.sessions.endAll()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.index.run(ctx, c.Rescan) })
	group.Go(func() error { return c.link.run(ctx) })
	group.Go(func() error { return c.sessions.run(ctx) })
	group.Go(func() error { return c.visits.run(ctx) })
	return group.Wait()
}

// channel gives a channel; one that is not configured has its number for a name, and nobody may decide about it.
func (c *Console) channel(id uint16) (Channel, bool) {
	for _, ch := range c.Channels {
		if ch.ID == id {
			return ch, true
		}
	}
	return Channel{ID: id, Name: fmt.Sprintf("(%d)", id)}, false
}

func (c *Config) label(id uint16) string {
	for _, ch := range c.Channels {
		if ch.ID == id {
			return ch.Name
		}
	}
	return fmt.Sprintf("(%d)", id)
}
