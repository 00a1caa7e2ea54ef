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
	auditEach   = 50  // entries on a page
	maxAuditSay = 400 // characters of one field of an entry
)

// ledgerPage is the byte ledger.
type ledgerPage struct {
	Known    bool      `json:"known"`
	Since    time.Time `json:"since"`   // start of pawl-receive
	At       time.Time `json:"at"`      // the moment of this account
	Watched  bool      `json:"watched"` // received is what the interfaces counted; else what pawl-receive was given
	Settled  bool      `json:"settled"` // nothing was on its way between the two
	Columns  []column  `json:"columns"` // each byte is in exactly one
	Received column    `json:"received"`
	Off      int64     `json:"off_bytes"` // received and in no column
	Balanced bool      `json:"balanced"`  // watched, settled, and nothing off
	Remarks  []string  `json:"remarks"`   // what is not known, and why
	Days     []day     `json:"days"`      // from the audit log, newest first
	More     bool      `json:"days_more"` // the log was not looked through to the 31st day yet: ask again
	Log      bool      `json:"audit"`     // there is one
	Fault    string    `json:"fault"`     // why it can't be read
}

type column struct {
	Name     string `json:"name"`
	Rejected bool   `json:"rejected"` // the name is the reason
	Dropped  bool   `json:"dropped"`  // what the interfaces took and pawl-receive was not given
	quarantine.Count
}

func (c *Console) ledger(*request) (any, error) {
	p := ledgerPage{Columns: []column{}, Remarks: []string{}, Days: []day{}, Log: c.Audit != nil}
	if now := c.link.view(1); now.last != nil {
		p.account(now.last)
	}
	if c.Audit == nil {
		return p, nil
	}
	view, err := c.Audit()
	if err == nil {
		p.Days, p.More, err = c.days.look(view)
	}
	if err != nil {
		p.Fault = web.Say(err.Error(), shownText).Text()
	}
	return p, nil
}

// account lays out what pawl-receive was given, held against what the interfaces counted: its newest account that is settled. Its own columns alone would always
// fit, for it adds up what it sorts.
func (p *ledgerPage) account(s *quarantine.Situation) {
	p.Known, p.Since, p.At = true, s.Started, s.Time
	a, l := quarantine.Account{Blind: "pawl-receive has given no account yet"}, &s.Ledger
	if s.Account != nil {
		a = *s.Account
		l, p.At = &a.Ledger, a.Time
	}
	p.Watched, p.Settled = a.Blind == "", a.Settled && a.Blind == ""
	b := audit.Ledger{Received: l.Received.Bytes, Delivered: l.Delivered.Bytes, Repair: l.Repair.Bytes, Duplicate: l.Duplicate.Bytes, Control: l.Control.Bytes,
		Rejected: map[string]uint64{}, Drops: a.Drops, Missed: a.Missed, Unknown: a.Blind}
	p.Received = column{Name: "received", Count: l.Received}
	p.Columns = append(p.Columns, column{Name: "delivered", Count: l.Delivered}, column{Name: "repair", Count: l.Repair},
		column{Name: "duplicate", Count: l.Duplicate}, column{Name: "control", Count: l.Control})
	for _, reason := range slices.Sorted(maps.Keys(l.Rejected)) {
		b.Rejected[reason] = l.Rejected[reason].Bytes
		p.Columns = append(p.Columns, column{Name: web.Say(reason, 40).Text(), Rejected: true, Count: l.Rejected[reason]})
	}
	if p.Watched {
		p.Received.Count = quarantine.Count{Packets: a.Frames, Bytes: a.Octets}
		drop := quarantine.Count{Packets: a.Frames - min(a.Frames, l.Received.Packets), Bytes: a.Octets - min(a.Octets, l.Received.Bytes)}
		p.Columns = append(p.Columns, column{Name: "dropped", Dropped: true, Count: drop})
		b.Received, b.Dropped = a.Octets, drop.Bytes
		if a.DropsExact && a.Settled {
			b.Strays = drop.Packets - min(drop.Packets, a.Drops)
		}
	}
	p.Off = b.Difference()
	p.Balanced = p.Settled && p.Off == 0
	p.Remarks = append(p.Remarks, b.Remarks()...)
	if p.Watched && !a.Settled {
		p.Remarks = append(p.Remarks, "the link was not quiet for long: up to a socket's buffer of what is dropped here was on its way")
	}
}

// RejectedBytes is what a day's ledger has under all reasons.
func (l day) RejectedBytes() (sum uint64) {
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
	By       string    `json:"by"` // a program or a person
	Kind     string    `json:"kind"`
	Transfer string    `json:"transfer,omitempty"`
	Says     []said    `json:"says"`
}

type said struct {
	Key   string    `json:"key"`
	Value web.Words `json:"value"`
	ours  bool
}

// Ours says that nothing from the link can be in the value.
func (s said) Ours() bool { return s.ours }

// ours are the fields of entries that nothing from the link can get into: what this side's programs, people and configuration say, and digests. Numbers are so anyway. What is
// not here is marked.
var ours = map[string][]string{
	"state": {"from", "to"}, "verdict": {"proof", "check", "file"}, "approval": {"who", "proof", "verdicts", "key", "file"},
	"revocation": {"who", "proof", "reason", "key", "file"}, "rejection": {"who", "proof", "verdicts", "reason", "key", "file"},
	"policy": {"name", "digest", "before"}, "config": {"program", "file", "digest", "before"}, "ticket": {"text"}, "shown": {"code"},
	"release": {"inbox", "plan", "proof", "approvals", "sender"}, "ledger": {"day", "from", "to", "gaps", "mark"}, "start": {"program", "version"}, "stop": {"program", "reason"},
	"login": {"who", "from", "how", "session", "at"}, "logout": {"who", "session", "reason", "at"}, "refused": {"who", "from", "since"},
}

// number says that a field's JSON can't hold words.
func number(value json.RawMessage) bool {
	return len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9' || value[0] == 't' || value[0] == 'f')
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
		q.next = fmt.Sprintf("/audit?page=%d", p.Pages)
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
		out.Says = append(out.Says, said{"error", web.Say(err.Error(), maxAuditSay), false})
		return out
	}
	body := e.Body()
	out.When, out.By, out.Kind, out.Transfer = e.When, web.Say(e.By, shownName).Text(), body.Kind(), body.About()
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
			out.Says = append(out.Says, said{key, web.Say(value, maxAuditSay), number(fields[key]) || slices.Contains(ours[out.Kind], key)})
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
