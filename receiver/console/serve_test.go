package console

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"pawl/hw/web"
)

// serveOn serves a console, index and all, and gives its address.
func serveOn(t *testing.T, address string, cert *tls.Certificate, c *Console) string {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	s, err := web.Listen(web.Address{Network: network, At: address, Certificate: cert}, c.Handler())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- s.Run(ctx) }()
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	return s.Address().String()
}

// TestSocket: a console on a Unix socket, one that was left is replaced, one in use is not.
func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	old, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	old.Close()
	r := newRig(t, nil)
	serveOn(t, path, nil, r.c)
	if _, err := web.Listen(web.Address{Network: "unix", At: path}, r.c.Handler()); err == nil {
		t.Error("a socket in use was taken")
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	w, err := transport.RoundTrip(newRequest(t, "http://console/login"))
	if err != nil || w.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", w, err)
	}
	w.Body.Close()
}

func newRequest(t *testing.T, target string) *http.Request {
	t.Helper()
	req, err := http.NewRequest("GET", target, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// TestLimits: heads and bodies have an end, connections too.
func TestLimits(t *testing.T) {
	r := newRig(t, nil)
	alice := r.as("alice")
	if w := alice.post("/transfers/"+id(1, 1).String()+"/decide", "reason", strings.Repeat("x", 16<<10)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a large form: %d", w.Code)
	}
	if w := alice.call("/transfers/"+id(1, 1).String()+"/decide", map[string]string{"reason": strings.Repeat("x", 16<<10)}); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a large object: %d", w.Code)
	}
	for _, target := range []string{"/transfers?page=0", "/transfers?page=-1", "/transfers?page=99999999999999999999", "/transfers?page=2147483648", "/transfers?state=x",
		"/transfers?q=" + strings.Repeat("x", maxQuery+1)} {
		if got := alice.get(target).Code; got != http.StatusBadRequest {
			t.Errorf("%.40s: %d", target, got)
		}
	}
	at := serveOn(t, "127.0.0.1:0", nil, r.c)
	req := newRequest(t, "http://"+at+"/login")
	req.Header.Set("X", strings.Repeat("x", 40<<10))
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	w, err := transport.RoundTrip(req)
	if err != nil || w.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a large head: %v, %v", w, err)
	} else {
		w.Body.Close()
	}
}

// TestEvents: a page is told of news and of the end of its session, and asking for events keeps no session alive.
func TestEvents(t *testing.T) {
	r := newRig(t, nil)
	at := serveOn(t, "127.0.0.1:0", nil, r.c)
	alice := r.as("alice")
	req := newRequest(t, "http://"+at+"/events")
	req.AddCookie(&http.Cookie{Name: "pawl", Value: alice.token})
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
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
	await("event: link")
	r.c.bell.Ring(topicTransfers)
	await("event: transfers")
	r.c.sessions.end(alice.token, endOut)
	await("event: bye")
	if rest, err := io.ReadAll(w.Body); err != nil || strings.Contains(string(rest), "event:") {
		t.Errorf("after the end: %q, %v", rest, err)
	}
	nobody := &client{r: r, h: http.Header{}}
	if got := nobody.get("/events").Code; got != http.StatusUnauthorized {
		t.Errorf("events for nobody: %d", got)
	}
}
