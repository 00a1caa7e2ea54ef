package sender

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"pawl/framing"
)

// spinning is a configuration whose channel has a carousel.
func spinning(dir string, c *catcher, k Carousel) Config {
	cfg := testConfig(dir, c)
	cfg.Channels[0].Carousel = k
	return cfg
}

// wholes is how often all symbols of a transfer's content were on the link.
func wholes(t *testing.T, d *daemon, id uint64) float64 {
	t.Helper()
	rec := must(loadRecord(filepath.Join(d.dir, "sent", transferID(7, id))))(t)
	c := must(newCut(rec, framing.ObjectContent, rec.Body))(t)
	n := 0
	for _, p := range transferOf(d.link.all(), id) {
		if p.h.Object == framing.ObjectContent {
			n++
		}
	}
	return float64(n) * testT / float64(c.weight()) / float64(c.copies())
}

// TestRounds: each transfer is sent again so often and no more, the newest first, over a restart; what was confirmed is not; and
// nobody hears of a queue.
func TestRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := spinning(dir, newCatcher(t), Carousel{Age: 6 * time.Hour, Rounds: 2, Gap: 10 * time.Minute})
		cfg.Forecast.Rate = 1e6 // a slow link has fewer announcements in an hour, and each is signed
		d := start(t, cfg)
		outbox := filepath.Join(d.dir, "outbox")
		plant(t, outbox, map[string]string{"a": noise(1, 3_000_000)})
		a := d.done("sent", 1)[0]
		plant(t, outbox, map[string]string{"b": noise(2, 1_000_000)})
		b := d.done("sent", 2)[1]
		plant(t, outbox, map[string]string{"c": noise(3, 400_000)})
		c := d.done("sent", 3)[2]
		must(d.markConfirmed(&sentTransfer{rec: must(loadRecord(filepath.Join(d.dir, "sent", transferID(7, c))))(t), dir: filepath.Join(d.dir, "sent", transferID(7, c)), channel: d.channels[0]}))(t)
		time.Sleep(9 * time.Minute)
		for _, id := range []uint64{a, b, c} {
			if n := wholes(t, d, id); n != 1 {
				t.Errorf("before the gap: %x was sent %v times", id, n)
			}
		}
		d.stop()
		time.Sleep(2 * time.Minute)
		sofar := len(d.link.all())
		d = start(t, cfg)
		time.Sleep(2 * time.Minute)
		first := uint64(0)
		for _, p := range symbols(d.link.all()[sofar:]) {
			if first == 0 {
				first = p.h.Transfer
			}
		}
		if wholes(t, d, a) != 2 || wholes(t, d, b) != 2 || first != b {
			t.Errorf("first round: a %v, b %v, first %x, want %x", wholes(t, d, a), wholes(t, d, b), first, b)
		}
		if s := d.Status(); s.Queue != 0 || !s.Oldest.IsZero() || s.Channels[0].Carousel.Rounds != 2 || s.Channels[0].Carousel.Bytes != 4_000_000 {
			t.Errorf("status: %+v", s)
		}
		d.stop()
		d = start(t, cfg)
		time.Sleep(5 * time.Hour)
		for id, want := range map[uint64]float64{a: 3, b: 3, c: 1} {
			if n := wholes(t, d, id); n != want {
				t.Errorf("%x was sent %v times, want %v", id, n, want)
			}
		}
		d.stop()
		for _, id := range []uint64{a, b} {
			receive(t, d.link.all(), id, nil)
		}
	})
}

// TestRoundBounds: what is too old, or beyond the octets that the newest may come to, has no round.
func TestRoundBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := spinning(dir, newCatcher(t), Carousel{Age: time.Hour, Bytes: 1_500_000, Rounds: 1, Gap: 10 * time.Minute})
		cfg.Channels[0].Windows = []Window{must(ParseWindow("daily 03:00-24:00"))(t)}
		cfg.Forecast.Rate = 1e6 // as in TestRounds
		d := start(t, cfg)
		time.Sleep(3 * time.Hour) // until the window opens
		for name, size := range map[string]int{"a": 1_000_000, "b": 1_000_000} {
			plant(t, filepath.Join(d.dir, "outbox"), map[string]string{name: noise(1, size)})
			time.Sleep(time.Minute)
		}
		ids := d.done("sent", 2)
		time.Sleep(2 * time.Hour)
		if a, b := wholes(t, d, ids[0]), wholes(t, d, ids[1]); a != 1 || b != 2 {
			t.Errorf("sent %v and %v times", a, b)
		}
		d.stop()
	})
}

// TestRoundGivesWay: what comes into the outbox during a round waits for one group of it at most, and the round goes on behind it. People
// may resend what has a round, and a file that changed is told to nobody.
func TestRoundGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := spinning(dir, newCatcher(t), Carousel{Age: 6 * time.Hour, Rounds: 2, Gap: time.Minute})
		cfg.Forecast.Memory = 1 << 20
		d := start(t, cfg)
		outbox := filepath.Join(d.dir, "outbox")
		plant(t, outbox, map[string]string{"a": noise(1, 60_000_000)}) // five seconds
		a := d.done("sent", 1)[0]
		d.until("the round", func() bool { k := d.Status().Channels[0].Carousel; return k.Sent > 10_000_000 })
		dropped, at := time.Now(), len(d.link.all())
		plant(t, dir, map[string]string{"source/b": noise(2, 10_000_000)})
		file := filepath.Join(dir, "source/b")
		b := must(d.claimer.submit(t.Context(), d.channels[0], file))(t).rec.Transfer
		d.done("sent", 2)
		var begin time.Time
		others := 0
		all := d.link.all()[at:]
		last := len(all)
		for last > 0 && (all[last-1].h.Type != framing.TypeSymbol || all[last-1].h.Transfer != b) {
			last--
		}
		for _, p := range symbols(all[:last]) {
			switch {
			case p.h.Transfer == b && begin.IsZero():
				begin = p.at
			case p.h.Transfer == a && !begin.IsZero() && p.h.Object == framing.ObjectContent:
				others++
			}
		}
		// One group, and its neighbour while the small objects of b are on the line.
		if limit := 2 * int(cfg.Forecast.Memory) / testT; begin.Sub(dropped) > 300*time.Millisecond || others > limit {
			t.Errorf("began after %v, %d symbols of the round in between, at most %d", begin.Sub(dropped), others, limit)
		}
		d.until("the rest of the round", func() bool { return d.Status().Channels[0].Carousel.Rounds >= 1 })
		if n := wholes(t, d, a); n != 2 {
			t.Errorf("a was sent %v times", n)
		}
		d.until("the second round", func() bool {
			k := d.Status().Channels[0].Carousel
			return k.Transfer == transferID(7, a) && k.Sent > 1_000_000
		})
		asked[Entry](t, d, Request{Op: OpResend, ID: transferID(7, a)})
		d.until("the resend", func() bool { return d.Status().Sent == 3 })
		if err := os.WriteFile(file, []byte("other"), 0o600); err != nil {
			t.Fatal(err)
		}
		d.until("the rounds of b", func() bool { return loadSpun(filepath.Join(d.dir, "sent", transferID(7, b))).Failed != "" })
		d.stop()
		for _, id := range []uint64{a, b} {
			if r := receive(t, d.link.all(), id, nil); r.proof.Aborted {
				t.Errorf("%x was aborted: %+v", id, r.proof)
			}
		}
	})
}
