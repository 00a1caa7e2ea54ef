package console

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"pawl/framing/merkle"
	"pawl/hw/web"
	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/people"
)

// Bounds of ledger and log.
const (
	auditEach   = 50   // entries on a page
	ledgerLook  = 5000 // newest entries that are looked through for daily ledgers
	ledgerDays  = 31
	maxAuditSay = 400 // characters of one field of an entry
)

// ledgerPage is the byte ledger.
type ledgerPage struct {
	Known    bool             `json:"known"`
	Since    time.Time        `json:"since"` // start of pawl-receive
	At       time.Time        `json:"at"`
	Columns  []column         `json:"columns"` // each byte is in exactly one
	Received quarantine.Count `json:"received"`
	Off      int64            `json:"off_bytes"` // received and in no column; 0 in a balanced ledger
	Days     []audit.Ledger   `json:"days"`      // from the audit log, newest first
	Log      bool             `json:"audit"`     // there is one
	Fault    web.Words        `json:"fault"`     // why it can't be read
}

type column struct {
	Name     string `json:"name"`
	Rejected bool   `json:"rejected"` // the name is the reason
	quarantine.Count
}

func (c *Console) ledger(*request) (any, error) {
	p := ledgerPage{Columns: []column{}, Days: []audit.Ledger{}, Log: c.Audit != nil}
	if now := c.link.view(1); now.last != nil {
		l := &now.last.Ledger
		p.Known, p.Since, p.At, p.Received = true, now.last.Started, now.last.Time, l.Received
		p.Columns = append(p.Columns, column{"delivered", false, l.Delivered}, column{"repair", false, l.Repair}, column{"duplicate", false, l.Duplicate},
			column{"control", false, l.Control})
		for _, reason := range slices.Sorted(maps.Keys(l.Rejected)) {
			p.Columns = append(p.Columns, column{web.Say(reason, 40).Text(), true, l.Rejected[reason]})
		}
		p.Off = int64(l.Received.Bytes)
		for _, col := range p.Columns {
			p.Off -= int64(col.Bytes)
		}
	}
	if c.Audit == nil {
		return p, nil
	}
	view, err := c.Audit()
	if err == nil {
		size := view.Checkpoint().Size
		err = view.Entries(max(0, size-ledgerLook), func(_ int64, data []byte) bool {
			if e, bad := audit.ParseEntry(data); bad == nil && e.Ledger != nil {
				p.Days = append(p.Days, *e.Ledger)
			}
			return true
		})
	}
	if err != nil {
		p.Fault = web.Say(err.Error(), shownText)
	}
	slices.Reverse(p.Days)
	p.Days = p.Days[:min(len(p.Days), ledgerDays)]
	return p, nil
}

// RejectedBytes is what a day's ledger has under all reasons.
func (ledgerPage) RejectedBytes(l audit.Ledger) (sum uint64) {
	for _, n := range l.Rejected {
		sum += n
	}
	return sum
}

// auditPage is one page of the audit log.
type auditPage struct {
	Log     bool    `json:"audit"` // there is one
	Origin  string  `json:"origin"`
	Size    int64   `json:"size"` // entries
	Root    string  `json:"root"`
	Page    int     `json:"page"`
	Pages   int     `json:"pages"`
	Entries []entry `json:"entries"` // newest first
}

// entry is one of the log, as it was entered: its text may be the low side's.
type entry struct {
	Index    int64     `json:"index"`
	When     time.Time `json:"when"`
	By       web.Words `json:"by"`
	Kind     string    `json:"kind"`
	Transfer string    `json:"transfer,omitempty"`
	Says     []said    `json:"says"`
}

type said struct {
	Key   string    `json:"key"`
	Value web.Words `json:"value"`
}

// Prev and Next are the neighbouring pages; 0 where there is none.
func (p auditPage) Prev() int { return prev(p.Page) }

// Next is the page after this.
func (p auditPage) Next() int { return next(p.Page, p.Pages) }

func (c *Console) auditLog(q *request) (any, error) {
	p := auditPage{Log: c.Audit != nil, Entries: []entry{}, Pages: 1}
	var err error
	if p.Page, err = pageOf(q.field("page")); err != nil || !p.Log {
		return p, err
	}
	view, err := c.Audit()
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	at := view.Checkpoint()
	p.Origin, p.Size, p.Root = at.Origin, at.Size, at.Root.String()
	p.Pages = pagesOf(int(min(at.Size, maxPage)), auditEach)
	if p.Page > p.Pages {
		return p, nil
	}
	end := at.Size - int64(p.Page-1)*auditEach
	return p, p.read(view, max(0, end-auditEach), end)
}

// read reads the entries from the first to before the end.
func (p *auditPage) read(view *merkle.View, first, end int64) error {
	if first >= end {
		return nil
	}
	err := view.Entries(first, func(index int64, data []byte) bool {
		p.Entries = append(p.Entries, describeEntry(index, data))
		return index+1 < end
	})
	slices.Reverse(p.Entries)
	return err
}

// describeEntry lays an entry out, field by field. One that is none is shown as such: pawl-audit verify-log says more.
func describeEntry(index int64, data []byte) entry {
	out := entry{Index: index, Kind: "unreadable", Says: []said{}}
	e, err := audit.ParseEntry(data)
	if err != nil {
		out.Says = append(out.Says, said{"error", web.Say(err.Error(), maxAuditSay)})
		return out
	}
	body := e.Body()
	out.When, out.By, out.Kind, out.Transfer = e.When, web.Say(e.By, shownName), body.Kind(), body.About()
	fields := map[string]json.RawMessage{}
	text, err := json.Marshal(body)
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	if err != nil {
		return out // plain data
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		value := string(fields[key])
		var plain string
		if json.Unmarshal(fields[key], &plain) == nil {
			value = plain
		}
		if key != "transfer" {
			out.Says = append(out.Says, said{key, web.Say(value, maxAuditSay)})
		}
	}
	return out
}

// sessionPage is who is logged in.
type sessionPage struct {
	Person      string        `json:"person"`
	Fingerprint string        `json:"fingerprint"` // of the person's public key
	Roles       []people.Role `json:"roles"`
	Channels    []string      `json:"channels"`   // empty: all
	Looks       bool          `json:"looks_only"` // by certificate, or the audit log could not be written at the log-in
	Mute        string        `json:"looks_only_because,omitempty"`
	CSRF        string        `json:"csrf"`
	Begun       time.Time     `json:"begun"`
	Ends        time.Time     `json:"ends"`   // at the latest
	Idle        float64       `json:"idle_s"` // without a request it ends after so long
}

func (c *Console) showSession(q *request) (any, error) { return c.describeSession(q.s), nil }

func (c *Console) describeSession(s *session) sessionPage {
	return sessionPage{s.person.Name(), s.person.Key.Fingerprint(), s.person.Roles, append([]string{}, s.person.Channels...), s.looks, s.mute(), s.csrf, s.begun,
		s.begun.Add(c.Limit), c.Idle.Seconds()}
}
