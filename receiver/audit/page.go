package audit

import (
	"fmt"
	"html/template"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

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
		for i, row := range s.aligned() {
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

// aligned is the head and the rows, numbers filled up from the left to the width of their column.
func (s *section) aligned() [][]string {
	all := append([][]string{s.Head}, s.Rows...)
	wide := make([]int, len(s.Head))
	for _, row := range all {
		for i, cell := range row {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	out := make([][]string, len(all))
	for r, row := range all {
		for i, cell := range row {
			if s.Columns[i] == count {
				cell = strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell)) + cell
			}
			out[r] = append(out[r], cell)
		}
	}
	return out
}

// page is the report for a browser: no script, nothing fetched, fit for paper. Tables that are wider than the window scroll by themselves.
var page = template.Must(template.New("report").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Audit report for {{.Month}}</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem }
div { overflow-x: auto }
table { border-collapse: collapse; font-size: .9rem }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; vertical-align: top; white-space: nowrap }
.n { text-align: right; font-variant-numeric: tabular-nums }
td.w, td.v { white-space: normal; overflow-wrap: anywhere }
td.w { min-width: 24rem }
@media print { body { max-width: none; margin: 0 } table { font-size: .7rem } td.w { min-width: 0 } }
</style></head><body>
<h1>Audit report for {{.Month}}</h1>
{{range .Sections}}{{$columns := .Columns}}<h2>{{.Title}}</h2>
{{if .Rows}}<div tabindex="0" role="region" aria-label="{{.Title}}">
<table><thead><tr>{{range $i, $c := .Head}}<th scope="col" class="{{index $columns $i}}">{{$c}}</th>{{end}}</tr></thead><tbody>
{{range .Rows}}<tr>{{range $i, $c := .}}<td class="{{index $columns $i}}">{{$c}}</td>{{end}}</tr>
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
