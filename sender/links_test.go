package sender

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pawl/fec"
	"pawl/hw/link"
)

// severalLinks is testConfig with links of the given rates, of which some may be lost.
func severalLinks(t *testing.T, dir string, survive int, rates ...uint64) (Config, []*catcher) {
	t.Helper()
	all := make([]*catcher, len(rates))
	for i := range all {
		all[i] = newCatcher(t)
	}
	cfg := testConfig(dir, all[0])
	cfg.Forecast.Rates, cfg.Forecast.Rate, cfg.Forecast.Survive = rates, 0, survive
	for i, r := range rates {
		cfg.Forecast.Rate += r
		pacer := link.NewTimePacer(r, 0)
		if i == 0 {
			cfg.Pacer = pacer
			continue
		}
		cfg.More = append(cfg.More, Path{Link: all[i], Pacer: pacer, Method: func() string { return fmt.Sprint("m", i) }})
	}
	return cfg, all
}

// without are the packets of all links but one.
func without(all []*catcher, cut int) (out []wirePacket) {
	for i, c := range all {
		if i != cut {
			out = append(out, c.all()...)
		}
	}
	return out
}

// TestSeveralLinks sends over several links: of every block each carries at most its share
// rounded up, sessions have numbers of their own, each link begins with its announcements,
// the rates add up, and what arrives is whole without any one of them, at 1 % loss.
func TestSeveralLinks(t *testing.T) {
	for name, rates := range map[string][]uint64{"two": {100e6, 100e6}, "four": {50e6, 50e6, 50e6, 50e6}, "unequal": {100e6, 60e6, 40e6}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				cfg, links := severalLinks(t, dir, 1, rates...)
				text := noise(1, 6_000_000)
				plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"top/big": text, "top/small": "small"})
				d := start(t, cfg)
				id := d.done("sent", 1)[0]
				st := d.Status()
				d.stop()
				for cut := range links {
					a := receive(t, without(links, cut), id, lossy(uint64(cut), 0.01))
					if a.files["top/big"] != text || a.files["top/small"] != "small" {
						t.Errorf("without link %d something else arrived", cut)
					}
				}
				checkShares(t, links, rates)
				used := map[uint64]bool{}
				for _, c := range links {
					checkStart(t, c.all())
					for session := range c.openers {
						if used[session] {
							t.Errorf("session %d is on two links", session)
						}
						used[session] = true
					}
				}
				checkRate(t, cfg.Forecast, links, id)
				if st.Packets == 0 || len(st.Links) != len(links) || st.LinkFault != "" || st.Links[1].Method != "m1" || st.Links[1].Link != 1 {
					t.Errorf("status %+v", st)
				}
			})
		})
	}
}

// checkShares counts what each link carried of each block.
func checkShares(t *testing.T, links []*catcher, rates []uint64) {
	t.Helper()
	type block struct {
		object byte
		number uint32
	}
	share := make([]map[block]map[uint16]bool, len(links))
	total := map[block]int{}
	for i, c := range links {
		share[i] = map[block]map[uint16]bool{}
		for _, p := range symbols(c.all()) {
			b := block{byte(p.h.Object), p.h.Block}
			if share[i][b] == nil {
				share[i][b] = map[uint16]bool{}
			}
			if !share[i][b][p.h.ESI] {
				total[b]++
			}
			share[i][b][p.h.ESI] = true
		}
	}
	var sum uint64
	for _, r := range rates {
		sum += r
	}
	for b, n := range total {
		for i := range links {
			if most := (uint64(n)*rates[i] + sum - 1) / sum; uint64(len(share[i][b])) > most {
				t.Fatalf("link %d carries %d of %d symbols of %v, its share is %d", i, len(share[i][b]), n, b, most)
			}
		}
	}
}

