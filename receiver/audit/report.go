package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pawl/framing"
)

// shown is how much of a text a report's line has, in characters.
const shown = 200

// column is how a column of a report is set.
type column string

const (
	words column = "w" // sentences: may break anywhere, and take room
	value column = "v" // may break anywhere
	short column = "s" // stays on one line: a time, a name, an id
	count column = "n" // a number, to the right
)

// section is one part of a report, the same for text and HTML.
type section struct {
	Title   string
	Head    []string
	Columns []column
	Rows    [][]string // escaped for a terminal already; HTML escapes once more
	Note    string
}

// grouped writes a number with a comma after each three digits from the right.
func grouped(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func counted(n int64) string { return grouped(uint64(max(n, 0))) }

// sections lays a month out.
func (m *Month) sections() []section {
	c := m.Summary.Checkpoint
	sum := section{Title: "The log", Head: []string{"what", "value"}, Columns: []column{short, value}, Rows: [][]string{
		{"log", framing.Printable(c.Origin, shown)}, {"verified", fmt.Sprintf("%s entries, root %s", counted(c.Size), c.Root)},
		{"entries of this month", counted(m.Entries)},
		{"clock set back", fmt.Sprintf("%d times in the whole log", m.Summary.Backwards)},
	}}
	for _, program := range slices.Sorted(maps.Keys(m.Starts)) {
		sum.Rows = append(sum.Rows, []string{framing.Printable(program, shown), fmt.Sprintf("%d starts, %d of them after no orderly stop", m.Starts[program], m.Crashes[program])})
	}
	people := section{Title: "People", Head: []string{"person", "approvals", "taken back", "rejections", "log-ins", "looks by certificate", "refused log-ins"},
		Columns: []column{short, count, count, count, count, count, count}}
	for _, who := range slices.Sorted(maps.Keys(m.People)) {
		p := m.People[who]
		people.Rows = append(people.Rows, []string{framing.Printable(who, shown), counted(p.Approvals), counted(p.Revocations), counted(p.Rejections),
			counted(p.Logins), counted(p.Looks), grouped(p.Refused)})
	}
	if m.Strange > 0 {
		people.Note = grouped(m.Strange) + " log-ins were refused whose names are nobody's."
	}
	witness := section{Title: "The low side's log", Head: []string{"entries", "root"}, Columns: []column{count, value},
		Note: fmt.Sprintf("%s checkpoints were heard; the last is shown. Of them %d are alarms.", counted(m.Heard), len(m.Alarms))}
	if w := m.Witness; w != nil {
		witness.Rows = [][]string{{grouped(w.Size), framing.Printable(w.Root, shown)}}
	}
	return []section{sum, lines("Put back from a backup", m.PutBack, ""), m.transfers(),
		lines("Releases", m.Releases, fmt.Sprintf("%s releases, %s files, %s bytes.%s", counted(m.Released), grouped(m.Files), grouped(m.Bytes), more(m.Released, len(m.Releases)))),
		lines("Rejected by people", m.Refused, more(m.NumRef, len(m.Refused))),
		lines("Rejected by the checks", m.Failed, more(m.NumFail, len(m.Failed))),
		ends("Held because something is wrong", m.Held, more(m.NumHeld, len(m.Held))),
		lines("Still held at the end of the log", m.Waiting, more(m.NumWait, len(m.Waiting))),
		people, lines("Changes of policy and configuration", m.Changes, ""), m.flows(), m.ledgers(), witness,
		lines("Alarms about the low side's log", m.Alarms, "")}
}

// transfers counts what came into each state, and of what was held what only waited.
func (m *Month) transfers() section {
	s := section{Title: "Transfers", Head: []string{"came into state", "times"}, Columns: []column{short, count}}
	for _, st := range slices.Sorted(maps.Keys(m.States)) {
		s.Rows = append(s.Rows, []string{framing.Printable(st, shown), counted(m.States[st])})
		for _, wait := range waits {
			if n := m.Waits[wait]; n > 0 && st == stateHeld {
				s.Rows = append(s.Rows, []string{"of them: " + wait, counted(n)})
			}
		}
	}
	if m.Removed > 0 {
		s.Note = fmt.Sprintf("Of %s transfers the content was removed from the quarantine.", counted(m.Removed))
	}
	return s
}

func more(all int64, shown int) string {
	if n := all - int64(shown); n > 0 {
		return " " + counted(n) + " more are not shown."
	}
	return ""
}

func lines(title string, all []Line, note string) section {
	s := section{Title: title, Head: []string{"when", "entry", "by", "transfer", "what"}, Columns: []column{short, count, short, short, words}, Note: strings.TrimSpace(note)}
	for _, l := range all {
		s.Rows = append(s.Rows, l.row())
	}
	return s
}

func (l *Line) row() []string {
	return []string{l.When.Format("2006-01-02 15:04:05Z"), counted(l.Index), framing.Printable(l.By, 64), cmp.Or(l.Transfer, "-"), framing.Printable(l.What, shown)}
}

// ends are lines that tell what became of each transfer.
func ends(title string, all []Line, note string) section {
	s := lines(title, all, note)
	s.Head, s.Columns = append(s.Head, "and then"), append(s.Columns, short)
	for i := range all {
		s.Rows[i] = append(s.Rows[i], framing.Printable(cmp.Or(all[i].Became, "still held"), shown))
	}
	return s
}

// flows lists what went from high to low, to the letter.
func (m *Month) flows() section {
	s := section{Title: "From high to low", Head: []string{"when", "entry", "by", "transfer", "what", "bits", "text"},
		Columns: []column{short, count, short, short, short, count, words},
		Note:    grouped(m.Bits) + " bits in all." + more(m.NumFlow, len(m.Flows))}
	for i := range m.Flows {
		f := &m.Flows[i]
		s.Rows = append(s.Rows, append(f.row(), grouped(f.Bits), framing.Printable(f.Text, MaxText)))
	}
	return s
}

// ledgers lays the byte ledger out, a line a day and the sum.
func (m *Month) ledgers() section {
	s := section{Title: "Byte ledger", Head: []string{"day", "received", "delivered", "repair", "duplicate", "control", "rejected", "dropped", "in no column"},
		Columns: []column{short, count, count, count, count, count, count, count, count}}
	row := func(day string, l *Ledger) {
		rejected := uint64(0)
		for _, n := range l.Rejected {
			rejected += n
		}
		off := "0"
		if l.Off > 0 {
			off = grouped(uint64(l.Off)) + " UNBALANCED"
		} else if l.Off < 0 {
			off = "-" + grouped(uint64(-l.Off)) + " UNBALANCED"
		}
		s.Rows = append(s.Rows, []string{day, grouped(l.Received), grouped(l.Delivered), grouped(l.Repair), grouped(l.Duplicate),
			grouped(l.Control), grouped(rejected), grouped(l.Dropped), off})
	}
	for i := range m.Days {
		row(m.Days[i].Day, &m.Days[i])
	}
	if len(m.Days) > 0 {
		row("all", &m.Total)
	}
	var notes []string
	for _, reason := range slices.Sorted(maps.Keys(m.Total.Rejected)) {
		notes = append(notes, framing.Printable(reason, shown)+" "+grouped(m.Total.Rejected[reason]))
	}
	if len(notes) > 0 {
		s.Note = "Rejected by reason: " + strings.Join(notes, ", ") + "."
	}
	for i := range m.Days {
		for _, what := range m.Days[i].Remarks() {
			s.Note += fmt.Sprintf(" %s: %s.", m.Days[i].Day, what)
		}
	}
	if len(m.Silent) > 0 {
		s.Note += " No ledger for " + strings.Join(m.Silent, ", ") + "."
	}
	s.Note = strings.TrimSpace(s.Note)
	return s
}

// Remarks says what a ledger does not know, or what else is odd about it, a clause each.
func (b *Ledger) Remarks() []string {
	var all []string
	say := func(form string, args ...any) { all = append(all, fmt.Sprintf(form, args...)) }
	if b.Unknown != "" {
		say("what the kernel dropped is not known in bytes (%s); the sockets had no room %d times", framing.Printable(b.Unknown, shown), b.Drops)
	} else if b.Drops > 0 {
		say("the sockets had no room %d times", b.Drops)
	}
	if b.Strays > 0 {
		say("%d of the dropped frames were not the sockets' drops", b.Strays)
	}
	if b.Missed > 0 {
		say("the interfaces had no room for %d frames, whose bytes nobody knows", b.Missed)
	}
	if b.Unsettled {
		say("the link was never quiet: up to a socket's buffer of what is dropped here is in the next day's columns")
	}
	for _, g := range b.Gaps[:min(len(b.Gaps), MaxGaps)] {
		say("nobody counted from %s to %s", g.From.UTC().Format("2006-01-02 15:04:05Z"), g.To.UTC().Format("2006-01-02 15:04:05Z"))
	}
	return all
}
