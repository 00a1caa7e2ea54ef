package console

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

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
