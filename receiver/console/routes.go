package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"pawl/hw/web"
	"pawl/receiver/release/people"
)

const apiPrefix = "/api/v1"

// route is a page and its twin in the API: the same model, the same roles.
type route struct {
	method string
	path   string // of the page; the API's is apiPrefix and this
	api    string // of the API where it is another
	title  string // of the page
	page   string // template; "" where the model's next says where to go
	roles  []people.Role
	leaves bool // it ends the session: those that can only look may do that
	whole  bool // it tells of all channels: a role for some of them is not enough
	model  func(c *Console, q *request) (any, error)
	shape  any      // zero value of what model gives
	params []string // "name: what it is", of the query, or of the body
	about  string
}

var (
	anyone   = people.Roles()
	auditors = []people.Role{people.Auditor, people.Admin}
	deciders = []people.Role{people.Approver}
	carriers = []people.Role{people.Approver, people.Admin}
	menders  = []people.Role{people.Admin}
)

// routes are all pages that ask who is there. docs/console-api.md is made from them.
func routes() []route {
	return []route{
		{method: "GET", path: "/{$}", api: "/overview", title: "Overview", page: "overview", roles: anyone, model: (*Console).overview, shape: overview{},
			about: "What arrives now, the low side as last heard, warnings, and how many transfers are in each state."},
		{method: "GET", path: "/transfers", title: "Transfers", page: "transfers", roles: anyone, model: (*Console).transfers, shape: listing{},
			params: []string{"state: only this state", "q: only what has this in its name or id, or is of the channel of this name", "page: from 1; 50 transfers each"},
			about:  "Transfers, those that changed last first."},
		{method: "GET", path: "/transfers/{id}", title: "Transfer", page: "transfer", roles: anyone, model: (*Console).transfer, shape: details{},
			params: []string{"files: page of the files, from 1; 500 each"}, about: "Everything that is known about a transfer. Pages of files that are asked for count as shown in this session."},
		{method: "POST", path: "/transfers/{id}/confirm", title: "Confirm", page: "confirm", roles: deciders, model: (*Console).confirm, shape: proposal{},
			params: []string{"action: approve, revoke or reject", "reason: why; a rejection must have one", "proof: as the transfer's proof was shown", "verdicts: as the transfer's verdicts_sha256 was shown"},
			about:  "What a decision would be and what would come of it. Nothing is signed."},
		{method: "POST", path: "/transfers/{id}/decide", roles: deciders, model: (*Console).decide, shape: done{},
			params: []string{"action: approve, revoke or reject", "reason: why; a rejection must have one", "proof: as the transfer's proof was shown", "verdicts: as the transfer's verdicts_sha256 was shown"},
			about:  "Signs a decision with the key of the session's person. It is refused when proof or verdicts are others by now."},
		{method: "POST", path: "/transfers/{id}/recheck", roles: menders, model: (*Console).recheck, shape: done{}, about: "Sends a held transfer through its checks again. It approves nothing."},
		{method: "POST", path: "/transfers/{id}/ticket", title: "Repair ticket", page: "carried", roles: carriers, model: (*Console).ticket, shape: carriedPage{},
			params: []string{"part: which ticket, from 1"}, about: "Gives out the repair ticket of an incomplete transfer, which is recorded."},
		{method: "POST", path: "/transfers/{id}/receipt", title: "Receipt code", page: "carried", roles: carriers, model: (*Console).receipt, shape: carriedPage{},
			about: "Gives out the receipt code of a verified transfer, which is recorded."},
		{method: "GET", path: "/transfers/{id}/files", roles: anyone, model: (*Console).fileList,
			about: "All files of a transfer as plain text, a line each. Read to its end in a session it counts as all files shown."},
		{method: "GET", path: "/transfers/{id}/evidence", roles: anyone, model: (*Console).evidence, about: "The transfer's evidence: a zip for pawl-audit verify."},
		{method: "GET", path: "/link", title: "Link", page: "link", roles: anyone, model: (*Console).linkHealth, shape: linkPage{},
			about: "The link's last ten minutes and last day, as far as this program saw them."},
		{method: "GET", path: "/ledger", title: "Byte ledger", page: "ledger", roles: auditors, whole: true, model: (*Console).ledger, shape: ledgerPage{},
			about: "Every byte received since pawl-receive started, in exactly one column; and the last days as the audit log has them."},
		{method: "GET", path: "/audit", title: "Audit log", page: "audit", roles: auditors, whole: true, model: (*Console).auditLog, shape: auditPage{},
			params: []string{"page: from 1, the newest; 50 entries each"}, about: "The audit log's entries, newest first."},
		{method: "GET", path: "/session", title: "You", page: "session", roles: anyone, model: (*Console).showSession, shape: sessionPage{}, about: "Who is logged in, the roles, and the csrf token for POST requests."},
		{method: "POST", path: "/logout", roles: anyone, leaves: true, model: (*Console).logout, shape: done{}, about: "Ends the session; its key is wiped."},
	}
}

// done is what an action gives.
type done struct {
	Done string `json:"done"`
}

