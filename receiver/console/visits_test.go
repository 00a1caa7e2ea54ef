package console

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
)

// book is an audit log that can be made to fail.
type book struct {
	fails   error
	entries []string // who: kind and what matters of it
	bodies  []audit.Body
}

func (b *book) enter(who string, body audit.Body) error {
	if b.fails != nil {
		return b.fails
	}
	if _, err := (audit.Off{}).Append("x", body); err != nil {
		return err // what no log takes
	}
	b.bodies = append(b.bodies, body)
	text := ""
	switch e := body.(type) {
	case *audit.Login:
		text = fmt.Sprintf("%s from %s looks=%v late=%v", e.How, e.From, e.Looks, !e.At.IsZero())
	case *audit.Logout:
		text = fmt.Sprintf("%s: %s late=%v", e.Who, e.Reason, !e.At.IsZero())
	case *audit.Refused:
		text = fmt.Sprintf("%q %d tries, %d early, from %v, %d from others", e.Who, e.Tries, e.Early, e.From, e.Others)
	}
	b.entries = append(b.entries, who+": "+body.Kind()+" "+text)
	return nil
}

// told compares what was entered since the last time.
func (b *book) told(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(b.entries, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("entered:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	b.entries = nil
}

func bookRig(t *testing.T) (*rig, *book) {
	b := new(book)
	r := newRig(t, func(c *Config) { c.Enter = b.enter })
	r.c.door.dummy = []byte("no key: it costs nothing") // what is entered is looked at, not the work
	return r, b
}

// in logs somebody in through the door.
func (r *rig) in(name string) *client {
	r.t.Helper()
	w, _ := r.enter(name, passphrase)
	if w.StatusCode != http.StatusSeeOther {
		r.t.Fatalf("log-in of %s: %d", name, w.StatusCode)
	}
	c := &client{r: r, token: w.Cookies()[0].Value, h: http.Header{}}
	var s sessionPage
	c.read("/session", &s)
	c.csrf = s.CSRF
	return c
}

const tester = "192.0.2.1" // where httptest's requests come from

// TestComingAndGoingIsEntered: the log-in before its session begins, and its end with the reason, whichever it is.
func TestComingAndGoingIsEntered(t *testing.T) {
	r, b := bookRig(t)
	login := "alice: login passphrase from " + tester + " looks=false late=false"
	a := r.in("alice")
	b.told(t, login)
	a.post("/logout")
	b.told(t, "alice: logout alice: logged out late=false")
	if in, out := b.bodies[0].(*audit.Login), b.bodies[1].(*audit.Logout); in.Session != out.Session || in.Session == "" {
		t.Errorf("session %q ended as %q", in.Session, out.Session)
	}
	ends := func(reason string) {
		t.Helper()
		r.c.visits.flush(false)
		b.told(t, login, ": logout alice: "+reason+" late=false")
	}
	r.in("alice")
	r.skip(DefaultIdle)
	r.c.sessions.sweep()
	ends("idle")
	a = r.in("alice")
	for range 8*4 + 1 {
		r.skip(DefaultIdle - time.Second)
		a.get("/session")
	}
	ends("as old as a session gets")
	r.in("alice")
	r.c.sessions.endAll()
	ends("the console stopped")
	if w, _ := r.enter("alice", passphrase); w.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a log-in after the end: %d", w.StatusCode)
	}
	r.c.visits.flush(true)
	b.told(t, login, ": logout alice: the console stopped late=false", `: refused "alice" 1 tries, 0 early, from [`+tester+`], 0 from others`)
}

// TestLoggedInAnew: the session before ends, in the person's name; the ninth session of a person ends the first.
func TestLoggedInAnew(t *testing.T) {
	r, b := bookRig(t)
	a := r.in("alice")
	b.entries = nil
	w := a.do("POST", "/login", strings.NewReader(url.Values{"name": {"alice"}, "passphrase": {passphrase}}.Encode()), "application/x-www-form-urlencoded")
	if w.Code != http.StatusSeeOther {
		t.Fatal(w.Code)
	}
	r.c.visits.flush(false)
	login := "alice: login passphrase from " + tester + " looks=false late=false"
	b.told(t, login, "alice: logout alice: logged in anew late=false")
	for range maxOfPerson {
		r.skip(time.Second)
		r.as("alice")
	}
	r.c.visits.flush(false)
	b.told(t, ": logout alice: too many sessions of this person late=false")
}

// TestLoginsOfADayAreBounded: who may come in can't fill the log by coming in.
func TestLoginsOfADayAreBounded(t *testing.T) {
	r, b := bookRig(t)
	r.c.visits.count().logins["alice"] = maxLogins
	if w, body := r.enter("alice", passphrase); w.StatusCode != http.StatusTooManyRequests || !strings.Contains(body, "after midnight") {
		t.Errorf("%d", w.StatusCode)
	}
	b.told(t)
	r.skip(24 * time.Hour)
	r.in("alice")
}

// TestUnwritableLog: who comes in then sees why, decides nothing, and can leave; all of it is entered later, in order, as what it was.
func TestUnwritableLog(t *testing.T) {
	r, b := bookRig(t)
	one := id(2, 1)
	r.arrive(one, small, quarantine.Held)
	b.fails = errors.New("no space left on device")
	r.enter("bob", "wrong horse battery")
	a := r.in("alice")
	page := a.get("/").Body.String()
	for _, want := range []string{"The audit log can&#39;t be written", "no space left on device", "looks only", "Log out"} {
		if !strings.Contains(strings.ReplaceAll(page, "can't", "can&#39;t"), want) {
			t.Errorf("the overview does not say %q", want)
		}
	}
	if text := a.get("/transfers/" + one.String()).Body.String(); !strings.Contains(text, "the audit log could not be written when it began") || strings.Contains(text, "Reject for good") {
		t.Error("the transfer's page does not say why there is nothing to decide")
	}
	w := a.post("/transfers/"+one.String()+"/decide", a.decision(one, "approve")...)
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "audit log could not be written") {
		t.Errorf("a decision: %d %s", w.Code, w.Body)
	}
	if s, err := r.c.sessions.find(a.token, false); err != nil || s.key != nil {
		t.Errorf("the key is still there: %v", err)
	}
	if w := a.post("/logout"); w.Code != http.StatusSeeOther {
		t.Errorf("log-out: %d", w.Code)
	}
	b.told(t)
	r.skip(time.Minute)
	b.fails = nil
	r.c.visits.flush(false)
	b.told(t, "alice: login passphrase from "+tester+" looks=true late=true", "alice: logout alice: logged out late=true",
		`: refused "bob" 1 tries, 0 early, from [`+tester+`], 0 from others`)
	if err := r.c.visits.trouble(); err != nil {
		t.Errorf("still told: %v", err)
	}
	// What waits has an end.
	b.fails = errors.New("no space left on device")
	for i := range maxUnsaid + 10 {
		r.c.visits.left(&session{person: r.find("alice"), name: fmt.Sprintf("%016x", i)}, endIdle)
	}
	r.c.visits.flush(false)
	b.fails = nil
	r.c.visits.flush(false)
	if len(b.entries) != maxUnsaid {
		t.Errorf("%d entries waited", len(b.entries))
	}
}

