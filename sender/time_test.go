package sender

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pawl/framing"
	"pawl/framing/seal"
)

// TestPasses sends the same transfer three times: same id, same geometry, same octets, and
// the gap between.
func TestPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		cfg.Channels[0].Passes, cfg.Channels[0].PassGap = 3, time.Minute
		plant(t, filepath.Join(dir, "docs/outbox"), oddTree())
		d := start(t, cfg)
		id := d.done("sent", 1)[0]
		d.stop()
		all := d.link.all()
		receive(t, all, id, nil) // refuses a change of geometry or of octets
		if n := copiesOf(all, id, framing.ObjectContent); n != 3 {
			t.Errorf("content was sent %d times", n)
		}
		var begins []time.Time
		for _, p := range transferOf(all, id) {
			if p.h.Object == framing.ObjectContent && p.h.Block == 0 && p.h.ESI == 0 {
				begins = append(begins, p.at)
			}
		}
		for i := range begins[1:] {
			if gap := begins[i+1].Sub(begins[i]); gap < time.Minute {
				t.Errorf("pass %d begins %v after the one before", i+2, gap)
			}
		}
	})
}

// TestRestart kills a sender in the middle of the content: the next one sends the pass
// again under the same id, in a newer session, and both runs add up.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		link := newCatcher(t)
		cfg := testConfig(dir, link)
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"top/file": noise(1, 5_000_000)})
		d := start(t, cfg)
		d.until("half the content", func() bool { return len(symbols(link.all())) > 2000 })
		d.stop()
		half := link.all()
		claimed := must(os.ReadDir(filepath.Join(dir, "docs/claimed")))(t)
		if len(claimed) != 1 {
			t.Fatalf("claimed/ holds %v", claimed)
		}
		d = start(t, cfg)
		id := d.done("sent", 1)[0]
		d.stop()
		if transferID(7, id) != claimed[0].Name() {
			t.Errorf("%s was sent as %x", claimed[0].Name(), id)
		}
		all := link.all()
		if first, second := all[0].h.Session, all[len(all)-1].h.Session; second <= first {
			t.Errorf("session %d after %d", second, first)
		}
		// Whoever heard the first run needs of the second only what the first had not sent.
		heard := map[[2]int]bool{}
		for _, p := range symbols(half) {
			if p.h.Object == framing.ObjectContent {
				heard[[2]int{int(p.h.Block), int(p.h.ESI)}] = true
			}
		}
		receive(t, all, id, func(p wirePacket) bool {
			return p.h.Session == half[0].h.Session || p.h.Object != framing.ObjectContent || !heard[[2]int{int(p.h.Block), int(p.h.ESI)}]
		})
	})
}

// TestRestartWithOtherSymbolSize begins anew under a new id what was cut for another link.
func TestRestartWithOtherSymbolSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"file": noise(1, 5_000_000)})
		d := start(t, cfg)
		d.until("some content", func() bool { return len(symbols(d.link.all())) > 2000 })
		d.stop()
		claimed := must(os.ReadDir(filepath.Join(dir, "docs/claimed")))(t)
		rec := must(loadRecord(filepath.Join(dir, "docs/claimed", claimed[0].Name())))(t)
		rec.SymbolSize = 8896
		if err := rec.store(filepath.Join(dir, "docs/claimed", claimed[0].Name())); err != nil {
			t.Fatal(err)
		}
		d = start(t, cfg)
		id := d.done("sent", 1)[0]
		d.stop()
		if id <= rec.Transfer {
			t.Errorf("id %x after %x", id, rec.Transfer)
		}
		if a := receive(t, d.link.all(), id, nil); len(a.files["file"]) != 5_000_000 {
			t.Error("file did not arrive")
		}
	})
}

// TestEcho sends small objects again later than a burst, and does not keep the next
// transfer waiting for that.
func TestEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"a": "first", "b": "second"})
		d := start(t, cfg)
		ids := d.done("sent", 2)
		d.stop()
		all := d.link.all()
		for _, id := range ids {
			rec := must(loadRecord(filepath.Join(dir, "docs/sent", transferID(7, id))))(t)
			for object, geo := range map[framing.Object]geometry{
				framing.ObjectContent: rec.Body, framing.ObjectProof: rec.Proof} {
				checkEcho(t, all, id, object, geo)
			}
			if n := copiesOf(all, id, framing.ObjectPlan); n != 1+rec.Plan.Copies {
				t.Errorf("plan was sent %d times", n)
			}
		}
		echo := slices.IndexFunc(all, func(p wirePacket) bool {
			return p.h.Transfer == ids[0] && p.h.Object == framing.ObjectContent && copiesOf(all[:slices.IndexFunc(all, func(q wirePacket) bool { return q.h.Packet == p.h.Packet })], ids[0], framing.ObjectContent) == 1 && p.h.ESI == 0
		})
		second := slices.IndexFunc(all, func(p wirePacket) bool { return p.h.Transfer == ids[1] })
		if second > echo {
			t.Errorf("second transfer begins at packet %d, after the echo of the first at %d", second, echo)
		}
	})
}

