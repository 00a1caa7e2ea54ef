// Package console is the web pages and the local API through which people see the low side. They look; nothing here changes anything.
//
//	listen ─ limits, headers ─ who may look ─┬─ model ─ page (html/template)
//	  loopback, unix socket, or TLS          └─ model ─ JSON  (/api/v1)
//	  with a pinned certificate
//	daemon's socket ─ status, queue, outbox, show ─ sampler ─ rings ─ charts        audit log's folder ─ View ─ history, search
//
// It is a process of its own beside the daemon and knows none of its keys: a fault here costs no packet, and history and charts are shown
// while the daemon is away. Of the daemon it asks only what changes nothing (daemon.go). A page and its twin in the API are one [route]: the
// same model. Names are the words of those who drop files, of a type of their own, [web.Words], that can't be printed unmarked. Nothing is
// kept on disk. docs/console.md is for those who use it, docs/console-low-api.md is made from the routes; the high side's is
// package receiver/console, with which it shares hw/web and no more.
package console

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"pawl/framing/merkle"
	"pawl/hw/web"
)

// Config is what a console works with.
type Config struct {
	Socket string // the daemon's
	// Audit opens the low side's audit log as it is now; nil: none is kept.
	Audit func() (*merkle.View, error)
	// Pins are the SHA-256 of the clients' certificates (DER) with which one may look, each with a name for the log. None: whoever reaches the
	// console may look, so that it must be on a Unix socket or a loopback address.
	Pins    map[[sha256.Size]byte]string
	Secure  bool // pages come by TLS
	Version string
	Log     *zap.Logger
	Now     func() time.Time // default time.Now
}

// knocks are the lines that the log has of those who are turned away in a minute.
const knocks = 5

// Console is the pages. Make it with [New], serve its Handler while Run runs.
type Console struct {
	Config
	daemon  *daemon
	reading chan struct{} // capacity 1: the audit log is read by one at a time
	door    *zap.Logger   // for who is turned away: nobody fills the log by knocking
	link    *sampler
	bell    *web.Bell
	pages   *web.Pages
	handler http.Handler
}

// New makes a console. Nothing is asked before Run.
func New(c Config) (*Console, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	pages, err := parsePages()
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	d := newDaemon(c.Socket, c.Now)
	con := &Console{Config: c, daemon: d, bell: web.NewBell(), pages: pages, reading: make(chan struct{}, 1)}
	con.link = newSampler(d.status, c.Now, con.news)
	con.door = c.Log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, time.Minute, knocks, 0)
	}))
	con.handler = web.Guard(c.Secure, con.admit(con.mux()))
	return con, nil
}

// Handler serves the pages.
func (c *Console) Handler() http.Handler { return c.handler }

// Run asks the daemon every second until ctx ends, which is no error.
func (c *Console) Run(ctx context.Context) error { return c.link.run(ctx) }

// admit lets through who may look. Without pins that is whoever names this machine: a page of another site whose name is made to point here
// reads nothing, neither on a loopback address nor through a tunnel to the socket.
func (c *Console) admit(next http.Handler) http.Handler {
	if len(c.Pins) == 0 {
		return web.ThisMachine(next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// TLS has proved that the client has the certificate's key; which certificates count is the configuration's word.
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			c.turnAway(w, r, "no certificate")
			return
		}
		if _, known := c.Pins[sha256.Sum256(r.TLS.PeerCertificates[0].Raw)]; !known {
			c.turnAway(w, r, "a certificate that is not one of clients")
			return
		}
		web.Keep(r) // strangers do not push them out
		next.ServeHTTP(w, r)
	})
}

func (c *Console) turnAway(w http.ResponseWriter, r *http.Request, why string) {
	c.door.Warn("console: turned away", zap.String("from", r.RemoteAddr), zap.String("why", why))
	http.Error(w, "this console is for those whose certificate its configuration names (console.clients)", http.StatusForbidden)
}

// Topics of news, as the pages' data-live names them.
const (
	topicNow     = "now"     // each second
	topicQueue   = "queue"   // when something changed, and every few seconds
	topicHistory = "history" // when the audit log has grown
)

// news rings for what has changed since the last sample.
func (c *Console) news(n news) {
	c.bell.Ring(topicNow)
	if n.queue {
		c.bell.Ring(topicQueue)
	}
	if n.history {
		c.bell.Ring(topicHistory)
	}
}

// streamLimit ends a stream of events; the page opens another.
const streamLimit = time.Hour

// events tells a page that there is something new.
func (c *Console) events(w http.ResponseWriter, r *http.Request) {
	c.bell.Stream(w, r, nil, streamLimit)
}
