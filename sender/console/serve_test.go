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