func checkEcho(t *testing.T, all []wirePacket, id uint64, object framing.Object, geo geometry) {
	t.Helper()
	if geo.Copies < 2 || geo.Spacing < 2*time.Millisecond {
		t.Errorf("%v: %d copies, %v apart: nothing to test", object, geo.Copies, geo.Spacing)
	}
	var mine []wirePacket
	for _, p := range transferOf(all, id) {
		if p.h.Object == object {
			mine = append(mine, p)
		}
	}
	per := len(mine) / geo.Copies
	if copiesOf(all, id, object) != geo.Copies || len(mine) != per*geo.Copies {
		t.Errorf("%v: %d packets, %d copies, want %d", object, len(mine), copiesOf(all, id, object), geo.Copies)
		return
	}
	for i := per; i < len(mine); i += per {
		if gap := mine[i].at.Sub(mine[i-1].at); gap < geo.Spacing || gap > geo.Spacing+50*time.Millisecond {
			t.Errorf("%v: copy comes %v after the one before, spacing is %v", object, gap, geo.Spacing)
		}
	}
}

// TestRotation announces the next session five times before its first other packet, and
// keeps its number on disk before that.
func TestRotation(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"by time":    func(c *Config) { c.RotateEvery = 20 * time.Second },
		"by packets": func(c *Config) { c.RotatePackets = 60 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				cfg := testConfig(dir, newCatcher(t))
				set(&cfg)
				cfg.Seal = seal.ModeAESGCM
				d := start(t, cfg)
				time.Sleep(2 * time.Minute)
				d.stop()
				checkRotation(t, d.link.all())
				stored := strings.TrimSpace(string(must(os.ReadFile(filepath.Join(dir, "state/session")))(t)))
				if last := d.link.all()[len(d.link.all())-1].h.Session; stored < strconv.FormatUint(last, 10) {
					t.Errorf("stored %s, used %d", stored, last)
				}
			})
		})
	}
}

func checkRotation(t *testing.T, all []wirePacket) {
	t.Helper()
	announced, used := map[uint64]int{}, []uint64{}
	for _, p := range all {
		if p.h.Type == framing.TypeSession {
			announced[p.h.Session]++
			continue
		}
		if len(used) > 0 && used[len(used)-1] == p.h.Session {
			continue
		}
		if len(used) > 0 && (p.h.Session < used[len(used)-1] || announced[p.h.Session] < announcements) {
			t.Errorf("session %d in use after %v, announced %d times", p.h.Session, used, announced[p.h.Session])
		}
		used = append(used, p.h.Session)
	}
	if len(used) < 3 {
		t.Errorf("sessions used: %v", used)
	}
}

// TestTurns lets two channels with many transfers take turns.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		cfg.Channels = append(cfg.Channels, Channel{ID: 8, Name: "logs", Folder: filepath.Join(dir, "logs")})
		for i := range 5 {
			for _, ch := range []string{"docs", "logs"} {
				plant(t, filepath.Join(dir, ch, "outbox"), map[string]string{fmt.Sprint(i): noise(uint64(i), 200_000)})
			}
		}
		d := start(t, cfg)
		d.done("sent", 5)
		d.stop()
		var order []uint16
		seen := map[uint64]bool{}
		for _, p := range symbols(d.link.all()) {
			if !seen[p.h.Transfer] {
				seen[p.h.Transfer] = true
				order = append(order, p.h.Channel)
			}
		}
		if len(order) != 10 {
			t.Fatalf("%d transfers", len(order))
		}
		for i := 2; i < len(order); i++ { // both outboxes are claimed at once, in any order
			if order[i] == order[i-1] && order[i] == order[i-2] {
				t.Errorf("channels in the order %v", order)
			}
		}
	})
}

// TestQuiet leaves an entry alone while something in it changes, and takes what was moved
// in at once.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		news := make(chan Event)
		cfg.Watch = func(ctx context.Context, folder string, events chan<- Event) error {
			for {
				select {
				case e := <-news:
					events <- e
				case <-ctx.Done():
					return nil
				}
			}
		}
		d := start(t, cfg)
		outbox := filepath.Join(dir, "docs/outbox")
		begin := time.Now()
		for i := range 10 { // ten seconds of writing, deep inside
			plant(t, outbox, map[string]string{"grows/sub/file": strings.Repeat("x", i)})
			news <- Event{Name: "grows"}
			time.Sleep(time.Second)
		}
		plant(t, dir, map[string]string{"elsewhere/tree/file": "whole"})
		if err := os.Rename(filepath.Join(dir, "elsewhere/tree"), filepath.Join(outbox, "tree")); err != nil {
			t.Fatal(err)
		}
		news <- Event{Name: "tree", Moved: true}
		ids := d.done("sent", 2)
		d.stop()
		for _, id := range ids {
			a := receive(t, d.link.all(), id, nil)
			at := transferOf(d.link.all(), id)[0].at.Sub(begin)
			switch a.head.Name {
			case "tree":
				if at < 10*time.Second || at > 10*time.Second+500*time.Millisecond {
					t.Errorf("moved in at 10 s, sent at %v", at)
				}
			case "grows":
				if a.files["grows/sub/file"] != strings.Repeat("x", 9) || at < 11*time.Second || at > 14*time.Second {
					t.Errorf("last written at 9 s, sent at %v", at)
				}
			}
		}
	})
}

// TestPlanRepeats tells late starters what is coming: at most each second, at most 1 %.
func TestPlanRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"file": noise(1, 100_000_000)})
		d := start(t, cfg)
		id := d.done("sent", 1)[0]
		d.stop()
		mine := transferOf(d.link.all(), id)
		n := copiesOf(d.link.all(), id, framing.ObjectPlan)
		if span := mine[len(mine)-1].at.Sub(mine[0].at); n < int(span/(2*time.Second)) || n > int(span/time.Second)+4 {
			t.Errorf("plan was sent %d times in %v", n, span)
		}
	})
}
