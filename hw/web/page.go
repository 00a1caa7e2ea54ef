package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

//go:embed files
var files embed.FS

// assets are what a page loads, with their types.
var assets = map[string]string{"console.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"}

// Static serves what pages load: "GET /static/{name}".
func Static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	kind, known := assets[name]
	data, err := files.ReadFile(path.Join("files", path.Base(name)))
	if !known || err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(data) // the one who asked has gone
}

// Frame is what every page has around its model.
type Frame struct {
	Title   string
	Page    string // the template
	Path    string
	Side    string // "high side"
	Program string // "pawl-release"
	Version string
	Foreign string // what the dotted underline marks, said at the foot; "": nothing is said
	Nav     []NavItem
	Live    bool // there is news to hear at /events
	Renews  bool // without a script the page asks for itself again
	Who     *Who // nil: nobody is logged in
	Model   any
}

// Who is the person who is logged in.
type Who struct {
	Name  string
	CSRF  string // "": there is no session to log out of
	Looks bool   // may not decide
}

// NavItem is a page that can be gone to.
type NavItem struct {
	Path, Title string
	Here        bool
}

// Pages are templates of pages.
type Pages struct{ all *template.Template }

// ParsePages reads the pages of a console. Each begins with the template "top" and ends with "bottom", which get the [Frame].
func ParsePages(own fs.FS, patterns ...string) (*Pages, error) {
	all, err := template.New("").Funcs(template.FuncMap{
		"low": mark, "bytes": humanize.IBytes, "count": func(n any) string { return humanize.Comma(number(n)) }, "many": many, "when": stamp, "ago": ago, "span": span, "outage": outage,
		"rate":    func(bytes float64) string { return humanize.SIWithDigits(8*bytes, 1, "bit/s") },
		"bits":    func(n uint64) string { return humanize.SIWithDigits(float64(n), 1, "bit/s") },
		"percent": func(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) },
	}).ParseFS(files, "files/*.html")
	if err != nil {
		return nil, err
	}
	if all, err = all.ParseFS(own, patterns...); err != nil {
		return nil, err
	}
	return &Pages{all}, nil
}

// Render writes a page. It is made whole before the first byte goes out: a fault in a template is no half page, but an error, and nothing was written.
func (p *Pages) Render(w http.ResponseWriter, code int, f *Frame) error {
	out := new(bytes.Buffer)
	if err := p.all.ExecuteTemplate(out, f.Page, f); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(out.Bytes()) // the one who asked has gone
	return nil
}

// number is any whole number of a model.
func number(n any) int64 {
	switch v := n.(type) {
	case int:
		return int64(v)
	case int64:
		return v
	case uint32:
		return int64(v)
	case uint64:
		return int64(min(v, 1<<62))
	}
	return 0
}

// many is so many things, with the word for one and for several: "1 file", "2 files"; without the second it is the first and an s.
func many(n any, words ...string) string {
	word := words[0]
	switch {
	case number(n) == 1:
	case len(words) > 1:
		word = words[1]
	default:
		word += "s"
	}
	return humanize.Comma(number(n)) + " " + word
}

// stamp is a time for people; the zero one is nothing.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func ago(seconds float64) string {
	switch {
	case seconds < 1:
		return "now"
	case seconds < 120:
		return fmt.Sprintf("%.0f s ago", seconds)
	case seconds < 7200:
		return fmt.Sprintf("%.0f min ago", seconds/60)
	case seconds < 48*3600:
		return fmt.Sprintf("%.0f h ago", seconds/3600)
	}
	return fmt.Sprintf("%.0f days ago", seconds/86400)
}

// span is a time for people: 2h5m, not 2h5m0s.
func span(seconds float64) string {
	text := time.Duration(min(seconds, 1e9) * float64(time.Second)).Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// outage is a short span, as the programs' status writes it: "5ms".
func outage(seconds float64) string {
	return time.Duration(min(seconds, 1e9) * float64(time.Second)).Round(time.Millisecond).String()
}
