package console

import (
	"embed"
	"net/http"

	"pawl/hw/web"
)

//go:embed web
var own embed.FS

func parsePages() (*web.Pages, error) { return web.ParsePages(own, "web/*.html") }

// render writes a page.
func (c *Console) render(w http.ResponseWriter, code int, page, title string, s *session, at string, model any) {
	f := web.Frame{
		Title: title, Page: page, Path: at, Side: "high side", Program: "pawl-release", Version: c.Version, Renews: page == "overview", Model: model,
	}
	if s != nil {
		f.Who, f.Nav, f.Live = &web.Who{Name: s.person.Name(), CSRF: s.csrf, Looks: s.looks}, nav(s, at), true
		f.Foreign = "words that came from the low side, or may hold some. They are shown escaped, and nobody here vouches for them."
	}
	if err := c.pages.Render(w, code, &f); err != nil {
		c.Log.Sugar().Errorf("console: page %s: %v", page, err)
		http.Error(w, "this page is broken: the log of pawl-release says why", http.StatusInternalServerError)
	}
}

// Caps of what is shown of a text, in characters.
const (
	shownName = 120  // in a list
	shownText = 1024 // on a page of its own: a path, a reason
)

// nav is the pages that somebody may see, and where they are.
func nav(s *session, at string) []web.NavItem {
	var items []web.NavItem
	for _, rt := range routes() {
		href := rt.path
		if href == "/{$}" {
			href = "/"
		}
		switch rt.page {
		case "overview", "transfers", "link", "ledger", "audit":
			if rt.allowed(s) {
				items = append(items, web.NavItem{Path: href, Title: rt.title, Here: at == href || href != "/" && len(at) > len(href) && at[:len(href)+1] == href+"/"})
			}
		}
	}
	return items
}

// loginPage shows the form.
func (c *Console) loginPage(w http.ResponseWriter, r *http.Request) {
	if s, err := c.session(r); err == nil && !s.looks {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	c.render(w, http.StatusOK, "login", "Log in", nil, "/login", "")
}
