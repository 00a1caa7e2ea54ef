package console

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pawl/framing/person"
	"pawl/hw/web"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/people"
)

var small = []checktest.Entry{{Path: "report.txt", Data: []byte("hello\n"), ModTime: 1e18}}

// TestEveryRouteAsksForItsRole asks every route as everybody, as page and in the API: those whose role it is not are refused, and nobody gets
// anything without a session.
func TestEveryRouteAsksForItsRole(t *testing.T) {
	r := newRig(t, nil)
	one := id(1, 1)
	r.arrive(one, small, quarantine.Held)
	nobody := &client{r: r, h: http.Header{}}
	clients := map[string]*client{}
	for name := range cast {
		clients[name] = r.as(name)
	}
	tried, refused := 0, 0
	for _, rt := range routes() {
		if rt.path == "/logout" {
			continue
		}
		for _, api := range []bool{false, true} {
			target := strings.ReplaceAll(strings.ReplaceAll(rt.path, "{$}", ""), "{id}", one.String())
			if api {
				target = apiPrefix + strings.ReplaceAll(rt.apiPath(), "{id}", one.String())
			}
			ask := func(c *client) int {
				tried++
				switch {
				case rt.method == "GET":
					return c.get(target).Code
				case api:
					return c.call(strings.TrimPrefix(target, apiPrefix), nil).Code
				}
				return c.post(target).Code
			}
			if got := ask(nobody); api && got != http.StatusUnauthorized || !api && got != http.StatusSeeOther {
				t.Errorf("%s %s without a session: %d", rt.method, target, got)
			}
			for name, p := range cast {
				may := slices.ContainsFunc(p.Roles, func(have people.Role) bool { return slices.Contains(rt.roles, have) })
				may = may && (!rt.whole || len(p.Channels) == 0)
				got := ask(clients[name])
				if !may {
					refused++
					if got != http.StatusForbidden {
						t.Errorf("%s %s as %s: %d, want %d", rt.method, target, name, got, http.StatusForbidden)
					}
				} else if got == http.StatusForbidden || got == http.StatusUnauthorized || got >= 500 {
					t.Errorf("%s %s as %s: %d", rt.method, target, name, got)
				}
			}
		}
	}
	if tried < 150 || refused < 40 {
		t.Errorf("%d asked, %d refused: some were not looked at", tried, refused)
	}
}

// TestOtherChannelsAreNotThere: a role for some channels shows nothing of the others.
func TestOtherChannelsAreNotThere(t *testing.T) {
	r := newRig(t, nil)
	r.arrive(id(1, 1), small, quarantine.Held)
	r.arrive(id(2, 1), small, quarantine.Held)
	r.indexed()
	carl := r.as("carl")
	if got := carl.get("/transfers/" + id(1, 1).String()).Code; got != http.StatusNotFound {
		t.Errorf("a transfer of another channel: %d", got)
	}
	if got := carl.get("/transfers/" + id(2, 1).String()).Code; got != http.StatusOK {
		t.Errorf("a transfer of the own channel: %d", got)
	}
	for _, page := range []string{"/transfers", "/transfers?q=updates", "/"} {
		if body := carl.get(page).Body.String(); strings.Contains(body, id(1, 1).String()) {
			t.Errorf("%s shows a transfer of another channel", page)
		}
	}
	var l struct{ Total int }
	carl.read("/transfers", &l)
	if l.Total != 1 {
		t.Errorf("%d transfers", l.Total)
	}
	var o struct{ States []stateCount }
	carl.read("/overview", &o)
	if got := o.States[4]; got != (stateCount{quarantine.Held, 1}) {
		t.Errorf("%+v", got)
	}
}

