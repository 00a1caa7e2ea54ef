package audit

import (
	"fmt"
	"io/fs"
	"time"

	"pawl/framing/merkle"
)

// listed is how many lines of one sort a report has at most; what is more is counted.
const listed = 1000

// Month is what happened in one month, from the log alone. All texts are as they are in the log: escape them.
type Month struct {
	Month   string // as 2026-11
	Summary *Summary

	Entries  int64
	States   map[string]int64 // transfers that came into each state
	Releases []Line           // at most 1000
	Released int64
	Files    uint64 // released
	Bytes    uint64 // released
	Refused  []Line // transfers that were rejected or held, and why; at most 1000
	People   map[string]*Person
	Strange  uint64           // refused log-ins with names that are nobody's
	Changes  []Line           // of policy, configuration and approvals taken back
	Flows    []Line           // from high to low: tickets and receipt codes
	Bits     uint64           // of the flows together
	Days     []Ledger         // byte ledgers
	Total    Ledger           // their sum
	Removed  int64            // transfers whose content was removed
	begins   map[string]bool  // of the ledgers that were added
	Silent   []string         // days of the month before its end, or before the log's, without a ledger
	Witness  *Witness         // the last of the other side's checkpoints
	Heard    int64            // how many of them
	Alarms   []Line           // of them those that can't be of the log heard before
	Starts   map[string]int64 // by program
	Crashes  map[string]int64 // starts after a start without a stop between
}

// Person is what one of the people did in a month.
type Person struct {
	Approvals int64
	Logins    int64  // with the passphrase
	Looks     int64  // days and addresses from which a certificate looked
	Refused   uint64 // log-ins with their name
}

// Line is one event of a report.
type Line struct {
	When     time.Time
	Index    int64
	By       string
	Transfer string
	What     string
}

// Report verifies the whole log and tells of one month of it, written as 2026-11 (UTC).
func Report(files fs.FS, key merkle.Public, month string) (*Month, error) {
	begin, err := time.Parse("2006-01", month)
	if err != nil || begin.Format("2006-01") != month {
		return nil, fmt.Errorf("%.20q is not a month as in 2026-11", month)
	}
	m := &Month{Month: month, States: map[string]int64{}, People: map[string]*Person{}, Starts: map[string]int64{},
		Crashes: map[string]int64{}, Total: Ledger{Rejected: map[string]uint64{}}, begins: map[string]bool{}}
	running, ledgers := map[string]bool{}, map[string]bool{}
	end := begin.AddDate(0, 1, 0)
	m.Summary, err = Verify(files, key, nil, func(index int64, e *Entry) error {
		in := !e.When.Before(begin) && e.When.Before(end)
		m.programs(e, in, running)
		if e.Ledger != nil {
			// A day's ledger is entered after its end: the day decides.
			m.ledger(e.Ledger, ledgers)
		}
		if in {
			m.Entries++
			m.add(index, e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for day := begin; day.Before(end) && day.Before(m.Summary.Last.Truncate(24*time.Hour)); day = day.AddDate(0, 0, 1) {
		if text := day.Format(dayForm); !ledgers[text] && !day.Before(m.Summary.First.Truncate(24*time.Hour)) {
			m.Silent = append(m.Silent, text)
		}
	}
	return m, nil
}

// programs counts starts, and those after which nobody said stop.
func (m *Month) programs(e *Entry, in bool, running map[string]bool) {
	switch {
	case e.Start != nil:
		if in {
			m.Starts[e.Start.Program]++
			if running[e.Start.Program] {
				m.Crashes[e.Start.Program]++
			}
		}
		running[e.Start.Program] = true
	case e.Stop != nil:
		running[e.Stop.Program] = false
	}
}

// ledger adds to a day. One that is entered twice counts once, which Append's "there or not there" after an error can make
// happen: it has the same begin, or of those without begin the same day.
func (m *Month) ledger(l *Ledger, seen map[string]bool) {
	for day := l.From.Truncate(24 * time.Hour); !l.From.IsZero() && day.Before(l.To); day = day.AddDate(0, 0, 1) {
		if len(seen) > maxCovered {
			break
		}
		seen[day.Format(dayForm)] = true
	}
	if len(l.Day) < len(m.Month) || l.Day[:len(m.Month)] != m.Month {
		return
	}
	seen[l.Day] = true
	begin := l.Day + l.From.String()
	switch n := len(m.Days); {
	case m.begins[begin] && n > 0 && m.Days[n-1].Day == l.Day && m.Days[n-1].From.Equal(l.From):
		m.Days[n-1] = *l
	case m.begins[begin]:
		return
	case n > 0 && m.Days[n-1].Day == l.Day:
		m.Days[n-1].add(l)
	default:
		m.Days = append(m.Days, *l)
	}
	m.begins[begin] = true
	m.Total = Ledger{Rejected: map[string]uint64{}}
	for i := range m.Days {
		m.Total.add(&m.Days[i])
	}
}

// maxCovered bounds the days that ledgers are remembered to cover: those of ten thousand years are no one's.
const maxCovered = 40_000

// add enters one entry of the month.
func (m *Month) add(index int64, e *Entry) {
	list := func(to *[]Line, format string, args ...any) {
		if len(*to) < listed {
			*to = append(*to, Line{When: e.When, Index: index, By: e.By, Transfer: e.Body().About(), What: fmt.Sprintf(format, args...)})
		}
	}
	switch b := e.Body().(type) {
	case *State:
		m.States[b.To]++
		if b.To == "rejected" || b.To == "held" {
			list(&m.Refused, "%s: %s", b.To, b.Reason)
		}
	case *Release:
		m.Released, m.Files, m.Bytes = m.Released+1, m.Files+b.Files, m.Bytes+b.Bytes
		list(&m.Releases, "%s: %d files, %d bytes, to %s, approved by %q", b.Name, b.Files, b.Bytes, b.Inbox, b.Approvals)
	case *Approval:
		m.person(b.Who).Approvals++
	case *Revocation:
		list(&m.Changes, "approval of %s taken back: %s", b.Who, b.Reason)
	case *Policy:
		now := "is now sha256:" + b.Digest
		if b.Digest == "" {
			now = "is gone: nothing is asked of its content any more"
		}
		list(&m.Changes, "policy of channel %d %s %s", b.Channel, b.Name, now)
	case *Config:
		list(&m.Changes, "configuration of %s is now sha256:%s", b.Program, b.Digest)
	case *Ticket:
		m.Bits += b.Bits
		list(&m.Flows, "repair ticket of %d bits", b.Bits)
	case *Shown:
		m.Bits += b.Bits
		list(&m.Flows, "receipt code of %d bits", b.Bits)
	case *Removal:
		m.Removed++
	case *Login:
		if b.How == ByCertificate {
			m.person(b.Who).Looks++
		} else {
			m.person(b.Who).Logins++
		}
	case *Refused:
		if b.Who == "" {
			m.Strange += b.Tries
		} else {
			m.person(b.Who).Refused += b.Tries
		}
	case *Witness:
		m.Witness = b
		m.Heard++
		if b.Alarm != "" {
			list(&m.Alarms, "%s (%d entries, root %s)", b.Alarm, b.Size, b.Root)
		}
	}
}

// person gives what somebody did, to add to.
func (m *Month) person(who string) *Person {
	if m.People[who] == nil {
		m.People[who] = new(Person)
	}
	return m.People[who]
}
