package sender

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"pawl/framing"
)

// repeats counts the symbols of content that were sent a second time in a pass.
func repeats(all []wirePacket, id uint64, passes int) (n int) {
	seen := map[[2]int]int{}
	for _, p := range transferOf(all, id) {
		if p.h.Object == framing.ObjectContent {
			at := [2]int{int(p.h.Block), int(p.h.ESI)}
			if seen[at]++; seen[at] > passes {
				n++
			}
		}
	}
	return n
}

// TestGoesOn kills a sender at random times: the next one goes on where it was, and sends
// at most a second's packets again; what arrives is whole.
func TestGoesOn(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	tree := map[string]string{}
	for i := range 300 {
		tree[fmt.Sprintf("top/%03d", i)] = noise(uint64(i), rng.IntN(150_000))
	}
	for _, c := range []struct {
		name   string
		rate   uint64
		memory uint64
		tree   map[string]string
		passes int
		kills  int
		links  int
	}{
		{name: "one file", rate: 100e6, memory: 2 << 20, tree: map[string]string{"top/big": noise(1, 60_000_000)}, passes: 1, kills: 3, links: 1},
		{name: "many files, twice", rate: 100e6, memory: 2 << 20, tree: tree, passes: 2, kills: 5, links: 1},
		{name: "a group of minutes", rate: 1e6, memory: 64 << 20, tree: map[string]string{"top/big": noise(2, 10_000_000)}, passes: 1, kills: 4, links: 1},
		{name: "over two links", rate: 100e6, memory: 2 << 20, tree: tree, passes: 1, kills: 3, links: 2},
		{name: "groups of two links", rate: 1e6, memory: 64 << 20, tree: map[string]string{"top/big": noise(3, 10_000_000)}, passes: 1, kills: 4, links: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				rates := make([]uint64, c.links)
				for i := range rates {
					rates[i] = c.rate / uint64(c.links)
				}
				cfg, wires := severalLinks(t, dir, 0, rates...)
				if c.links == 1 {
					cfg.Forecast.Rates = nil
				}
				cfg.Forecast.Memory = c.memory
				cfg.Channels[0].Passes = c.passes
				plant(t, filepath.Join(dir, "docs/outbox"), c.tree)
				size := 0
				for _, text := range c.tree {
					size += len(text)
				}
				whole := time.Duration(float64(size*8*c.passes) / float64(c.rate) * float64(time.Second))
				for range c.kills {
					d := start(t, cfg)
					time.Sleep(3*time.Second + time.Duration(rng.Int64N(int64(whole)/int64(c.kills))))
					d.stop()
				}
				d := start(t, cfg)
				id := d.done("sent", 1)[0]
				d.stop()
				all := without(wires, -1)
				if a := receive(t, all, id, nil); len(a.files) != len(c.tree) {
					t.Errorf("%d files arrived", len(a.files))
				} else {
					for name, text := range c.tree {
						if a.files[name] != text {
							t.Errorf("%s is another", name)
						}
					}
				}
				n := repeats(all, id, c.passes)
				second := int(c.rate / 8 / uint64(cfg.Forecast.WireSize))
				t.Logf("%d symbols sent again after %d kills, a second has %d", n, c.kills, second)
				if n > c.kills*second {
					t.Errorf("%d symbols sent again after %d kills: more than a second each", n, c.kills)
				}
				if left, _ := filepath.Glob(filepath.Join(dir, "docs/sent/*/.pawl-progress")); len(left) != 0 {
					t.Errorf("left behind: %v", left)
				}
			})
		})
	}
}

// TestProgressLies gives the next start a progress that can't be: it begins the pass anew.
func TestProgressLies(t *testing.T) {
	dir := t.TempDir()
	rec := &record{Transfer: 5, Pass: 1}
	for name, text := range map[string]string{
		"none":               "",
		"no JSON":            "{",
		"of another":         `{"transfer":6,"pass":1,"phase":1,"group":3}`,
		"of another pass":    `{"transfer":5,"pass":0,"phase":1,"group":3}`,
		"no phase":           `{"transfer":5,"pass":1,"phase":4,"group":3}`,
		"no hash":            `{"transfer":5,"pass":1,"phase":1,"group":3,"hash":"AAAA"}`,
		"a proof not there":  `{"transfer":5,"pass":1,"phase":1,"group":3,"proof":100}`,
		"no proof, then all": `{"transfer":5,"pass":1,"phase":3,"group":3}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, progressFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if p := loadProgress(rec, dir); p.Phase != phasePlan || p.Group != 0 || p.Transfer != 5 || p.Pass != 1 {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
