package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pawl/framing"
	"pawl/framing/lowlog"
	"pawl/framing/merkle"
	"pawl/hw/web"
)

// Bounds of the history; those of a search are in search.go.
const (
	historyEach = 50  // entries on a page
	maxQuery    = 200 // octets of a search
	maxSay      = 400 // characters of one field of an entry
)

// events are what a search may be for: those of a transfer, and the other kinds of entries.
var events = []string{
	string(lowlog.Claimed), string(lowlog.Sent), string(lowlog.Aborted), string(lowlog.Refused), string(lowlog.Cancelled), string(lowlog.Confirmed),
	"repair", "start", "stop", "missed",
}

// historyPage is one page of the audit log, or of what a search found.
type historyPage struct {
	Log     bool      `json:"audit"` // one is kept
	Fault   web.Words `json:"fault"` // why it can't be read
	Origin  string    `json:"origin"`
	Size    int64     `json:"size"` // entries
	Root    string    `json:"root"`
	Query   string    `json:"q"` // what does not print is spelled as in Go
	Event   string    `json:"event"`
	Events  []string  `json:"events"`  // what event may be
	Entries []entry   `json:"entries"` // newest first
	paging
	Looked int64  `json:"looked"`      // entries that a search looked through for this page
	Before *int64 `json:"next_before"` // where the search goes on; null: it has looked through all
}

// entry is one of the log. Its text may be of those who dropped the files.
type entry struct {
	Index    int64     `json:"index"`
	When     time.Time `json:"when"`
	Event    string    `json:"event"`
	Transfer string    `json:"transfer,omitempty"`
	Name     web.Words `json:"name"`
	Bytes    uint64    `json:"bytes"`
	Files    uint64    `json:"files"`
	Proof    string    `json:"proof,omitempty"`  // of what was sent: SHA-256 of the proof's body
	Config   string    `json:"config,omitempty"` // of a start: SHA-256 of the configuration
	Says     []said    `json:"says"`             // the rest of it
}

type said struct {
	Key   string    `json:"key"`
	Value web.Words `json:"value"`
}

func (c *Console) history(r *http.Request) (any, error) {
	query := r.URL.Query()
	p := historyPage{Log: c.Audit != nil, Event: query.Get("event"), Events: events, Entries: []entry{}, paging: paging{1, 1}}
	p.Query = framing.Printable(strings.TrimSpace(query.Get("q")), maxQuery) // which is found as what it spells
	page, err := pageOf(r)
	switch {
	case err != nil:
		return nil, err
	case len(query.Get("q")) > maxQuery:
		return nil, badRequest{fmt.Errorf("a search has at most %d bytes", maxQuery)}
	case p.Event != "" && !slices.Contains(events, p.Event):
		return nil, badRequest{fmt.Errorf("%.40q is no event: %s", p.Event, strings.Join(events, ", "))}
	}
	before, err := beforeOf(query.Get("before"))
	if err != nil || !p.Log {
		return p, err
	}
	view, done, err := c.openLog(r.Context())
	if err != nil {
		p.Fault = web.Say(err.Error(), shownText)
		return p, nil
	}
	defer done()
	at := view.Checkpoint()
	p.Origin, p.Size, p.Root = at.Origin, at.Size, at.Root.String()
	if p.Query == "" && p.Event == "" {
		p.paging = pages(page, int(min(at.Size, maxPage)), historyEach)
		err = p.read(view, max(0, at.Size-int64(page)*historyEach), at.Size-int64(page-1)*historyEach)
	} else {
		err = p.search(view, min(before, at.Size))
	}
	if err != nil {
		p.Fault = web.Say(err.Error(), shownText)
	}
	return p, nil
}

// openLog opens the audit log for one who reads in it at a time: a search costs tens of milliseconds, and the machine has to send. done lets the next one.
func (c *Console) openLog(ctx context.Context) (view *merkle.View, done func(), err error) {
	select {
	case c.reading <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	done = func() { <-c.reading }
	if view, err = c.Audit(); err != nil {
		done()
		return nil, nil, err
	}
	return view, done, nil
}

// beforeOf reads where a search goes on; without a word at the newest entry.
func beforeOf(text string) (int64, error) {
	if text == "" {
		return 1<<63 - 1, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, badRequest{fmt.Errorf("%.20q is no number of an entry", text)}
	}
	return n, nil
}

// read reads the entries from the first to before the end.
func (p *historyPage) read(view *merkle.View, first, end int64) error {
	if first >= end {
		return nil
	}
	err := view.Entries(first, func(index int64, data []byte) bool {
		p.Entries = append(p.Entries, describe(index, data))
		return index+1 < end
	})
	slices.Reverse(p.Entries)
	return err
}

// describe lays an entry out. One that is none is shown as such: pawl-audit verify-log says more.
func describe(index int64, data []byte) entry {
	e, err := lowlog.Parse(data)
	if err != nil {
		return entry{Index: index, Event: "unreadable", Says: []said{{"error", web.Say(err.Error(), maxSay)}}}
	}
	return lay(index, e)
}

// lay lays a parsed entry out, field by field.
func lay(index int64, e *lowlog.Entry) entry {
	body := e.Body()
	out := entry{Index: index, When: e.When, Event: eventOf(body), Transfer: body.About(), Says: []said{}}
	switch b := body.(type) {
	case *lowlog.Transfer:
		out.Name, out.Bytes, out.Files, out.Proof = web.Say(b.Name, shownName), b.Bytes, b.Files, b.Proof
		body = &lowlog.Transfer{Path: b.Path, Reason: b.Reason}
	case *lowlog.Start:
		out.Config = b.Config
		body = &lowlog.Start{Version: b.Version}
	}
	fields := map[string]any{}
	text, err := json.Marshal(body)
	if err = cmp.Or(err, json.Unmarshal(text, &fields)); err != nil {
		return out // plain data
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		value := fmt.Sprint(fields[key])
		if key == "id" || value == "" || value == "0" {
			continue
		}
		if n, ok := fields[key].(float64); ok {
			value = strconv.FormatFloat(n, 'f', -1, 64)
		}
		out.Says = append(out.Says, said{key, web.Say(value, maxSay)})
	}
	return out
}

// Link is this page with another event, entry to go on before, or page.
func (p historyPage) Link(event string, page int) string {
	return link("/history", page, "q", p.Query, "event", event)
}

// Further is where the search goes on.
func (p historyPage) Further() string {
	return link("/history", 1, "q", p.Query, "event", p.Event, "before", strconv.FormatInt(*p.Before, 10))
}

// From is the entry before which a search goes on.
func (p historyPage) From() int64 { return *p.Before }

// Searches says whether this is what a search found.
func (p historyPage) Searches() bool { return p.Query != "" || p.Event != "" }
