package console

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"pawl/framing/person"
	"pawl/hw/web"
	"pawl/receiver/release/people"
)

// csrfHeader carries the session's token where there is no form.
const csrfHeader = "X-Pawl-CSRF"

// cookie is the name of the session's cookie. The prefix makes browsers refuse one that another host or a page without TLS has set.
func (c *Console) cookie() string {
	if c.Secure {
		return "__Host-pawl"
	}
	return "pawl"
}

func (c *Console) setCookie(w http.ResponseWriter, token string, age int) {
	http.SetCookie(w, &http.Cookie{Name: c.cookie(), Value: token, Path: "/", MaxAge: age, HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteStrictMode})
}

// token is the session's token in a request; "" when there is none.
func (c *Console) token(r *http.Request) string {
	if cookie, err := r.Cookie(c.cookie()); err == nil {
		return cookie.Value
	}
	return ""
}

// session finds who asks: by cookie, or by a client's certificate, which makes a session for this request that can only look.
func (c *Console) session(r *http.Request) (*session, error) {
	if token := c.token(r); token != "" {
		if s, err := c.sessions.find(token, r.Header.Get(web.LiveHeader) == ""); err == nil {
			web.Keep(r)
			return s, nil
		}
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		// TLS has proved that the client has the certificate's key; which certificates count, and when, nobody has asked yet.
		shown, now := r.TLS.PeerCertificates[0], c.Now()
		name, known := c.Certificates[sha256.Sum256(shown.Raw)]
		known = known && !now.Before(shown.NotBefore) && !now.After(shown.NotAfter)
		if p, err := c.People.Find(name); known && err == nil {
			c.visits.looked(name, place(r))
			web.Keep(r)
			return looker(p, c), nil
		}
	}
	return nil, errNoSession
}

// looker is the session of a request with a certificate.
func looker(p people.Person, c *Console) *session {
	now := c.Now()
	return &session{person: p, looks: true, begun: now, used: now, ended: make(chan struct{})}
}

var (
	errCSRF   = errors.New("the form is not one of this session: load the page again")
	errRole   = errors.New("your roles do not allow this")
	errNotNow = errors.New("it has changed since you saw it: look again")
)

// checkCSRF compares the token of a form or of the header with the session's.
func checkCSRF(r *http.Request, s *session) error {
	given := r.Header.Get(csrfHeader)
	if given == "" {
		given = r.PostFormValue("csrf")
	}
	if s.csrf == "" || subtle.ConstantTimeCompare([]byte(given), []byte(s.csrf)) != 1 {
		return errCSRF
	}
	return nil
}

// place is the address that a request came from, for our log.
func place(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "socket"
	}
	return host
}

// login answers the log-in: of the form, and of the API.
func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	api := strings.HasPrefix(r.URL.Path, apiPrefix)
	name, passphrase, err := credentials(r, api)
	if err != nil {
		c.refuse(w, r, api, nil, err)
		return
	}
	from := place(r)
	p, key, answer, cause := c.door.open(r.Context(), name, passphrase, c.caller(r, name))
	var token string
	var s *session
	if answer == nil {
		token, s, answer = c.welcome(p, key, from)
		cause = answer
	}
	if answer != nil {
		c.Log.Warn("log-in refused", zap.String("name", cmp.Or(c.visits.known(name), "(nobody's)")), zap.String("from", from), zap.Error(cause))
		c.visits.turnedAway(name, from, answer == errSlow)
		c.refuse(w, r, api, nil, answer)
		return
	}
	if old := c.token(r); old != "" {
		c.sessions.end(old, endReplaced)
	}
	c.Log.Info("logged in", zap.String("name", p.Name()), zap.String("from", from))
	c.setCookie(w, token, int(c.Limit.Seconds()))
	c.remember(w, p.Name())
	if api {
		writeJSON(w, http.StatusOK, c.describeSession(s))
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// welcome begins a session of somebody whose key was opened, once the log-in is entered. Where it can't be, they may look, so that they can see why,
// and the key is wiped.
func (c *Console) welcome(p people.Person, key *person.Key, from string) (token string, s *session, err error) {
	s = c.sessions.prepare(p, key)
	switch {
	case !c.visits.mayCome(p.Name()):
		err = errOften
	case c.sessions.full():
		err = errFull
	}
	if err != nil {
		s.end()
		return "", nil, err
	}
	if c.visits.came(s, from) != nil {
		s.forget()
	}
	if token, err = c.sessions.begin(s); err != nil {
		reason := endNoRoom
		if errors.Is(err, errStopping) {
			reason = endStopped
		}
		s.end()
		c.visits.left(s, reason)
		c.visits.flush(false)
	}
	return token, s, err
}

// logout ends the session, wipes its key, and enters that.
func (c *Console) logout(q *request) (any, error) {
	c.sessions.end(c.token(q.Request), endOut)
	c.visits.flush(false)
	c.setCookie(q.w, "", -1)
	c.Log.Info("logged out", zap.String("name", q.s.person.Name()))
	q.next = "/login"
	return done{Done: "logged out"}, nil
}
