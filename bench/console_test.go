package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"pawl/framing/person"
	"pawl/framing/seal"
	"pawl/hw/testbed"
	"pawl/receiver/console"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
	"pawl/receiver/release/people"
)

// desk is a console over a rig's quarantine, and somebody who is logged in.
type desk struct {
	pages  http.Handler
	cookie *http.Cookie
	close  func()
}

// overview is what the console says of the link.
type overview struct {
	Receiving bool
	Rate      float64 `json:"rate_bytes_s"`
	Loss      float64
	Planned   float64 `json:"loss_planned"`
	Rebuilt   uint64
	Margin    *float64 `json:"fec_margin"`
	Lost      uint64   `json:"packets_lost"`
	Kernel    uint64   `json:"kernel_drops"`
	Arriving  []struct {
		ID, Name string
		Length   uint64
		Done     float64
		Rate     float64 `json:"rate_bytes_s"`
	}
}

func newDesk(t *testing.T, root string) *desk {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	vera, err := person.Generate("vera")
	must(err)
	locked, err := vera.Lock([]byte("correct horse"))
	must(err)
	keys := t.TempDir()
	must(os.WriteFile(filepath.Join(keys, "vera.key"), []byte(locked+"\n"), 0o600))
	sender, err := seal.GenerateSenderKey()
	must(err)
	all, err := people.New([]people.Person{{Key: vera.Public(), Roles: []people.Role{people.Viewer}}}, sender.Public())
	must(err)
	store, err := quarantine.Open(root)
	must(err)
	gate := release.NewGate(store, sender.Public(), []release.Channel{{ID: 1, Name: channelName, Inbox: t.TempDir(), Release: release.One}}, "test", zap.NewNop())
	c, err := console.New(console.Config{Root: root, Store: store, Gate: gate, People: all, Keys: keys, Channels: []console.Channel{{ID: 1, Name: channelName}}})
	must(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	d := &desk{pages: c.Handler(), close: func() {
		stop()
		must(<-ended)
	}}
	in := httptest.NewRequest("POST", "/api/v1/login", strings.NewReader(`{"name":"vera","passphrase":"correct horse"}`))
	in.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	d.pages.ServeHTTP(w, in)
	if w.Code != http.StatusOK {
		t.Fatalf("log-in: %d %s", w.Code, w.Body)
	}
	d.cookie = w.Result().Cookies()[0]
	return d
}

// look asks the API for the overview.
func (d *desk) look() (s overview, err error) {
	ask := httptest.NewRequest("GET", "/api/v1/overview", nil)
	ask.AddCookie(d.cookie)
	w := httptest.NewRecorder()
	d.pages.ServeHTTP(w, ask)
	if w.Code != http.StatusOK {
		return s, fmt.Errorf("overview: %d %s", w.Code, w.Body)
	}
	return s, json.Unmarshal(w.Body.Bytes(), &s)
}

// TestConsoleSeesTheLink: while a file crosses a real link that loses 2 % of the packets, the console's overview shows its name, how far it is and at what rate; and it
// shows the loss that is injected, and that repair symbols were used up, though not all.
func TestConsoleSeesTheLink(t *testing.T) {
	testbed.Require(t)
	const loss = 0.02
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	dir, err := workFolder("")
	if err != nil {
		t.Fatal(err)
	}
	bed, err := testbed.Up(testbed.Config{Loss: testbed.Loss{Random: loss}})
	if err != nil {
		t.Fatal(err, os.RemoveAll(dir))
	}
	to := netip.AddrPortFrom(bed.Address(testbed.High, 0), port)
	r := &rig{dir: dir, programs: programs(t), command: bed.Command, settings: settings{
		remote: to, listen: to, mtu: 1500, rate: 60e6, loss: 0.05, seal: "aes-256-gcm", passes: 1, burst: 5 * time.Millisecond, burstEvery: time.Second}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	defer func() { must(errors.Join(r.stop(), bed.Down(), os.RemoveAll(dir))) }()
	must(r.prepare())
	must(r.startReceive(ctx))
	must(r.startSend(ctx))
	d := newDesk(t, r.high("quarantine"))
	defer d.close() // before its quarantine is gone
	must(os.WriteFile(r.source("survey.bin"), noisy(1, 60<<20), 0o644))
	must(os.Rename(r.source("survey.bin"), r.low("channel", "outbox", "survey.bin")))
	var s overview
	must(await(ctx, "the transfer to be seen on its way", r.running(), func() (bool, error) {
		var err error
		s, err = d.look()
		return err == nil && len(s.Arriving) == 1 && s.Arriving[0].Name == "survey.bin" && s.Arriving[0].Done > 0.2 && s.Arriving[0].Done < 1 && s.Arriving[0].Rate > 0 && s.Margin != nil, err
	}))
	if a := s.Arriving[0]; a.Length != 60<<20 || !s.Receiving || s.Planned != 0.05 {
		t.Errorf("on its way: %+v", s)
	}
	must(await(ctx, "the transfer to be whole", r.running(), func() (bool, error) {
		st, _, err := r.stands()
		return st == quarantine.Complete, err
	}))
	must(await(ctx, "nothing to arrive any more", r.running(), func() (bool, error) {
		s, err = d.look()
		return err == nil && len(s.Arriving) == 0, err
	}))
	t.Logf("loss %.4f, %d lost, %d of them in the kernel, %d rebuilt, margin %.3f", s.Loss, s.Lost, s.Kernel, s.Rebuilt, *s.Margin)
	if s.Margin == nil || *s.Margin <= 0 || *s.Margin >= 1 || s.Rebuilt == 0 {
		t.Errorf("repair: %+v", s)
	}
	wire := s.Loss // what the kernel dropped for want of time is lost as well
	if s.Lost > 0 {
		wire *= 1 - float64(s.Kernel)/float64(s.Lost)
	}
	if wire < 0.75*loss || wire > 1.25*loss {
		t.Errorf("loss %.4f, of which %.4f on the wire; %.4f is injected", s.Loss, wire, loss)
	}
}
