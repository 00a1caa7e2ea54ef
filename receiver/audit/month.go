package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"pawl/framing/merkle"
)

// ErrMonth is wrapped when a text is not a month.
var ErrMonth = errors.New("not a month as in 2026-11")

// listed is how many lines of one sort a report has at most; what is more is counted. Rejections have a list each for people and for checks, so that none is
// crowded out by what happens all day, and a longer one.
const (
	listed         = 1000
	listedRejected = 10_000
)

// Month is what happened in one month, from the log alone. All texts are as they are in the log: escape them.
type Month struct {
	Month   string // as 2026-11
	Summary *Summary

	Entries  int64
	States   map[string]int64 // times that transfers came into each state
	Waits    map[string]int64 // of those into held, the ones that only wait, by what for
	Releases []Line           // at most 1000
	Released int64
	Files    uint64 // released
	Bytes    uint64 // released
	Refused  []Line // transfers that people rejected, and why; at most 10,000
	NumRef   int64
	Failed   []Line // transfers that the checks rejected, and why; at most 10,000
	NumFail  int64
	Held     []Line // transfers that were held for another reason than that they wait, and what became of them; at most 1000
	NumHeld  int64
	Waiting  []Line             // transfers that were still held at the end of the log, whenever that began; at most 1000
	NumWait  int64              // all of them
	People   map[string]*Person // by name
	Strange  uint64             // refused log-ins with names that are nobody's
	Changes  []Line             // of policy, configuration and approvals taken back
	Flows    []Flow             // from high to low: tickets and receipt codes; at most 1000
	NumFlow  int64
	Bits     uint64           // of the flows together
	Days     []Ledger         // byte ledgers
	Total    Ledger           // their sum
	Removed  int64            // transfers whose content was removed
	Silent   []string         // days of the month before its end, or before the log's, without a ledger
	Witness  *Witness         // the last of the other side's checkpoints
	Heard    int64            // how many of them
	Alarms   []Line           // of them those that can't be of the log heard before
	PutBack  []Line           // logs that were accepted though they did not go on from the one before
	Starts   map[string]int64 // by program
	Crashes  map[string]int64 // starts after a start without a stop between

	begins  map[string]bool    // of the ledgers that were added
	letting map[string]letting // releases that have not come to their end
	holds   map[string]Line    // transfers that are held, as the log is read
	stories map[string][]int   // of transfers, the places in Held whose end is to be told
	refused map[string]bool    // transfers that a person's rejection in Refused is about
	words   map[string]bool    // decisions that were counted, by the digest of their file
}

// Person is what one of the people did in a month.
type Person struct {
	Approvals, Revocations, Rejections int64

	Logins  int64  // with the passphrase
	Looks   int64  // days and addresses from which a certificate looked
	Refused uint64 // log-ins with their name
}

// Line is one event of a report.
type Line struct {
	When     time.Time
	Index    int64
	By       string
	Transfer string
	What     string
	Became   string // of a transfer that was held: its last state in the log, "" while it has no other
}

// Flow is what went from high to low in a person's hands.
type Flow struct {
	Line
	Bits uint64
	Text string // the ticket or the code
}

// Report verifies the whole log and tells of one month of it, written as 2026-11 (UTC).
func Report(files fs.FS, key merkle.Public, month string) (*Month, error) {
	begin, err := time.Parse("2006-01", month)
	if err != nil || begin.Format("2006-01") != month {
		return nil, fmt.Errorf("%.20q is %w", month, ErrMonth)
	}
	m := &Month{Month: month, States: map[string]int64{}, Waits: map[string]int64{}, People: map[string]*Person{}, Starts: map[string]int64{},
		Crashes: map[string]int64{}, Total: Ledger{Rejected: map[string]uint64{}}, begins: map[string]bool{}, letting: map[string]letting{},
		holds: map[string]Line{}, stories: map[string][]int{}, refused: map[string]bool{}, words: map[string]bool{}}
	running, ledgers := map[string]bool{}, map[string]bool{}
	end := begin.AddDate(0, 1, 0)
	m.Summary, err = Verify(files, key, nil, func(index int64, e *Entry) error {
		in := !e.When.Before(begin) && e.When.Before(end)
		m.programs(e, in, running)
		if e.Ledger != nil {
			// A day's ledger is entered after its end: the day decides.
			m.ledger(e.Ledger, ledgers)
		}
		m.follow(index, e, in)
		if in {
			m.Entries++
			m.add(index, e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.settle()
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
