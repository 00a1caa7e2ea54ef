package console

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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

// TestTriesAreCounted: after five wrong passphrases from an address a name waits there, twice as long each time, without any work; a right one then has to wait too.
func TestTriesAreCounted(t *testing.T) {
	r := newRig(t, nil)
	r.c.door.dummy = []byte("no key: it costs nothing") // the counting is looked at, not the work
	for i := range freeTries {
		if w, _ := r.enter("mallory", "wrong horse battery"); w.StatusCode != http.StatusUnauthorized {
			t.Fatalf("try %d: %d", i, w.StatusCode)
		}
	}
	slow := func(want bool) {
		t.Helper()
		w, _ := r.enter("mallory", "wrong horse battery")
		if got := w.StatusCode == http.StatusTooManyRequests; got != want {
			t.Fatalf("%d, want it to wait: %v", w.StatusCode, want)
		}
	}
	for _, wait := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second} {
		slow(true)
		r.skip(wait - time.Second/2)
		slow(true)
		r.skip(time.Second)
		slow(false)
	}
	if w, _ := r.enter("alice", passphrase); w.StatusCode != http.StatusSeeOther {
		t.Errorf("another name: %d", w.StatusCode)
	}
	for range freeOfPlace {
		r.c.door.tries.failed("place 192.0.2.1")
	}
	if w, _ := r.enter("alice", passphrase); w.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the same address, after many tries: %d", w.StatusCode)
	}
	r.skip(forgetAfter)
	if w, _ := r.enter("alice", passphrase); w.StatusCode != http.StatusSeeOther {
		t.Errorf("later: %d", w.StatusCode)
	}
	for i := range 2 * maxTried {
		r.c.door.tries.failed(string(rune('a'+i%26)) + time.Duration(i).String())
	}
	if n := len(r.c.door.tries.all); n > maxTried {
		t.Errorf("%d tries are remembered", n)
	}
}

// TestNobodyIsLockedOutByOthers: others' tries under a name lock them out where they can be told apart, and else make tries come one after another. A browser that the
// person has used before waits for none of that.
func TestNobodyIsLockedOutByOthers(t *testing.T) {
	r := newRig(t, nil)
	synctest.Test(t, func(t *testing.T) {
		d, err := newDoor(r.c.Keys, r.c.People, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		try := func(pass string, from caller) error {
			_, key, answer, _ := d.open(t.Context(), "alice", pass, from)
			if key != nil {
				key.Wipe()
			}
			return answer
		}
		mallory := caller{place: "192.0.2.1"}
		if err := try("wrong", mallory); err != errLogin { // the others are counted without the work
			t.Fatal(err)
		}
		fail := func(what string, n int) {
			for range n {
				d.tries.failed(what)
				d.slow.failed("alice")
			}
		}
		fail("name alice from 192.0.2.1", freeTries-1)
		if err := try(passphrase, mallory); err != errSlow {
			t.Errorf("from there once more: %v", err)
		}
		if err := try(passphrase, caller{place: "192.0.2.2"}); err != nil {
			t.Errorf("from elsewhere: %v", err)
		}
		var waits sync.WaitGroup
		for range maxOfName - 1 {
			waits.Go(func() {
				if err := d.slow.wait(t.Context(), "alice"); err != nil {
					t.Errorf("one of many: %v", err)
				}
			})
		}
		synctest.Wait()
		begun := time.Now()
		if err := try(passphrase, caller{browser: "x"}); err != nil || time.Since(begun) != 0 {
			t.Errorf("a browser that is known: %v after %v", err, time.Since(begun))
		}
		if err := try(passphrase, caller{}); err != nil || time.Since(begun) == 0 || time.Since(begun) > maxOfName*nameEach {
			t.Errorf("another browser, among many: %v after %v", err, time.Since(begun))
		}
		waits.Wait()
		fail("browser x alice", freeTries)
		if err := try(passphrase, caller{browser: "x"}); err != errSlow {
			t.Errorf("a browser that is known has tries without end: %v", err)
		}
	})
}

// TestNamesAreSlow: however many try, tries for one name are let through so far apart, and few wait.
func TestNamesAreSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{now: time.Now, names: map[string]*slowed{}}
		for range freeOfName {
			if err := s.wait(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			s.failed("alice")
		}
		var mu sync.Mutex
		var through []time.Duration
		refused := 0
		begun := time.Now()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				err := s.wait(t.Context(), "alice")
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					refused++
				} else {
					through = append(through, time.Since(begun))
				}
			})
		}
		all.Wait()
		if refused != 100-1-maxOfName {
			t.Errorf("%d were refused", refused)
		}
		for i, at := range through {
			if at != time.Duration(i)*nameEach {
				t.Errorf("the %dth after %v", i, at)
			}
		}
		if err := s.wait(t.Context(), "bob"); err != nil || time.Since(begun) > maxOfName*nameEach {
			t.Errorf("another name: %v", err)
		}
	})
}

