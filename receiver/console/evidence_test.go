package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// TestEvidenceIsBounded: few packs are made side by side, few requests wait, a large one is refused, and nothing is left behind.
func TestEvidenceIsBounded(t *testing.T) {
	spool := t.TempDir()
	t.Setenv("TMPDIR", spool)
	made := make(chan struct{})
	begun := make(chan struct{}, 100)
	var now, most atomic.Int32
	r := newRig(t, func(c *Config) {
		c.Evidence = func(w io.Writer, id quarantine.ID) error {
			if id.Transfer == 0x019a2b3c4d5e0000+2 {
				for range maxEvidence>>20 + 1 {
					if _, err := w.Write(make([]byte, 1<<20)); err != nil {
						return err
					}
				}
				return errors.New("it had no end")
			}
			n := now.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			begun <- struct{}{}
			<-made
			now.Add(-1)
			_, err := fmt.Fprint(w, "PK of ", id)
			return err
		}
	})
	one, large := id(1, 1), id(1, 2)
	r.arrive(one, small, quarantine.Held)
	r.arrive(large, small, quarantine.Held)
	vera := r.as("vera")
	target := "/transfers/" + one.String() + "/evidence"
	answers := make(chan *httptest.ResponseRecorder, evidenceMade+evidenceWaits)
	var all sync.WaitGroup
	for range evidenceMade + evidenceWaits {
		all.Go(func() { answers <- vera.get(target) })
	}
	for range evidenceMade {
		<-begun
	}
	for len(r.c.packs.all) < cap(r.c.packs.all) { // until all of them have asked
		runtime.Gosched()
	}
	if w := vera.get(target); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one more: %d", w.Code)
	}
	close(made)
	all.Wait()
	close(answers)
	for w := range answers {
		if w.Code != http.StatusOK || w.Body.String() != "PK of "+one.String() || w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	if n := most.Load(); n != evidenceMade {
		t.Errorf("%d were made side by side", n)
	}
	if w := vera.get("/transfers/" + large.String() + "/evidence"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "too large") {
		t.Errorf("a large one: %d", w.Code)
	}
	if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// cut is an answer whose reader goes away after so many octets.
type cut struct {
	recorder
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left < 0 {
		return 0, errors.New("gone")
	}
	return c.recorder.Write(p)
}

// TestListOfAllFiles: one list that was read to its end counts as all pages of files; its names are escaped.
func TestListOfAllFiles(t *testing.T) {
	r := newRig(t, nil)
	one := id(1, 1)
	many := []checktest.Entry{{Path: "d", Dir: true}, {Path: "d/" + hostile[0], Data: []byte("x")}}
	for i := range 3 * filesPage {
		many = append(many, checktest.Entry{Path: fmt.Sprintf("d/file %d", i), Data: []byte("y")})
	}
	r.arrive(one, many, quarantine.Held)
	alice := r.as("alice")
	fields := alice.decision(one, "approve")
	target := "/transfers/" + one.String()
	approve := func() int { return alice.post(target+"/confirm", fields...).Code }
	if got := approve(); got != http.StatusConflict {
		t.Fatalf("one page of files was shown: %d", got)
	}
	req := httptest.NewRequest("GET", target+"/files", nil).WithContext(context.Background())
	req.AddCookie(&http.Cookie{Name: r.c.cookie(), Value: alice.token})
	r.c.Handler().ServeHTTP(&cut{newRecorder(), 8 << 10}, req)
	if got := approve(); got != http.StatusConflict {
		t.Errorf("the list was not read to its end: %d", got)
	}
	w := alice.get(target + "/files")
	body := w.Body.String()
	if w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || strings.Count(body, "\n") != len(many)+2 || !strings.HasSuffix(body, fmt.Sprintf("# %d entries, no more\n", len(many))) {
		t.Errorf("%v, %d lines", w.Header(), strings.Count(body, "\n"))
	}
	if !strings.Contains(body, "\tfolder\td\n") || !strings.Contains(body, "1\t1970-01-01T00:00:00Z\tfile\td/file 1499\n") {
		t.Errorf("%.300s", body)
	}
	if got := approve(); got != http.StatusOK {
		t.Errorf("the list was read: %d", got)
	}
}
