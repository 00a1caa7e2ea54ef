package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"pawl/hw/web"
)

const apiPrefix = "/api/v1"

// route is a page and its twin in the API: the same model. Everything is asked for with GET.
type route struct {
	path   string // of the page; the API's is apiPrefix and this
	api    string // of the API where it is another
	title  string
	page   string // template
	model  func(c *Console, r *http.Request) (any, error)
	shape  any      // zero value of what model gives
	params []string // "name: what it is", of the query
	about  string
}

// routes are all pages. docs/console-low-api.md is made from them.
func routes() []route {
	return []route{
		{path: "/{$}", api: "/overview", title: "Overview", page: "overview", model: (*Console).overview, shape: overview{},
			about: "Whether pawl-send runs, what it sends now, what each channel may do, warnings, and the last ten minutes and day as far as this program saw them."},
		{path: "/outbox", title: "Outbox", page: "outbox", model: (*Console).outbox, shape: outboxPage{},
			params: []string{"channel: only this one, with all that is told of its outbox", "page: of its outbox, from 1; 100 entries each"},
			about:  "What lies in each outbox and why it is not taken yet, as the last look found it; and what was refused, the newest first."},
		{path: "/queue", title: "Queue", page: "queue", model: (*Console).queue, shape: queuePage{},
			params: []string{"channel: only this one", "page: from 1; 50 transfers each"},
			about:  "What waits or is being sent, in the order in which it is expected to have left."},
		{path: "/history", title: "History", page: "history", model: (*Console).history, shape: historyPage{},
			params: []string{"q: only what has this in its name, path, reason or id", "event: only this: claimed, sent, aborted, refused, cancelled, confirmed, repair, start, stop or missed",
				"page: from 1, the newest; 50 entries each; without q and event only", "before: only entries before this one; with q or event only, as next_before said"},
			about: "The entries of the low side's audit log, newest first. They are read, not proved: pawl-audit verify-log proves them."},
		{path: "/transfers/{id}", title: "Transfer", page: "transfer", model: (*Console).transfer, shape: details{},
			about: "Everything that is known of one transfer: what pawl-send says of it, and its entries in the audit log."},
	}
}

func (rt *route) apiPath() string {
	if rt.api != "" {
		return rt.api
	}
	return rt.path
}

func (c *Console) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range routes() {
		mux.HandleFunc("GET "+rt.path, func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, &rt, false) })
		mux.HandleFunc("GET "+apiPrefix+rt.apiPath(), func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, &rt, true) })
	}
	mux.HandleFunc("GET /events", c.events)
	mux.HandleFunc("GET /static/{name}", web.Static)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		c.refuse(w, r, strings.HasPrefix(r.URL.Path, apiPrefix), errNoPage)
	})
	return mux
}

// serve asks for the model and writes it as a page or as JSON.
func (c *Console) serve(w http.ResponseWriter, r *http.Request, rt *route, api bool) {
	model, err := rt.model(c, r)
	switch {
	case err != nil:
		c.refuse(w, r, api, err)
	case api:
		writeJSON(w, http.StatusOK, model)
	default:
		c.render(w, http.StatusOK, rt.page, rt.title, r.URL.Path, model)
	}
}

var (
	errNoPage     = errors.New("there is no such page")
	errNoTransfer = errors.New("there is no such transfer: pawl-send does not have it, and the audit log does not tell of it as far as it was looked through")
)

// badRequest is what a client did wrong.
type badRequest struct{ error }

func (b badRequest) Unwrap() error { return b.error }

// refuse answers with an error. What went wrong inside is for the log.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, api bool, err error) {
	var bad badRequest
	code, text := http.StatusInternalServerError, web.Say(err.Error(), shownText)
	switch {
	case errors.Is(err, errNoPage), errors.Is(err, errNoTransfer):
		code = http.StatusNotFound
	case errors.As(err, &bad):
		code = http.StatusBadRequest
	default:
		c.Log.Error("console", zap.String("path", web.Say(r.URL.Path, shownName).Text()), zap.String("err", text.Text()))
		text = web.Say("that did not work here: the log of pawl-send console says why", shownText)
	}
	if api {
		writeJSON(w, code, struct {
			Error web.Words `json:"error"`
		}{text})
		return
	}
	c.render(w, code, "sorry", http.StatusText(code), r.URL.Path, text)
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	out := json.NewEncoder(w)
	out.SetIndent("", " ")
	_ = out.Encode(v) // the one who asked has gone
}

// maxPage bounds the number of a page: far beyond all that there can be, far below what overflows.
const maxPage = 1 << 30

// pageOf reads the number of a page, from 1, which is the default.
func pageOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("page")
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, badRequest{fmt.Errorf("%.20q is no page: they are counted from 1", text)}
	}
	return n, nil
}

// paging is where one is in a list of many pages.
type paging struct {
	Page  int `json:"page"`
	Pages int `json:"pages"`
}

// pages says on which page one is of so many things; none still have a page.
func pages(page, total, each int) paging { return paging{page, max(1, (total+each-1)/each)} }

// Prev is the page before this; 0 where there is none.
func (p paging) Prev() int { return min(p.Page-1, p.Pages) }

// Next is the page after this; 0 where there is none.
func (p paging) Next() int {
	if p.Page >= p.Pages {
		return 0
	}
	return p.Page + 1
}

// cut gives the things on one page.
func cut[T any](all []T, page, each int) []T {
	first := min((page-1)*each, len(all))
	return all[first:min(first+each, len(all))]
}