// TestLooksByCertificateAreEntered once a day and address, and not without end.
func TestLooksByCertificateAreEntered(t *testing.T) {
	vera := certificate(t, "vera")
	leaf, err := x509.ParseCertificate(vera.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	b := new(book)
	r := newRig(t, func(c *Config) {
		c.Secure, c.Certificates, c.Enter = true, map[[32]byte]string{sha256.Sum256(leaf.Raw): "vera"}, b.enter
	})
	look := func(from string) {
		t.Helper()
		req := httptest.NewRequest("GET", "/transfers", nil)
		req.RemoteAddr, req.TLS = from+":1234", &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
		w := newRecorder()
		r.c.Handler().ServeHTTP(w, req)
		if w.Code != http.StatusOK {
			t.Fatal(w.Code)
		}
	}
	entry := func(from string) string { return "vera: login certificate from " + from + " looks=false late=false" }
	for range 3 {
		look("192.0.2.5")
		look("192.0.2.6")
	}
	r.c.visits.flush(false)
	b.told(t, entry("192.0.2.5"), entry("192.0.2.6"))
	for i := range 2 * maxLooks {
		look(fmt.Sprintf("198.51.100.%d", i))
	}
	r.c.visits.flush(false)
	if n := len(b.entries); n != maxLooks-2+1 || b.entries[n-1] != entry(elsewhere) {
		t.Errorf("%d entries, the last %s", n, b.entries[n-1])
	}
	b.entries = nil
	r.skip(24 * time.Hour)
	look("192.0.2.5")
	r.c.visits.flush(false)
	b.told(t, entry("192.0.2.5"))
}

// TestWithoutAuditLog: people come and go as before, and nothing is kept of them.
func TestWithoutAuditLog(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Enter, c.Audit, c.Evidence = nil, nil, nil })
	r.enter("alice", "wrong horse battery")
	a := r.in("alice")
	if a.get("/session").Code != http.StatusOK {
		t.Error("not logged in")
	}
	a.post("/logout")
	r.c.visits.flush(true)
	if n := len(r.c.visits.unsaid); n != 0 {
		t.Errorf("%d entries wait for a log that is not there", n)
	}
	if a.get("/session").Code != http.StatusSeeOther {
		t.Error("still logged in")
	}
}
