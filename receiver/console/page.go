package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"time"

	"github.com/dustin/go-humanize"
)

//go:embed web
var web embed.FS

// assets are what a page loads, with their types.
var assets = map[string]string{"console.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"}

func static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	kind, known := assets[name]
	data, err := web.ReadFile(path.Join("web", path.Base(name)))
	if !known || err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(data) // the one who asked has gone
}

// frame is what every page has around its model.
type frame struct {
	Title   string
	Page    string
	Path    string
	Person  string // "" when nobody is logged in
	CSRF    string
	Looks   bool // by certificate
	Nav     []navItem
	Held    int // that wait for a person
	Version string
	Model   any
}

type navItem struct {
	Path, Title string
	Here        bool
}

// render writes a page. It is made whole before the first byte goes out: a fault in a template is no half page.
func (c *Console) render(w http.ResponseWriter, code int, page, title string, s *session, at string, model any) {
	f := frame{Title: title, Page: page, Path: at, Version: c.Version, Model: model}
	if s != nil {
		f.Person, f.CSRF, f.Looks = s.person.Name(), s.csrf, s.looks
		f.Nav = nav(s, at)
	}
	out := new(bytes.Buffer)
	if err := c.pages.ExecuteTemplate(out, page, f); err != nil {
		c.Log.Sugar().Errorf("console: page %s: %v", page, err)
		http.Error(w, "this page is broken: the log of pawl-release says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(out.Bytes())
}

// nav is the pages that somebody may see, and where they are.
func nav(s *session, at string) []navItem {
	var items []navItem
	for _, rt := range routes() {
		href := rt.path
		if href == "/{$}" {
			href = "/"
		}
		switch rt.page {
		case "overview", "transfers", "link", "ledger", "audit":
			if rt.allowed(s) {
				items = append(items, navItem{href, rt.title, at == href || href != "/" && len(at) > len(href) && at[:len(href)+1] == href+"/"})
			}
		}
	}
	return items
}

func parsePages() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"low": mark, "bytes": humanBytes, "count": func(n any) string { return humanize.Comma(number(n)) }, "when": stamp, "ago": ago, "span": span,
		"rate":    func(bytes float64) string { return humanize.SIWithDigits(8*bytes, 1, "bit/s") },
		"bits":    func(n uint64) string { return humanize.SIWithDigits(float64(n), 1, "bit/s") },
		"percent": func(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) },
	}).ParseFS(web, "web/*.html")
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

func humanBytes(n uint64) string { return humanize.IBytes(n) }

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

func span(seconds float64) string {
	return time.Duration(min(seconds, 1e9) * float64(time.Second)).Round(time.Second).String()
}

// loginPage shows the form.
func (c *Console) loginPage(w http.ResponseWriter, r *http.Request) {
	if s, err := c.session(r); err == nil && !s.looks {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	c.render(w, http.StatusOK, "login", "Log in", nil, "/login", "")
}
