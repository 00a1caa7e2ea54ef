package console

import (
	"embed"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"pawl/hw/web"
)

//go:embed web
var own embed.FS

func parsePages() (*web.Pages, error) { return web.ParsePages(own, "web/*.html") }

// Caps of what is shown of a text, in characters.
const (
	shownName = 120  // in a list
	shownText = 1024 // on a page of its own: a path, a reason
)

// render writes a page.
func (c *Console) render(w http.ResponseWriter, code int, page, title, at string, model any) {
	f := web.Frame{
		Title: title, Page: page, Path: at, Side: "low side", Program: "pawl-send", Version: c.Version, Renews: page == "overview", Live: true, Nav: nav(at),
		Foreign: "names that those chose who dropped the files, and texts that may hold some. They are shown escaped.", Model: model,
	}
	if err := c.pages.Render(w, code, &f); err != nil {
		c.Log.Error("console: page", zap.String("page", page), zap.Error(err))
		http.Error(w, "this page is broken: the log of pawl-send console says why", http.StatusInternalServerError)
	}
}

// nav is the pages that can be gone to, and where one is.
func nav(at string) []web.NavItem {
	var items []web.NavItem
	for _, rt := range routes() {
		href := strings.TrimSuffix(rt.path, "{$}")
		if strings.Contains(href, "{") {
			continue
		}
		items = append(items, web.NavItem{Path: href, Title: rt.title, Here: at == href || href == "/queue" && strings.HasPrefix(at, "/transfers/")})
	}
	return items
}
