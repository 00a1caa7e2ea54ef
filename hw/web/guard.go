package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Policy is the Content-Security-Policy: everything comes from here, nothing is inline, nobody frames it.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// LiveHeader marks a request that a page makes by itself: no person works there.
const LiveHeader = "X-Pawl-Live"

// Guard puts what holds for every answer around a handler: headers, a bound on bodies, and that requests of other sites are refused. secure says that
// pages come by TLS.
func Guard(secure bool, next http.Handler) http.Handler {
	inner := http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(next, bodyLimit))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", Policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		inner.ServeHTTP(w, r)
	})
}

// ThisMachine lets only requests through that name this machine, or a host that it is known by (a proxy in front may keep the name that it was asked for): a page of
// another site whose name is made to point to a loopback address (DNS rebinding) reads nothing.
func ThisMachine(next http.Handler, known ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		named := host == "localhost" || slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, host) })
		if at, err := netip.ParseAddr(strings.Trim(host, "[]")); !named && (err != nil || !at.Unmap().IsLoopback()) {
			http.Error(w, "ask for this page as "+strings.Join(append([]string{"localhost"}, known...), " or "), http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