// request is a request of somebody who may ask it.
type request struct {
	*http.Request
	w     http.ResponseWriter
	s     *session
	api   bool
	body  map[string]string // of an API's POST
	next  string            // page to go to after an action, or in place of one that is not there
	taken bool              // the model has answered by itself
}

// field is a value of the form, of the API's body, or for GET of the query.
func (q *request) field(name string) string {
	switch {
	case q.Method == http.MethodGet:
		return q.URL.Query().Get(name)
	case q.api:
		return q.body[name]
	}
	return q.PostFormValue(name)
}

// may says whether the person has one of the roles for a channel; "" is all channels.
func (s *session) may(channel string, roles []people.Role) bool {
	return slices.ContainsFunc(roles, func(r people.Role) bool { return s.person.May(r, channel) })
}

// has says whether the person has one of the roles for any channel.
func (s *session) has(roles []people.Role) bool {
	return slices.ContainsFunc(roles, func(r people.Role) bool { return slices.Contains(s.person.Roles, r) })
}

// allowed says whether a route is for the person at all.
func (rt *route) allowed(s *session) bool {
	if rt.whole {
		return s.may("", rt.roles)
	}
	return s.has(rt.roles)
}

func (c *Console) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range routes() {
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, &rt, false) })
		mux.HandleFunc(rt.method+" "+apiPrefix+rt.apiPath(), func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, &rt, true) })
	}
	mux.HandleFunc("GET /login", c.loginPage)
	mux.HandleFunc("POST /login", c.login)
	mux.HandleFunc("POST "+apiPrefix+"/login", c.login)
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) { c.events(w, r) })
	mux.HandleFunc("GET /static/{name}", web.Static)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { c.nothing(mux, w, r) })
	return mux
}

// nothing answers what no route is for: there is no such page, or not by this method.
func (c *Console) nothing(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	api := strings.HasPrefix(r.URL.Path, apiPrefix)
	s, _ := c.session(r) // nil: nobody
	var allow []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		other := *r
		other.Method = method
		if _, pattern := mux.Handler(&other); pattern != "/" {
			allow = append(allow, method)
		}
	}
	if allow == nil {
		c.refuse(w, r, api, s, errNoPage)
		return
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	c.refuse(w, r, api, s, errMethod)
}

func (rt *route) apiPath() string {
	if rt.api != "" {
		return rt.api
	}
	return rt.path
}

var (
	errNoPage   = errors.New("there is no such page")
	errMethod   = errors.New("this page is not asked for so")
	errNotThere = errors.New("there is no such transfer, or not so much of it, or your roles do not show it")
)

// serve asks who it is, what they may, and whether the form is theirs, and then for the model.
func (c *Console) serve(w http.ResponseWriter, r *http.Request, rt *route, api bool) {
	s, err := c.session(r)
	if err != nil {
		c.refuse(w, r, api, nil, err)
		return
	}
	q := &request{Request: r, w: w, s: s, api: api}
	if err := q.admit(rt); err != nil {
		c.refuse(w, r, api, s, err)
		return
	}
	model, err := rt.model(c, q)
	switch {
	case q.taken:
	case err != nil:
		c.refuse(w, r, api, s, err)
	case api:
		writeJSON(w, http.StatusOK, model)
	case rt.page == "" || q.next != "":
		http.Redirect(w, r, q.next, http.StatusSeeOther)
	default:
		c.render(w, http.StatusOK, rt.page, rt.title, s, r.URL.Path, model)
	}
}

// admit checks role, kind of session, token and body.
func (q *request) admit(rt *route) error {
	if !rt.allowed(q.s) {
		return errRole
	}
	if q.Method == http.MethodGet {
		return nil
	}
	if q.s.looks && !rt.leaves {
		return q.s.keyless()
	}
	if q.api {
		if err := q.readBody(); err != nil {
			return err
		}
	} else if err := q.ParseForm(); err != nil {
		return badRequest{err}
	}
	return checkCSRF(q.Request, q.s)
}

// readBody reads a JSON object of texts. An API's POST must say that it is JSON, which no form of another site can.
func (q *request) readBody() (err error) {
	q.body, err = jsonBody(q.Request)
	return err
}

func jsonBody(r *http.Request) (map[string]string, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" {
		return nil, badRequest{errors.New("Content-Type is not application/json")}
	}
	body := map[string]string{}
	in := json.NewDecoder(r.Body)
	err := in.Decode(&body)
	if err == io.EOF { // nothing is an object without texts
		return body, nil
	}
	if err == nil {
		if _, more := in.Token(); more == nil {
			err = errors.New("there is more behind it")
		} else if more != io.EOF {
			err = more
		}
	}
	if err != nil {
		return nil, badRequest{fmt.Errorf("body is not a JSON object of texts: %w", err)}
	}
	return body, nil
}

// credentials are name and passphrase.
func credentials(r *http.Request, api bool) (name, passphrase string, err error) {
	if api {
		body, err := jsonBody(r)
		return body["name"], body["passphrase"], err
	}
	if err := r.ParseForm(); err != nil {
		return "", "", badRequest{err}
	}
	return strings.TrimSpace(strings.ToLower(r.PostFormValue("name"))), r.PostFormValue("passphrase"), nil
}
