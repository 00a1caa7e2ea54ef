package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"pawl/hw/web"
)

// knownFor is how long a browser is asked to remember that somebody logged in there; a console that is started anew knows it no more.
const knownFor = 400 * 24 * time.Hour

// marks makes and reads the mark that a browser has in which somebody logged in: its number, and the name. It has no rights; it gives that person's tries from there a
// count of their own.
type marks struct{ key [32]byte }

func newMarks() (m marks) {
	_, _ = rand.Read(m.key[:]) // never fails: crypto/rand
	return m
}

func (m marks) sum(browser, name string) string {
	h := hmac.New(sha256.New, m.key[:])
	_, _ = h.Write([]byte(browser + "." + name)) // a hash takes everything
	return hex.EncodeToString(h.Sum(nil))
}

// knownCookie is the name of the mark's cookie.
func (c *Console) knownCookie() string { return c.cookie() + "-known" }

// caller says who tries to log in under a name.
func (c *Console) caller(r *http.Request, name string) caller {
	from := caller{place: web.Origin(r.RemoteAddr)}
	if cookie, err := r.Cookie(c.knownCookie()); err == nil {
		browser, sum, _ := strings.Cut(cookie.Value, ".")
		if hmac.Equal([]byte(sum), []byte(c.marks.sum(browser, name))) {
			from.browser = browser
		}
	}
	return from
}

// remember marks the browser for who has logged in.
func (c *Console) remember(w http.ResponseWriter, name string) {
	browser := rand.Text()
	http.SetCookie(w, &http.Cookie{Name: c.knownCookie(), Value: browser + "." + c.marks.sum(browser, name), Path: "/", MaxAge: int(knownFor.Seconds()), HttpOnly: true,
		Secure: c.Secure, SameSite: http.SameSiteStrictMode})
}