// TestForgedForms: a POST without the session's token, or from another site, does nothing.
func TestForgedForms(t *testing.T) {
	r := newRig(t, nil)
	one := id(2, 1)
	r.arrive(one, small, quarantine.Held)
	alice := r.as("alice")
	fields := alice.decision(one, "reject", "reason", "not ordered")
	target := "/transfers/" + one.String() + "/decide"
	right := alice.csrf
	for name, change := range map[string]func(){
		"no token":      func() { alice.csrf = "" },
		"wrong token":   func() { alice.csrf = right[:len(right)-1] + "!" },
		"other session": func() { alice.csrf = r.as("bob").csrf },
		"other site":    func() { alice.h.Set("Sec-Fetch-Site", "cross-site") },
		"same site":     func() { alice.h.Set("Sec-Fetch-Site", "same-site") },
		"other origin":  func() { alice.h.Set("Origin", "https://evil.example") },
	} {
		alice.csrf, alice.h = right, http.Header{}
		change()
		if got := alice.post(target, fields...).Code; got != http.StatusForbidden {
			t.Errorf("%s: %d", name, got)
		}
		if got := alice.call("/transfers/"+one.String()+"/decide", map[string]string{"action": "reject", "reason": "x", "proof": fields[3], "verdicts": fields[5]}).Code; got != http.StatusForbidden {
			t.Errorf("%s, API: %d", name, got)
		}
	}
	alice.csrf, alice.h = right, http.Header{}
	if w := alice.do("POST", apiPrefix+"/transfers/"+one.String()+"/decide", strings.NewReader(`{}`), "text/plain"); w.Code != http.StatusBadRequest {
		t.Errorf("an API's POST that a form could make: %d", w.Code)
	}
	if st := r.state(one); st != quarantine.Held {
		t.Fatalf("it is %s", st)
	}
	if w := alice.post(target, fields...); w.Code != http.StatusSeeOther {
		t.Errorf("the right form: %d %s", w.Code, w.Body)
	}
	if st := r.state(one); st != quarantine.Rejected {
		t.Errorf("it is %s", st)
	}
}

// TestHeaders: every answer, also a refusal, has the headers, and no page has anything inline.
func TestHeaders(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Secure = true })
	one := id(1, 1)
	r.arrive(one, checktest.Tree(), quarantine.Held)
	r.indexed()
	ada := r.as("ada")
	for _, target := range []string{"/", "/transfers", "/transfers/" + one.String(), "/link", "/ledger", "/audit", "/session", "/login", "/nothing", "/static/console.css", "/static/nothing",
		"/transfers/" + id(1, 2).String(), apiPrefix + "/overview", apiPrefix + "/nothing", "/transfers?page=x"} {
		w := ada.get(target)
		h := w.Header()
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": "max-age=31536000"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q", target, name, got)
			}
		}
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if got := h.Get("Content-Security-Policy"); !strings.Contains(got, want) || strings.Contains(got, "unsafe") {
				t.Errorf("%s: policy %q", target, got)
			}
		}
		if !strings.HasPrefix(target, "/static") && h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be stored", target)
		}
		body := w.Body.String()
		for _, bad := range []string{"<style", "style=", "onclick", "javascript:", "http://", "https://", "‹unmarked›", "<script>"} {
			if strings.Contains(strings.ReplaceAll(body, "http://www.w3.org/2000/svg", ""), bad) {
				t.Errorf("%s has %q", target, bad)
			}
		}
	}
}

// TestRefusedPagesLeadBack: who is refused keeps the menu and comes back to where they were; a page beyond the last is the last.
func TestRefusedPagesLeadBack(t *testing.T) {
	r := newRig(t, nil)
	one := id(2, 1)
	r.arrive(one, small, quarantine.Held)
	r.indexed()
	alice := r.as("alice")
	w := alice.post("/transfers/"+one.String()+"/confirm", alice.decision(one, "reject")...)
	body := w.Body.String()
	if w.Code != http.StatusBadRequest || !strings.Contains(body, `<a href="/transfers/`+one.String()+`">Back</a>`) || !strings.Contains(body, `<nav aria-label="Pages">`) {
		t.Errorf("%d %s", w.Code, body)
	}
	for from, want := range map[string]string{"http://example.com/transfers?q=a": "/transfers?q=a", "http://evil.example/x": "", "http://example.com/nothing": "", "http://example.com//evil": "",
		"javascript:alert(1)": "", "": ""} {
		alice.h.Set("Referer", from)
		body := alice.get("/nothing").Body.String()
		if !strings.Contains(body, `<nav aria-label="Pages">`) {
			t.Errorf("%s: the menu is gone", from)
		}
		if got := strings.Contains(body, ">Back</a>"); got != (want != "") || got && !strings.Contains(body, `href="`+want+`"`) {
			t.Errorf("from %q: %s", from, body)
		}
	}
	alice.h = http.Header{}
	for target, want := range map[string]string{"/transfers?page=999": "/transfers", "/transfers?state=held&page=2&q=report": "/transfers?q=report&state=held"} {
		if w := alice.get(target); w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("%s: %d %v", target, w.Code, w.Header())
		}
	}
	if w := alice.get(apiPrefix + "/transfers?page=999"); w.Code != http.StatusOK {
		t.Errorf("in the API: %d", w.Code)
	}
}

