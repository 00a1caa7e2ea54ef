package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

func TestAddresses(t *testing.T) {
	for _, one := range []struct {
		network, address string
		secure, fine     bool
	}{
		{"tcp", "127.0.0.1:0", false, true}, {"tcp", "[::1]:8443", false, true}, {"unix", "/run/x", false, true}, {"tcp", "0.0.0.0:8443", false, false},
		{"tcp", ":8443", false, false}, {"tcp", "10.0.0.1:80", false, false}, {"tcp", "10.0.0.1:80", true, true}, {"tcp", "localhost:80", true, false},
		{"tcp", "[::ffff:127.0.0.1]:80", false, true}, {"tcp", "[::]:80", false, false},
	} {
		err := CheckAddress(one.network, one.address, one.secure)
		if (err == nil) != one.fine || err != nil && !errors.Is(err, ErrListen) {
			t.Errorf("%+v: %v", one, err)
		}
		if !one.fine {
			if _, err := Listen(Address{Network: one.network, At: one.address}, nil); !errors.Is(err, ErrListen) {
				t.Errorf("%+v is listened on: %v", one, err)
			}
		}
	}
}

// TestBellHoldsWhatRang: news that nobody has looked at yet is kept once, and there is an end of listeners.
func TestBellHoldsWhatRang(t *testing.T) {
	b := NewBell()
	ear := b.listen()
	for range 3 {
		b.Ring("transfers")
	}
	b.Ring("link")
	<-ear
	if got := b.heard(ear); !slices.Equal(got, []string{"link", "transfers"}) {
		t.Errorf("heard %q", got)
	}
	if got := b.heard(ear); got != nil {
		t.Errorf("heard again: %q", got)
	}
	for range maxStreams - 1 {
		b.listen()
	}
	if b.listen() != nil {
		t.Error("more streams than there may be")
	}
	b.leave(ear)
	if b.listen() == nil {
		t.Error("a place that was left is not given again")
	}
}

// TestThisMachine: a name that somebody made point here is not this machine's.
func TestThisMachine(t *testing.T) {
	h := ThisMachine(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for host, want := range map[string]int{
		"localhost:8443": 200, "localhost": 200, "127.0.0.1:8443": 200, "127.8.8.8": 200, "[::1]:8443": 200, "[::ffff:127.0.0.1]:80": 200,
		"evil.example:8443": 421, "localhost.evil.example": 421, "10.0.0.1:8443": 421, "": 421, "0.0.0.0:8443": 421,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
	}
}

// TestKnownHosts: beside this machine only the names that were configured are taken.
func TestKnownHosts(t *testing.T) {
	h := ThisMachine(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), "gateway.example")
	for host, want := range map[string]int{"gateway.example": 200, "Gateway.Example:443": 200, "localhost": 200, "[::1]": 200, "x.gateway.example": 421, "gateway.example.evil": 421, "": 421} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
	}
}

// TestPlotHasGaps: what is not known is no value and no line.
func TestPlotHasGaps(t *testing.T) {
	values := []float64{-1, 3, 1, -1, 2, -1}
	c := Plot("x", "y", 1, len(values), func(i int) (float64, bool) { return values[i], values[i] >= 0 }, func(v float64) string { return time.Duration(v).String() })
	if c.Now != "unknown" || c.Top != "3ns" || len(c.Lines) != 2 || c.Value[0] != nil || *c.Value[4] != 2 {
		t.Errorf("%+v", c)
	}
}

// TestWordsAreMarked: on a page by "low" only, in JSON as text.
func TestWordsAreMarked(t *testing.T) {
	w := Say("<b>\u202ex", 4)
	if got := string(mark(w)); got != `<bdi class="low">&lt;b&gt;\u202e…</bdi>` {
		t.Errorf("mark: %s", got)
	}
	if got := w.String(); got != "‹unmarked›" {
		t.Errorf("unmarked: %s", got)
	}
	if got := Say("abcdef", 9).Short(3).Text(); got != "abc…" {
		t.Errorf("short: %s", got)
	}
	if got, err := w.MarshalJSON(); err != nil || string(got) != `"\u003cb\u003e\\u202e…"` {
		t.Errorf("JSON: %s, %v", got, err)
	}
}

// TestMany: one thing has the word for one.
func TestMany(t *testing.T) {
	for want, got := range map[string]string{"0 files": many(0, "file"), "1 file": many(uint64(1), "file"), "1,234 files": many(1234, "file"),
		"1 entry": many(int64(1), "entry", "entries"), "2 entries": many(uint32(2), "entry", "entries")} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestRing keeps the newest, and is empty where nothing came yet.
func TestRing(t *testing.T) {
	r := NewRing[int](3)
	r.Put(7)
	if got := r.Last(2); !slices.Equal(got, []int{0, 7}) {
		t.Errorf("one: %v", got)
	}
	for i := range 5 {
		r.Put(i)
	}
	if got := r.Last(4); !slices.Equal(got, []int{0, 2, 3, 4}) {
		t.Errorf("after five more: %v", got)
	}
}
