package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
)

// NewsFile is where a daemon says how it stands, in the quarantine folder, for the commands that show it.
const NewsFile = "releasing.json"

const (
	// newsEvery is how often it is written when nothing changes, newsSoon how soon after a change.
	newsEvery = 10 * time.Second
	newsSoon  = time.Second
	// rulesEvery is how often the files that decide are read for the news.
	rulesEvery = 3 * time.Second
	// Stale is the age from which news is no longer that of a running daemon.
	Stale = time.Minute
)

// News is what a daemon says of itself. It lies where pawl-receive may write too: it is for people, and nothing is decided by it.
type News struct {
	Time    time.Time `json:"time"`
	Started time.Time `json:"started"`
	Version string    `json:"version"`
	Status
	Log   *Trouble `json:"log,omitempty"`   // the audit log can't be written
	Rules string   `json:"rules,omitempty"` // the files of people or policies are not those that the daemon goes by: nothing is released
}

// Trouble is a reason that lasts.
type Trouble struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"` // escaped
}

// ErrNoNews says that no daemon has run with a quarantine.
var ErrNoNews = errors.New("pawl-release run has not run with this quarantine")

// ReadNews reads what the daemon of a quarantine last said. The error wraps [ErrNoNews] where none has.
func ReadNews(root string) (*News, error) {
	data, err := quarantine.ReadFile(root, NewsFile, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNoNews, err)
	}
	if err != nil {
		return nil, err
	}
	n := new(News)
	if err := json.Unmarshal(data, n); err != nil {
		return nil, fmt.Errorf("read %s: %w", NewsFile, err)
	}
	return n, nil
}

// Find finds a transfer that can't be moved on; nil when it can, or is beyond the first hundred.
func (n *News) Find(id string) *Failing {
	for i := range n.Failing {
		if n.Failing[i].Transfer == id {
			return &n.Failing[i]
		}
	}
	return nil
}

// Warnings are what somebody should look at, in lines for people.
func (n *News) Warnings() (all []string) {
	if n.Log != nil {
		all = append(all, fmt.Sprintf("the audit log can't be written since %s, and nothing is released: %s", clockOf(n.Log.Since), framing.Printable(n.Log.Reason, shownReason)))
	}
	if n.Rules != "" {
		all = append(all, "nothing is released: "+framing.Printable(n.Rules, shownReason))
	}
	for _, f := range n.Failing {
		all = append(all, fmt.Sprintf("%s of channel %s can't be moved on since %s (%d tries, the next at %s): %s", framing.Printable(f.Transfer, 40),
			framing.Printable(f.Channel, 40), clockOf(f.Since), f.Tries, clockOf(f.Next), framing.Printable(f.Reason, shownReason)))
	}
	if more := n.Fails - len(n.Failing); more > 0 {
		all = append(all, fmt.Sprintf("%d more can't be moved on", more))
	}
	return all
}

func clockOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// News says how the daemon stands.
func (d *Daemon) News(now time.Time) *News {
	return &News{Time: now.UTC(), Started: d.started.UTC(), Status: d.Status(), Log: d.gate.book.trouble(), Rules: d.rules.ask(d.gate.guard, now)}
}

// rules remembers for a while what was said of the files that decide: reading them all is not to be done every second.
type rules struct {
	mu   sync.Mutex
	at   time.Time
	said string
}

func (r *rules) ask(guard func() error, now time.Time) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := now.Sub(r.at); age >= 0 && age < rulesEvery {
		return r.said
	}
	r.at, r.said = now, ""
	if err := guard(); err != nil {
		r.said = framing.Printable(err.Error(), shownReason)
	}
	return r.said
}

// Tell writes the news into the quarantine folder root until ctx ends: soon after each change, and every ten seconds so that it is seen to be alive.
func (d *Daemon) Tell(ctx context.Context, root, version string) error {
	look := time.NewTicker(newsSoon)
	defer look.Stop()
	var last *News
	failing := false
	for {
		n := d.News(time.Now())
		n.Version = version
		if last == nil || n.Time.Sub(last.Time) >= newsEvery || n.differs(last) {
			err := writeJSON(root, NewsFile, n)
			if err != nil && !failing {
				d.gate.log.Error("what is said to status can't be written: trying again", zap.Error(err))
			}
			last, failing = n, err != nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// differs says whether there is something new to warn of, or not any more.
func (n *News) differs(last *News) bool {
	return !slices.Equal(n.Warnings(), last.Warnings())
}

// minded is an audit log of which is known whether it can be written.
type minded struct {
	Recorder
	mu  sync.Mutex
	bad *Trouble
}

// Append notes how it went. An entry that is refused for what it says is no trouble of the log.
func (m *minded) Append(by string, body audit.Body) (audit.Receipt, error) {
	r, err := m.Recorder.Append(by, body)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.bad = nil
	case errors.Is(err, audit.ErrEntry):
	case m.bad == nil:
		m.bad = &Trouble{time.Now().UTC(), framing.Printable(err.Error(), shownReason)}
	default:
		m.bad = &Trouble{m.bad.Since, framing.Printable(err.Error(), shownReason)}
	}
	return r, err
}

func (m *minded) trouble() *Trouble {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bad
}
