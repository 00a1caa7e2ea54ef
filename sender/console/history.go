package console

import (
	"bytes"
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

// Bounds of the history.
const (
	historyEach = 50      // entries on a page
	lookThrough = 100_000 // entries that one search looks through; it goes on where it ended with the next page
	bundle      = 256     // entries that are read at a time
	maxQuery    = 200     // octets of a search
	maxSay      = 400     // characters of one field of an entry
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

// search looks backwards from an entry for what fits, until a page is full or enough was looked through.
func (p *historyPage) search(view *merkle.View, before int64) error {
	fits := matcher(p.Query, p.Event)
	looked, err := backwards(view, before, lookThrough, func(index int64, data []byte) bool {
		if e, ok := fits(index, data); ok {
			p.Entries = append(p.Entries, e)
		}
		return len(p.Entries) < historyEach
	})
	p.Looked = looked
	if next := before - looked; err == nil && next > 0 {
		p.Before = &next
	}
	return err
}

// backwards gives entries from before one on, the newest first, until yield says no or so many were given. It says how many were.
func backwards(view *merkle.View, before, most int64, yield func(int64, []byte) bool) (given int64, err error) {
	type one struct {
		index int64
		data  []byte
	}
	for before > 0 && given < most {
		var some []one
		err := view.Entries((before-1)/bundle*bundle, func(index int64, data []byte) bool {
			some = append(some, one{index, data})
			return index+1 < before
		})
		if err != nil {
			return given, err
		}
		for _, o := range slices.Backward(some) {
			given++
			if !yield(o.index, o.data) || given == most {
				return given, nil
			}
		}
		before = some[0].index
	}
	return given, nil
}

// needle is a text that is looked for, in lower case, and how it stands in an entry.
type needle struct {
	text string
	raw  []byte
}

// needles are what a search may mean: the text as it stands, and, as pages show what does not print as it is spelled in Go, what that spelling means.
func needles(query string) (all []needle) {
	texts := []string{query}
	if plain, err := strconv.Unquote(`"` + strings.ReplaceAll(query, `"`, `\"`) + `"`); err == nil && plain != query {
		texts = append(texts, plain)
	}
	for _, text := range texts {
		text = strings.ToLower(text)
		if raw, err := merkle.AppendJSON(nil, text); err == nil { // no entry has what JSON can't
			all = append(all, needle{text, bytes.ToLower(raw[1 : len(raw)-1])})
		}
	}
	return all
}

// matcher says of an entry whether it has the text, in any case, and is the event. Most are told by their octets and not parsed.
func matcher(query, event string) func(int64, []byte) (entry, bool) {
	wanted := needles(query)
	return func(index int64, data []byte) (entry, bool) {
		lower := bytes.ToLower(data)
		i := slices.IndexFunc(wanted, func(n needle) bool { return bytes.Contains(lower, n.raw) })
		if i < 0 || event != "" && !bytes.Contains(data, []byte(event)) {
			return entry{}, false
		}
		e, err := lowlog.Parse(data)
		if err != nil {
			return entry{}, false
		}
		body := e.Body()
		in := findIn(body)
		if event != "" && eventOf(body) != event || !slices.ContainsFunc(wanted, func(n needle) bool { return strings.Contains(in, n.text) }) {
			return entry{}, false
		}
		return lay(index, e), true
	}
}

// eventOf is the word for what an entry says.
func eventOf(body lowlog.Body) string {
	if t, ok := body.(*lowlog.Transfer); ok {
		return string(t.Event)
	}
	return body.Kind()
}

// findIn is what a search looks in, in lower case.
func findIn(body lowlog.Body) string {
	text := body.About()
	switch b := body.(type) {
	case *lowlog.Transfer:
		text = strings.Join([]string{text, b.Name, b.Path, b.Reason}, "\n")
	case *lowlog.Stop:
		text = b.Reason
	case *lowlog.Start:
		text = b.Version + "\n" + b.Config
	}
	return strings.ToLower(text)
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

// about gives the entries about a transfer, the newest first, from its claim on; whole says that none can be missing.
func about(view *merkle.View, id string) (all []entry, whole bool, err error) {
	all = []entry{}
	size := view.Checkpoint().Size
	looked, err := backwards(view, size, lookThrough, func(index int64, data []byte) bool {
		if !bytes.Contains(data, []byte(id)) {
			return true
		}
		e, err := lowlog.Parse(data)
		if err != nil || e.Body().About() != id {
			return true
		}
		all = append(all, lay(index, e))
		whole = e.Transfer != nil && e.Transfer.Event == lowlog.Claimed // the first of them
		return !whole && len(all) < historyEach
	})
	return all, whole || looked == size, err
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
