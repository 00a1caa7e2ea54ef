package audit

import (
	"cmp"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"pawl/framing"
)

// shown is how much of a text a report's line has, in characters.
const shown = 200

// section is one part of a report, the same for text and HTML.
type section struct {
	Title string
	Head  []string
	Rows  [][]string // escaped for a terminal already; HTML escapes once more
	Note  string
}

// sections lays a month out.
func (m *Month) sections() []section {
	c := m.Summary.Checkpoint
	sum := section{Title: "The log", Head: []string{"what", "value"}, Rows: [][]string{
		{"log", framing.Printable(c.Origin, shown)}, {"verified", fmt.Sprintf("%d entries, root %s", c.Size, c.Root)},
		{"entries of this month", fmt.Sprint(m.Entries)},
		{"clock set back", fmt.Sprintf("%d times in the whole log", m.Summary.Backwards)},
	}}
	for _, program := range slices.Sorted(maps.Keys(m.Starts)) {
		sum.Rows = append(sum.Rows, []string{framing.Printable(program, shown), fmt.Sprintf("%d starts, %d of them after no orderly stop", m.Starts[program], m.Crashes[program])})
	}
	states := section{Title: "Transfers", Head: []string{"came into state", "times"}}
	for _, st := range slices.Sorted(maps.Keys(m.States)) {
		states.Rows = append(states.Rows, []string{framing.Printable(st, shown), fmt.Sprint(m.States[st])})
	}
	if m.Removed > 0 {
		states.Note = fmt.Sprintf("Of %d released transfers the content was removed from the quarantine.", m.Removed)
	}
	people := section{Title: "People", Head: []string{"person", "approvals", "log-ins", "looks by certificate", "refused log-ins"}}
	for _, who := range slices.Sorted(maps.Keys(m.People)) {
		p := m.People[who]
		people.Rows = append(people.Rows, []string{framing.Printable(who, shown), fmt.Sprint(p.Approvals), fmt.Sprint(p.Logins), fmt.Sprint(p.Looks), fmt.Sprint(p.Refused)})
	}
	if m.Strange > 0 {
		people.Note = fmt.Sprintf("%d log-ins were refused whose names are nobody's.", m.Strange)
	}
	witness := section{Title: "The low side's log", Head: []string{"entries", "root"}, Note: fmt.Sprintf("%d checkpoints were heard; the last is shown. Of them %d are alarms.", m.Heard, len(m.Alarms))}
	if w := m.Witness; w != nil {
		witness.Rows = [][]string{{fmt.Sprint(w.Size), framing.Printable(w.Root, shown)}}
	}
	return []section{sum, states,
		lines("Releases", m.Releases, fmt.Sprintf("%d releases, %d files, %d bytes.%s", m.Released, m.Files, m.Bytes, more(m.Released, m.Releases))),
		lines("Held and rejected", m.Refused, more(m.States["held"]+m.States["rejected"], m.Refused)),
		people, lines("Changes of policy and configuration", m.Changes, ""),
		lines("From high to low", m.Flows, fmt.Sprintf("%d bits in all.", m.Bits)), m.ledgers(), witness,
		lines("Alarms about the low side's log", m.Alarms, "")}
}

func more(all int64, shown []Line) string {
	if n := all - int64(len(shown)); n > 0 {
		return fmt.Sprintf(" %d more are not shown.", n)
	}
	return ""
}

func lines(title string, all []Line, note string) section {
	s := section{Title: title, Head: []string{"when", "entry", "by", "transfer", "what"}, Note: strings.TrimSpace(note)}
	for _, l := range all {
		s.Rows = append(s.Rows, []string{l.When.Format("2006-01-02 15:04:05Z"), fmt.Sprint(l.Index), framing.Printable(l.By, shown),
			cmp.Or(l.Transfer, "-"), framing.Printable(l.What, shown)})
	}
	return s
}

// ledgers lays the byte ledger out, a line a day and the sum.
func (m *Month) ledgers() section {
	s := section{Title: "Byte ledger", Head: []string{"day", "received", "delivered", "repair", "duplicate", "control", "rejected", "dropped", "in no column"}}
	row := func(day string, l *Ledger) {
		rejected := uint64(0)
		for _, n := range l.Rejected {
			rejected += n
		}
		off := fmt.Sprint(l.Off)
		if l.Off != 0 {
			off += " UNBALANCED"
		}
		s.Rows = append(s.Rows, []string{day, fmt.Sprint(l.Received), fmt.Sprint(l.Delivered), fmt.Sprint(l.Repair), fmt.Sprint(l.Duplicate),
			fmt.Sprint(l.Control), fmt.Sprint(rejected), fmt.Sprint(l.Dropped), off})
	}
	for i := range m.Days {
		row(m.Days[i].Day, &m.Days[i])
	}
	if len(m.Days) > 0 {
		row("all", &m.Total)
	}
	var notes []string
	for _, reason := range slices.Sorted(maps.Keys(m.Total.Rejected)) {
		notes = append(notes, fmt.Sprintf("%s %d", framing.Printable(reason, shown), m.Total.Rejected[reason]))
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

// WriteText writes the report for a terminal or a mail.
func (m *Month) WriteText(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "Audit report for %s\n", m.Month); err != nil {
		return err
	}
	for _, s := range m.sections() {
		if _, err := fmt.Fprintf(w, "\n%s\n", s.Title); err != nil {
			return err
		}
		out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for i, row := range append([][]string{s.Head}, s.Rows...) {
			if i == 0 && len(s.Rows) == 0 {
				row = []string{"none"}
			}
			fmt.Fprintf(out, "  %s\n", strings.Join(row, "\t"))
		}
		if err := out.Flush(); err != nil {
			return err
		}
		if s.Note != "" {
			if _, err := fmt.Fprintf(w, "  %s\n", s.Note); err != nil {
				return err
			}
		}
	}
	return nil
}

// page is the report for a browser: no script, nothing fetched, fit for paper.
var page = template.Must(template.New("report").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Audit report for {{.Month}}</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
div { overflow-x: auto }
table { border-collapse: collapse; font-size: .9rem }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere }
</style></head><body>
<h1>Audit report for {{.Month}}</h1>
{{range .Sections}}<h2>{{.Title}}</h2>
{{if .Rows}}<div><table><thead><tr>{{range .Head}}<th scope="col">{{.}}</th>{{end}}</tr></thead><tbody>
{{range .Rows}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}</tbody></table></div>{{else}}<p>None.</p>{{end}}
{{with .Note}}<p>{{.}}</p>{{end}}
{{end}}</body></html>
`))

// WriteHTML writes the report as one page that needs nothing else.
func (m *Month) WriteHTML(w io.Writer) error {
	return page.Execute(w, struct {
		Month    string
		Sections []section
	}{m.Month, m.sections()})
}
