package console

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"pawl/framing/lowlog"
	"pawl/hw/web"
	"pawl/sender"
)

// TestNobodyElsesHost: a page of another site whose name was made to point here reads nothing, on whatever page.
func TestNobodyElsesHost(t *testing.T) {
	r := newRig(t, nil)
	r.sample()
	at := r.serve(web.Address{Network: "tcp", At: "127.0.0.1:0"})
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	for host, want := range map[string]int{at: 200, "localhost": 200, "evil.example": 421, "localhost.evil.example": 421, "10.0.0.1": 421} {
		for _, path := range []string{"/", apiPrefix + "/overview", "/static/console.js", "/nothing"} {
			req, err := http.NewRequest("GET", "http://"+at+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			w, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			w.Body.Close()
			if got := w.StatusCode; got != want && (want != 200 || path != "/nothing" || got != 404) {
				t.Errorf("%s as %s: %d, want %d", path, host, got, want)
			}
			if w.Header.Get("Content-Security-Policy") != web.Policy {
				t.Errorf("%s as %s: no policy", path, host)
			}
		}
	}
	req, err := http.NewRequest("GET", "http://"+at+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X", strings.Repeat("x", 40<<10))
	w, err := transport.RoundTrip(req)
	if err != nil || w.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a large head: %v, %v", w, err)
	} else {
		w.Body.Close()
	}
}

// TestSocket: on a Unix socket too, whose other end may be a tunnel from somebody's browser.
func TestSocket(t *testing.T) {
	r := newRig(t, nil)
	path := filepath.Join(filepath.Dir(r.path), "c")
	r.serve(web.Address{Network: "unix", At: path})
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	for host, want := range map[string]int{"localhost": 200, "evil.example": 421} {
		req, err := http.NewRequest("GET", "http://"+host+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		w, err := transport.RoundTrip(req)
		if err != nil || w.StatusCode != want {
			t.Fatalf("%s: %v, %v", host, w, err)
		}
		w.Body.Close()
	}
}

// certificate makes one with its key.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

// TestCertificates: over a true connection the pinned certificate looks, another one and none don't, and whoever has only seen the pinned one has not its key.
func TestCertificates(t *testing.T) {
	own, vera, other := certificate(t), certificate(t), certificate(t)
	stolen := tls.Certificate{Certificate: vera.Certificate, PrivateKey: other.PrivateKey}
	core, logged := observer.New(zap.WarnLevel)
	r := newRig(t, func(c *Config) {
		c.Log = zap.New(core)
		c.Secure, c.Pins = true, map[[32]byte]string{sha256.Sum256(vera.Certificate[0]): "vera.crt"}
	})
	r.sample()
	at := r.serve(web.Address{Network: "tcp", At: "127.0.0.1:0", Certificate: &own, Demand: true})
	roots := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(own.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(leaf)
	ask := func(path string, version uint16, certs ...tls.Certificate) (int, error) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MaxVersion: version, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(certs) == 0 {
				return new(tls.Certificate), nil
			}
			return &certs[0], nil
		}}}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequest("GET", "https://"+at+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w, err := transport.RoundTrip(req)
		if err != nil {
			return 0, err
		}
		w.Body.Close()
		return w.StatusCode, nil
	}
	for _, path := range []string{"/", apiPrefix + "/queue", "/static/console.css"} {
		if code, err := ask(path, 0, vera); err != nil || code != 200 {
			t.Errorf("%s with the pinned certificate: %d, %v", path, code, err)
		}
		if code, err := ask(path, 0, other); err != nil || code != 403 {
			t.Errorf("%s with another: %d, %v", path, code, err)
		}
		if code, err := ask(path, 0); err == nil {
			t.Errorf("%s with none: %d", path, code)
		}
		if code, err := ask(path, 0, stolen); err == nil {
			t.Errorf("%s with another's: %d", path, code)
		}
		if code, err := ask(path, tls.VersionTLS12, vera); err == nil {
			t.Errorf("%s by TLS 1.2: %d", path, code)
		}
	}
	for range 2 * knocks {
		if code, err := ask("/events", 0, other); err != nil || code != 403 {
			t.Errorf("events with another: %d, %v", code, err)
		}
	}
	if n := logged.FilterMessage("console: turned away").Len(); n < 1 || n > 2*knocks { // a test may run over the end of a minute
		t.Errorf("%d lines of the log tell of it", n)
	}
}