// TestSocketNeverLocks: behind a socket all callers look the same, so that nobody's wrong passphrases lock another out.
func TestSocketNeverLocks(t *testing.T) {
	r := newRig(t, nil)
	r.c.door.dummy = []byte("no key: it costs nothing")
	path := filepath.Join(t.TempDir(), "s")
	serveOn(t, path, nil, r.c)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	enter := func(name, pass string) *http.Response {
		t.Helper()
		req, err := http.NewRequest("POST", "http://console/login", strings.NewReader(url.Values{"name": {name}, "passphrase": {pass}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		w.Body.Close()
		return w
	}
	for i := range 2 * freeOfPlace {
		if w := enter("nobody"+string(rune('a'+i%26)), "wrong"); w.StatusCode != http.StatusUnauthorized {
			t.Fatalf("try %d: %d", i, w.StatusCode)
		}
	}
	if w := enter("alice", passphrase); w.StatusCode != http.StatusSeeOther {
		t.Errorf("who has the passphrase: %d", w.StatusCode)
	}
}

// TestMarksAreOnesOwn: the mark of a browser is good for the person who logged in there, and can't be made up.
func TestMarksAreOnesOwn(t *testing.T) {
	r := newRig(t, nil)
	w, _ := r.enter("alice", passphrase)
	var mark *http.Cookie
	for _, k := range w.Cookies() {
		if k.Name == r.c.knownCookie() {
			mark = k
		}
	}
	if mark == nil || !mark.HttpOnly || mark.SameSite != http.SameSiteStrictMode {
		t.Fatalf("cookies %v", w.Cookies())
	}
	ask := func(value, name string) string {
		req := newRequest(t, "http://console/login")
		req.AddCookie(&http.Cookie{Name: mark.Name, Value: value})
		return r.c.caller(req, name).browser
	}
	if got := ask(mark.Value, "alice"); got == "" {
		t.Error("the mark is not known")
	}
	for _, bad := range []string{ask(mark.Value, "bob"), ask("x"+mark.Value, "alice"), ask(mark.Value+"0", "alice"), ask("x.", "alice"), ask("", "")} {
		if bad != "" {
			t.Errorf("taken for a mark: %q", bad)
		}
	}
	c := &client{r: r, token: mark.Value, h: http.Header{}}
	if got := c.get("/session").Code; got != http.StatusSeeOther {
		t.Errorf("the mark as a session: %d", got)
	}
}

// certificate makes one that signs itself.
func certificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
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
	r.skip(2 * time.Hour)
	if code, _ := ask(&vera, "GET", "/transfers"); code != http.StatusSeeOther {
		t.Errorf("an expired certificate: %d", code)
	}
	r.skip(-4 * time.Hour)
	if code, _ := ask(&vera, "GET", "/transfers"); code != http.StatusSeeOther {
		t.Errorf("a certificate before its time: %d", code)
	}
}