// TestAPISaysWhatIsWrong: what is missing by its name, more than one object, another method.
func TestAPISaysWhatIsWrong(t *testing.T) {
	r := newRig(t, nil)
	one := id(2, 1)
	r.arrive(one, small, quarantine.Held)
	alice := r.as("alice")
	fields := asMap(alice.decision(one, "approve"))
	for _, name := range []string{"proof", "verdicts"} {
		some := maps.Clone(fields)
		delete(some, name)
		if w := alice.call("/transfers/"+one.String()+"/decide", some); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), name+" is missing") {
			t.Errorf("without %s: %d %s", name, w.Code, w.Body)
		}
	}
	alice.h.Set(csrfHeader, alice.csrf)
	for body, want := range map[string]int{`{}`: 200, ``: 200, " {}\n ": 200, `{} {}`: 400, `{}x`: 400, `{"a":1}`: 400, `[]`: 400, `{}}`: 400} {
		alice := r.as("alice")
		alice.h.Set(csrfHeader, alice.csrf)
		if w := alice.do("POST", apiPrefix+"/logout", strings.NewReader(body), "application/json"); w.Code != want {
			t.Errorf("%q: %d, want %d", body, w.Code, want)
		}
	}
	for target, want := range map[string]string{"/transfers/" + one.String(): "GET", "/transfers/" + one.String() + "/decide": "POST", "/login": "POST", "/overview": "GET"} {
		w := alice.do("PUT", apiPrefix+target, strings.NewReader("{}"), "application/json")
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != want {
			t.Errorf("PUT %s: %d, %q", target, w.Code, w.Header().Get("Allow"))
		}
	}
	if w := alice.do("DELETE", "/login", nil, ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, POST" {
		t.Errorf("DELETE /login: %d, %q", w.Code, w.Header().Get("Allow"))
	}
	if w := alice.do("PUT", apiPrefix+"/nothing", nil, ""); w.Code != http.StatusNotFound {
		t.Errorf("PUT /nothing: %d", w.Code)
	}
}

// TestSessionsEnd: by log-out, by idleness, by age, and by too many; the key is wiped each time.
func TestSessionsEnd(t *testing.T) {
	r := newRig(t, nil)
	alive := func(c *client) bool { return c.get("/session").Code == http.StatusOK }
	held := func(c *client) *session {
		s, err := r.c.sessions.find(c.token, false)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	gone := func(s *session) {
		t.Helper()
		if _, err := s.sign(person.Decision{}); err != errNoKey || s.key != nil {
			t.Errorf("the key is still there: %v", err)
		}
		select {
		case <-s.ended:
		default:
			t.Error("it did not say that it ended")
		}
	}
	a := r.as("alice")
	s := held(a)
	if w := a.post("/logout"); w.Code != http.StatusSeeOther || !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("log-out: %d %q", w.Code, w.Header())
	}
	if alive(a) {
		t.Error("logged out, and still in")
	}
	gone(s)

	a = r.as("alice")
	s = held(a)
	r.skip(DefaultIdle - 1e9)
	a.h.Set(web.LiveHeader, "1")
	if !alive(a) {
		t.Error("ended before its time")
	}
	r.skip(2e9) // the page that renewed itself was no use of it
	r.c.sessions.sweep()
	gone(s)
	a.h.Del(web.LiveHeader)
	if alive(a) {
		t.Error("idle, and still in")
	}

	a = r.as("alice")
	s = held(a)
	for range 8*4 + 1 {
		r.skip(DefaultIdle - 1e9)
		alive(a)
	}
	if alive(a) {
		t.Error("older than the limit, and still in")
	}
	gone(s)

	a = r.as("alice")
	s = held(a)
	for range maxOfPerson {
		r.skip(1e9)
		r.as("alice")
	}
	if alive(a) {
		t.Error("more sessions of one person than there may be")
	}
	gone(s)
	r.c.sessions.endAll()
	if len(r.c.sessions.all) != 0 {
		t.Error("sessions are left")
	}
}