// checkRate holds the links together to their rate: content crosses in the time that their
// sum takes for it.
func checkRate(t *testing.T, f fec.Link, links []*catcher, id uint64) {
	t.Helper()
	var all []wirePacket
	for _, c := range links {
		for _, p := range transferOf(c.all(), id) {
			if p.h.Block > 0 { // of the content: the others are one block here
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, func(a, b wirePacket) int { return a.at.Compare(b.at) })
	took := all[len(all)-1].at.Sub(all[0].at)
	rate := float64(len(all)*f.WireSize*8) / took.Seconds()
	t.Logf("%d packets in %v: %.1f Mbit/s of %.1f", len(all), took, rate/1e6, float64(f.Rate)/1e6)
	if rate < 0.95*float64(f.Rate) || rate > 1.05*float64(f.Rate) {
		t.Errorf("%.1f Mbit/s over links of %.1f", rate/1e6, float64(f.Rate)/1e6)
	}
}

var errDown = errors.New("network is down")

// TestLinkGivenUp takes one of two links away for ever: the others end their transfers in
// time, whole without it, the status says what is given up; and once it is back, it is used.
func TestLinkGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg, links := severalLinks(t, dir, 1, 100e6, 100e6)
		down := false
		links[1].refuse = func() error {
			if down {
				return errDown
			}
			return nil
		}
		turn := func(to bool) {
			links[1].mu.Lock()
			defer links[1].mu.Unlock()
			down = to
		}
		text := noise(2, 6_000_000)
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"first": text})
		links[0].seen = onContent(func() { turn(true) })
		d := start(t, cfg)
		begun := time.Now()
		id := d.done("sent", 1)[0]
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("the link that stays waited %v", took)
		}
		if a := receive(t, without(links, 1), id, lossy(5, 0.01)); a.files["first"] != text {
			t.Error("something else arrived")
		}
		st := d.Status()
		if !st.Links[1].Down || st.Links[1].GivenUp == 0 || st.Links[1].Retries == 0 || st.Links[0].Down || !strings.Contains(st.LinkFault, "link 1: network is down") {
			t.Errorf("status %+v", st)
		}
		// Packets that were given up had numbers: what follows is one session with a gap.
		links[1].mu.Lock()
		links[1].gaps = true
		links[1].mu.Unlock()
		turn(false)
		d.until("the link to be back", func() bool { return !d.Status().Links[1].Down })
		given := d.Status().Links[1].GivenUp
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"second": text})
		ids := d.done("sent", 2)
		d.stop()
		if a := receive(t, without(links, 0), slices.Max(ids), nil); a.files["second"] != text {
			t.Error("the link that is back doesn't carry its share")
		}
		if now := d.Status().Links[1].GivenUp; now != given {
			t.Errorf("%d packets given up by a link that is back", now-given)
		}
	})
}

// TestLinksHeld: what the plan does not bear is not given up. The sender holds, as with one
// link, and goes on where it was.
func TestLinksHeld(t *testing.T) {
	for name, survive := range map[string]int{"one of two, none may": 0, "two of two, one may": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				cfg, links := severalLinks(t, dir, survive, 1e6, 1e6) // slow: few announcements in an hour
				until := time.Now().Add(time.Hour)
				for _, c := range links[1-survive:] {
					c.gaps = survive > 0
					c.refuse = func() error {
						if time.Now().Before(until) {
							return errDown
						}
						return nil
					}
				}
				text := noise(3, 3_000_000)
				plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"file": text})
				d := start(t, cfg)
				time.Sleep(50 * time.Minute)
				if st := d.Status(); st.Sent != 0 || st.LinkFault == "" {
					t.Errorf("status %+v", st)
				}
				id := d.done("sent", 1)[0]
				if time.Now().Before(until) {
					t.Error("sent before the links took it")
				}
				d.stop()
				if a := receive(t, without(links, -1), id, lossy(4, 0.005)); a.files["file"] != text {
					t.Error("something else arrived")
				}
			})
		})
	}
}

// TestSurrender lets as many lines give a group up as its blocks bear, and a copy always.
func TestSurrender(t *testing.T) {
	var g group
	g.address(3, 2, 1)
	for n, ask := range []struct {
		line int
		may  bool
	}{{1, true}, {1, true}, {0, false}, {2, false}} {
		if g.parts[ask.line].surrender() != ask.may {
			t.Errorf("question %d: may line %d give up: not %v", n, ask.line, ask.may)
		}
	}
	g.parts[2].sent = true
	if !g.parts[2].surrender() || g.parts[0].surrender() {
		t.Error("a copy is no loss")
	}
	g.address(2, 1, 0)
	if g.parts[0].surrender() || g.parts[1].surrender() {
		t.Error("given up where nothing may be")
	}
	// A geometry of before the links were told to be spare.
	p := newPipeline(fec.Link{Rate: 4, Rates: []uint64{1, 1, 1, 1}, Survive: 2})
	for r, want := range map[int]int{2: 0, 24: 0, 40: 1, 110: 2} {
		if got := p.bears(100, r); got != want {
			t.Errorf("K=100 R=%d bears %d links, want %d", r, got, want)
		}
	}
}

func TestBadLinks(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"rates missing":    func(c *Config) { c.Forecast.Rates = nil },
		"a rate too many":  func(c *Config) { c.More = nil },
		"no pacer":         func(c *Config) { c.More[0].Pacer = nil },
		"numbers run out":  func(c *Config) { c.LinkNumber = 255 },
		"hand-set code":    func(c *Config) { c.Channels[0].FEC = &fec.Plan{Code: fec.Leopard8, K: 200, R: 20, Depth: 4} },
		"all may be lost":  func(c *Config) { c.Forecast.Survive = 2 },
		"rates of nothing": func(c *Config) { c.Forecast.Rates = []uint64{0, 200e6} },
	} {
		dir := t.TempDir()
		cfg, _ := severalLinks(t, dir, 1, 100e6, 100e6)
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
		if _, err := os.Stat(cfg.State); err == nil {
			t.Errorf("%s: folders were made", name)
		}
	}
}