// TestEvents: a page hears each second that there is something new, of the queue when something changed its place, and of the history when the log grew.
func TestEvents(t *testing.T) {
	r := newRig(t, nil)
	at := r.serve(web.Address{Network: "tcp", At: "127.0.0.1:0"})
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	req, err := http.NewRequest("GET", "http://"+at+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if kind := w.Header.Get("Content-Type"); w.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("%d, %q", w.StatusCode, kind)
	}
	lines := bufio.NewScanner(w.Body)
	await := func(want string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == want {
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", want, lines.Err())
	}
	await("event: hello")
	await("event: now")
	r.tell(func() { r.status.Audit = &sender.AuditStatus{Size: 7} })
	await("event: history")
	r.tell(func() { r.status.Sent++ })
	await("event: queue")
}

// TestNews: what is news and what is not.
func TestNews(t *testing.T) {
	r := newRig(t, nil)
	take := func() news { return r.c.link.take(t.Context()) }
	if n := take(); !n.queue || !n.history {
		t.Errorf("the first: %+v", n)
	}
	if n := take(); n.queue || n.history {
		t.Errorf("nothing new: %+v", n)
	}
	r.tell(func() { r.status.Intake[1].Waiting = 3 })
	if n := take(); !n.queue || n.history {
		t.Errorf("something lies in an outbox: %+v", n)
	}
	r.stop()
	if n := take(); !n.queue {
		t.Errorf("it went: %+v", n)
	}
	if n := take(); !n.queue { // the fifth
		t.Errorf("after a while: %+v", n)
	}
	r.start()
}

// TestSamples: rates are of what was between two answers, and nothing is known over a restart, a change of the configuration or a gap.
func TestSamples(t *testing.T) {
	start := time.Now()
	st := func(wire uint64, queue int) *sender.Status {
		return &sender.Status{Started: start, WireBytes: wire, Queue: queue}
	}
	again := &sender.Status{Started: start.Add(time.Second), WireBytes: 900}
	for i, one := range []struct {
		old, now *sender.Status
		want     sample
	}{
		{nil, st(100, 1), sample{}}, {st(100, 1), st(350, 2), sample{seconds: 2, wire: 250, queue: 2}}, {st(100, 1), again, sample{}}, {st(100, 1), st(99, 1), sample{}},
	} {
		if got := difference(one.old, one.now, 2*time.Second); got != one.want {
			t.Errorf("%d: %+v, want %+v", i, got, one.want)
		}
	}
	s := newSampler(nil, nil, nil)
	for i := range coarseOf {
		s.book(sample{seconds: 1, wire: 10, queue: float64(i)})
	}
	if day := s.coarse.last(2); day[0].seconds != 0 || day[1].seconds != coarseOf || day[1].wire != 10*coarseOf || day[1].queue != coarseOf-1 {
		t.Errorf("a minute: %+v", day)
	}
	c := &sender.Status{Transfers: []sender.TransferStatus{{ID: "1", State: sender.StateSending, Pass: 1, Bytes: 100}, {ID: "2", State: sender.StateQueued}}}
	s.follow(c, start)
	c.Transfers[0].Bytes = 400
	s.follow(c, start.Add(2*time.Second))
	if rate := s.courses["1"].rate(); rate != 150 || len(s.courses) != 1 {
		t.Errorf("rate %v of %d", rate, len(s.courses))
	}
	c.Transfers[0].Pass, c.Transfers[0].Bytes = 2, 50 // the next pass begins from nothing
	s.follow(c, start.Add(3*time.Second))
	if rate := s.courses["1"].rate(); rate != 0 {
		t.Errorf("rate %v", rate)
	}
}

// TestDaemonIsAskedOnce: many who look at once cost the daemon one question, and one that does not answer holds nobody up for ever nor the status.
func TestDaemonIsAskedOnce(t *testing.T) {
	r := newRig(t, func(c *Config) {
		now := time.Now()
		c.Now = func() time.Time { return now }
	})
	r.sample()
	wait := make(chan struct{})
	r.tell(func() { r.deaf = wait })
	done := make(chan int)
	const many = 20
	for range many {
		go func() { done <- r.get("/queue").Code }()
	}
	r.sample() // the status does not wait for its turn
	close(wait)
	for range many {
		if code := <-done; code != http.StatusOK {
			t.Errorf("%d", code)
		}
	}
	n := 0
	r.tell(func() {
		for _, req := range r.asked {
			if req.Op == sender.OpQueue {
				n++
			}
		}
	})
	if n != 1 {
		t.Errorf("asked %d times", n)
	}
	for i := range 3 * keptAtAll {
		r.tell(func() { r.shows[id(i)] = sender.Details{Entry: entryOf(i, "x", sender.StateQueued)} })
		r.get("/transfers/" + id(i))
	}
	if len(r.c.daemon.kept) > keptAtAll {
		t.Errorf("%d answers are kept", len(r.c.daemon.kept))
	}
}

// TestEntriesOfATransfer: those about it from its claim on, and not those that only name it.
func TestEntriesOfATransfer(t *testing.T) {
	r := newRig(t, nil)
	r.enter(&lowlog.Transfer{ID: id(2), Event: lowlog.Refused, Reason: "not " + id(1)}, &lowlog.Transfer{ID: id(1), Event: lowlog.Claimed}, &lowlog.Transfer{ID: id(2), Event: lowlog.Claimed, Name: id(1)},
		&lowlog.Transfer{ID: id(1), Event: lowlog.Sent}, &lowlog.Transfer{ID: id(1), Event: lowlog.Confirmed})
	view, err := r.c.Audit()
	if err != nil {
		t.Fatal(err)
	}
	all, whole, err := about(view, id(1))
	if err != nil || !whole || len(all) != 3 || all[0].Event != "confirmed" || all[2].Index != 1 {
		t.Errorf("%+v, %v, %v", all, whole, err)
	}
	if all, whole, err := about(view, id(3)); err != nil || !whole || len(all) != 0 {
		t.Errorf("of none: %+v, %v, %v", all, whole, err)
	}
}
