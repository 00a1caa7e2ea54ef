package console

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/receiver/quarantine"
)

// enter sends the log-in form.
func (r *rig) enter(name, pass string) (*http.Response, string) {
	c := &client{r: r, h: http.Header{}}
	w := c.do("POST", "/login", strings.NewReader(url.Values{"name": {name}, "passphrase": {pass}}.Encode()), "application/x-www-form-urlencoded")
	return w.Result(), w.Body.String()
}

func TestLogin(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Secure = true })
	w, _ := r.enter(" Alice ", passphrase)
	if w.StatusCode != http.StatusSeeOther || len(w.Cookies()) != 2 {
		t.Fatalf("%d, %v", w.StatusCode, w.Cookies())
	}
	k := w.Cookies()[0]
	if k.Name != "__Host-pawl" || !k.HttpOnly || !k.Secure || k.SameSite != http.SameSiteStrictMode || k.Path != "/" || k.Domain != "" || len(k.Value) < 26 {
		t.Errorf("cookie %v", k)
	}
	c := &client{r: r, token: k.Value, h: http.Header{}}
	var s sessionPage
	c.read("/session", &s)
	if s.Person != "alice" || s.CSRF == "" || s.Looks {
		t.Errorf("%+v", s)
	}
	// A person whose key file is another's, or is not there, or who is not one of the people; a name that is a path.
	keys := r.c.Keys
	text, err := os.ReadFile(filepath.Join(keys, "bob.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(keys, "vera.key"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for _, name := range []string{"alice", "vera", "ghost", "nobody", "../keys/alice", ""} {
		pass := passphrase
		if name == "alice" {
			pass = "wrong horse battery"
		}
		w, body := r.enter(name, pass)
		if w.StatusCode != http.StatusUnauthorized || len(w.Cookies()) != 0 {
			t.Errorf("%q: %d, %v", name, w.StatusCode, w.Cookies())
		}
		bodies = append(bodies, body)
	}
	for _, body := range bodies {
		if body != bodies[0] {
			t.Error("the answers differ: a name can be found out")
		}
	}
}

// TestEveryLoginCostsTheSame: who is not there takes as much work as who is.
func TestEveryLoginCostsTheSame(t *testing.T) {
	r := newRig(t, nil)
	best := func(name, pass string) time.Duration {
		least := time.Hour
		for range 3 {
			begun := time.Now()
			r.enter(name, pass)
			least = min(least, time.Since(begun))
			r.c.door.tries.forget("name " + name)
			clear(r.c.door.tries.all)
		}
		return least
	}
	known, unknown, none := best("alice", "wrong horse battery"), best("nobody", "wrong horse battery"), best("ghost", "wrong horse battery")
	t.Logf("known %v, unknown %v, without a key %v", known, unknown, none)
	for _, d := range []time.Duration{unknown, none} {
		if d < known/3 || known < d/3 {
			t.Errorf("known %v, unknown %v, without a key %v", known, unknown, none)
		}
	}
}

// certificate makes one that signs itself.
func certificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestCertificates over a real connection: the mapped certificate looks and does nothing else, another one is nobody's.
func TestCertificates(t *testing.T) {
	server, vera, other := certificate(t, "console.test"), certificate(t, "vera"), certificate(t, "vera")
	r := newRig(t, func(c *Config) {
		c.Secure, c.Certificates = true, map[[32]byte]string{sha256.Sum256(vera.Certificate[0]): "alice"}
	})
	one := id(1, 1)
	r.arrive(one, small, quarantine.Held)
	at := serveOn(t, "127.0.0.1:0", &server, r.c)
	roots := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(server.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(leaf)
	ask := func(cert *tls.Certificate, method, path string) (int, string) {
		config := &tls.Config{RootCAs: roots, ServerName: "console.test"}
		if cert != nil {
			config.Certificates = []tls.Certificate{*cert}
		}
		transport := &http.Transport{TLSClientConfig: config}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequest(method, "https://"+at+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		body, _ := io.ReadAll(w.Body)
		return w.StatusCode, string(body)
	}
	if code, body := ask(&vera, "GET", "/transfers/"+one.String()); code != http.StatusOK || !strings.Contains(body, "looks only") || strings.Contains(body, "Reject for good") {
		t.Errorf("with the certificate: %d", code)
	}
	if code, _ := ask(&vera, "POST", "/transfers/"+one.String()+"/decide"); code != http.StatusForbidden {
		t.Errorf("a decision with a certificate: %d", code)
	}
	for _, c := range []*tls.Certificate{nil, &other} {
		if code, _ := ask(c, "GET", "/transfers"); code != http.StatusSeeOther {
			t.Errorf("another certificate: %d", code)
		}
	}
	r.skip(49 * time.Hour)
	if code, _ := ask(&vera, "GET", "/transfers"); code != http.StatusSeeOther {
		t.Errorf("an expired certificate: %d", code)
	}
	r.skip(-51 * time.Hour)
	if code, _ := ask(&vera, "GET", "/transfers"); code != http.StatusSeeOther {
		t.Errorf("a certificate before its time: %d", code)
	}
}
