package bench

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/dustin/go-humanize"
)

// Report is results as one page with plots, and as pictures.
type Report struct {
	sources []source
	judged  []Judged
	figures []*figure
}

// source is one result file, for the page.
type source struct {
	*Result
	File     string
	Settings []setting // of the Result, in order
	Rows     []caseRow
}

type setting struct{ Name, Value string }

type caseRow struct {
	Name   string
	Values []figureRow
}

// figureRow is one metric of one row.
type figureRow struct {
	Metric, Figure, Low, High string
	Samples                   int
}

// NewReport makes a report of results; files are their names, for people, in the same order.
func NewReport(files []string, results []*Result) *Report {
	r := &Report{judged: judge(results), figures: figures(results)}
	for i, result := range results {
		s := source{Result: result, File: filepath.Base(files[i])}
		for _, name := range sortedKeys(result.Settings) {
			s.Settings = append(s.Settings, setting{name, result.Settings[name]})
		}
		for k := range result.Rows {
			s.Rows = append(s.Rows, newCaseRow(&result.Rows[k]))
		}
		r.sources = append(r.sources, s)
	}
	return r
}

func newCaseRow(row *Row) caseRow {
	c := caseRow{Name: row.Name}
	for _, metric := range sortedKeys(row.Values) {
		m := MetricOf(metric)
		samples := row.Samples[metric]
		f := figureRow{Metric: metric, Figure: m.Format(row.Values[metric]), Samples: len(samples)}
		if len(samples) > 1 {
			f.Low, f.High = m.Format(slices.Min(samples)), m.Format(slices.Max(samples))
		}
		c.Values = append(c.Values, f)
	}
	return c
}

// Figures are the names of the plots that the results have something for.
func (r *Report) Figures() (names []string) {
	for _, f := range r.figures {
		names = append(names, f.name)
	}
	return names
}

// Count is how many figures have a judgement.
func (r *Report) Count(what Judgement) (n int) {
	for _, j := range r.judged {
		if j.Judgement == what {
			n++
		}
	}
	return n
}

//go:embed report
var reportFiles embed.FS

var reportPage = template.Must(template.New("report.html.tmpl").Funcs(template.FuncMap{"bytes": humanize.IBytes}).ParseFS(reportFiles, "report/report.html.tmpl"))

// drawnFigure is a figure as the page takes it. The drawings are markup of our own, in which texts are escaped.
type drawnFigure struct {
	Title, About string
	Wide, Narrow template.HTML
}

// WriteHTML writes the page: one file that needs nothing else, in light and dark, from 360 pixels up.
func (r *Report) WriteHTML(w io.Writer) error {
	style, err := reportFiles.ReadFile("report/report.css")
	if err != nil {
		return err
	}
	page := struct {
		Style   template.CSS
		Sources []source
		Judged  []Judged
		Figures []drawnFigure
	}{Style: template.CSS(style), Sources: r.sources, Judged: r.judged}
	for _, f := range r.figures {
		wide, err := f.inline(wideWidth)
		if err != nil {
			return err
		}
		narrow, err := f.inline(narrowWidth)
		if err != nil {
			return err
		}
		page.Figures = append(page.Figures, drawnFigure{f.title, f.about, template.HTML(wide), template.HTML(narrow)})
	}
	return reportPage.Execute(w, page)
}

// SaveSVG writes each plot to a folder, which is made, as NAME.svg; SavePNG as NAME.png, at two pixels for a point. Both
// are of the wide form, on white.
func (r *Report) SaveSVG(dir string) error { return r.save(dir, ".svg", (*figure).svg) }

// SavePNG is SaveSVG for PNG.
func (r *Report) SavePNG(dir string) error { return r.save(dir, ".png", (*figure).png) }

func (r *Report) save(dir, suffix string, draw func(*figure, float64) ([]byte, error)) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write plots: %w", err)
	}
	for _, f := range r.figures {
		picture, err := draw(f, wideWidth)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f.name+suffix), picture, 0o644); err != nil {
			return fmt.Errorf("write plots: %w", err)
		}
	}
	return nil
}
