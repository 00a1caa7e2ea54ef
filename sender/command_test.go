package sender

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pawl/framing"
)

// asked is the answer to a request, as the socket would give it.
func asked[V any](t *testing.T, d *daemon, req Request) V {
	t.Helper()
	var v V
	said, err := d.command(t.Context(), &req)
	if err != nil {
		t.Fatalf("%+v: %v", req, err)
	}
	text := must(json.Marshal(said))(t)
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func refused(t *testing.T, d *daemon, req Request, want string) {
	t.Helper()
	if said, err := d.command(t.Context(), &req); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%+v: %+v, %v, want %q", req, said, err, want)
	}
}

// TestOrders holds, moves and cancels transfers in every place that one can be in, over a
// restart, and asks what the commands say.
func TestOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		wire := newCatcher(t)
		cfg := testConfig(dir, wire)
		cfg.Forecast.Memory = 2 << 20
		source := t.TempDir()
		text := noise(1, 40_000_000) // more than three seconds
		plant(t, source, map[string]string{"a": text, "b": noise(2, 1_000_000), "c": "three", "d": "four"})
		d := start(t, cfg)
		ids := map[string]string{}
		for _, name := range []string{"a", "b", "c", "d"} {
			ids[name] = must(d.claimer.submit(t.Context(), d.channels[0], filepath.Join(source, name)))(t).rec.ID
		}
		time.Sleep(time.Second)
		if e := asked[Entry](t, d, Request{Op: OpHold, ID: ids["c"]}); !e.Held || e.State != StateQueued || !e.ETA.IsZero() {
			t.Errorf("held: %+v", e)
		}
		e := asked[Entry](t, d, Request{Op: OpHold, ID: ids["a"]})
		if !e.Held || e.State != StateWaiting || e.Bytes == 0 {
			t.Errorf("held: %+v", e)
		}
		if e := asked[Entry](t, d, Request{Op: OpCancel, ID: ids["d"], Reason: "not meant"}); e.ID != ids["d"] {
			t.Errorf("cancelled: %+v", e)
		}
		d.until("b to be sent", func() bool { return d.Status().Sent == 1 })
		d.until("d to be refused", func() bool { return d.Status().Refused == 1 })
		if why := string(must(os.ReadFile(filepath.Join(dir, "docs/refused", ids["d"], reasonFile)))(t)); !strings.Contains(why, "cancelled on the low side: not meant") {
			t.Errorf("reason: %s", why)
		}
		before := len(symbols(wire.all()))
		time.Sleep(time.Minute)
		if after := len(symbols(wire.all())); after != before {
			t.Errorf("%d symbols of what is held", after-before)
		}
		d.stop()

		d = start(t, cfg) // holds and progress survive
		time.Sleep(time.Minute)
		q := asked[Queue](t, d, Request{Op: OpQueue})
		if len(q.Transfers) != 2 || !q.Transfers[0].Held || !q.Transfers[1].Held || len(symbols(wire.all())) != before {
			t.Errorf("after a restart: %+v", q)
		}
		asked[Entry](t, d, Request{Op: OpPriority, ID: ids["c"], Class: "urgent"})
		if e := asked[Entry](t, d, Request{Op: OpResume, ID: ids["a"]}); e.Held || e.ETA.IsZero() || e.ETA.After(time.Now().Add(time.Minute)) {
			t.Errorf("resumed: %+v", e)
		}
		if e := asked[Entry](t, d, Request{Op: OpResume, ID: ids["c"]}); e.Class != Urgent {
			t.Errorf("resumed: %+v", e)
		}
		d.until("c to be sent", func() bool { return d.Status().Sent == 1 })
		if show := asked[Details](t, d, Request{Op: OpShow, ID: ids["a"]}); show.State != StateSending || show.Files != 1 || show.Source != filepath.Join(source, "a") {
			t.Errorf("show: %+v", show)
		}
		if e := asked[Entry](t, d, Request{Op: OpCancel, ID: ids["a"]}); e.ID != ids["a"] {
			t.Errorf("cancelled: %+v", e)
		}
		d.until("the abort", func() bool { return d.Status().Aborted == 1 })
		show := asked[Details](t, d, Request{Op: OpShow, ID: ids["a"]})
		if show.State != StateAborted || show.Ended.IsZero() || !strings.Contains(show.Folder, "refused") {
			t.Errorf("show: %+v", show)
		}
		f := must(loadRecord(filepath.Join(dir, "docs/refused", ids["a"])))(t)
		if a := receive(t, wire.all(), f.Transfer, nil); !a.proof.Aborted || a.proof.Reason != "cancelled on the low side" {
			t.Errorf("proof %+v", a.proof)
		}
		refused(t, d, Request{Op: OpCancel, ID: ids["a"]}, "is finished")
		refused(t, d, Request{Op: OpResend, ID: ids["a"]}, "was given up")
		refused(t, d, Request{Op: OpShow, ID: "7-0000000000000001"}, "no such transfer")
		refused(t, d, Request{Op: OpShow, ID: "../../etc"}, "is no id")
		refused(t, d, Request{Op: OpPriority, ID: ids["a"], Class: "high"}, "is no class")
		refused(t, d, Request{Op: OpHold, ID: "nobody"}, "neither a transfer nor a channel")

		// Once more, under the same id, and the receiver adds up.
		rec := must(loadRecord(filepath.Join(dir, "docs/sent", ids["b"])))(t)
		if e := asked[Entry](t, d, Request{Op: OpResend, ID: ids["b"]}); e.ID != ids["b"] || e.Passes != 2 {
			t.Errorf("resend: %+v", e)
		}
		refused(t, d, Request{Op: OpResend, ID: ids["b"]}, "is in the queue")
		d.until("b to be sent again", func() bool { return d.Status().Sent == 2 })
		d.stop()
		if n := copiesOf(wire.all(), rec.Transfer, framing.ObjectContent); n != 2*max(rec.Body.Copies, 1) {
			t.Errorf("content was sent %d times", n)
		}
		receive(t, wire.all(), rec.Transfer, nil)
	})
}

// TestHeldChannel holds a channel over a restart, plans what would be sent, and says why it waits.
func TestHeldChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		plant(t, dir, map[string]string{"source/x": noise(1, 12_500_000)})
		d := start(t, cfg)
		if c := asked[ChannelStatus](t, d, Request{Op: OpHold, ID: "docs"}); !c.Held {
			t.Errorf("channel: %+v", c)
		}
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"file": "text"})
		time.Sleep(time.Minute)
		d.stop()
		d = start(t, cfg)
		time.Sleep(time.Minute)
		q := asked[Queue](t, d, Request{Op: OpQueue, Channel: "docs"})
		if len(q.Transfers) != 1 || !q.Transfers[0].Held || !strings.Contains(q.Channels[0].Waits, "held") || len(symbols(d.link.all())) != 0 {
			t.Errorf("queue: %+v", q)
		}
		asked[ChannelStatus](t, d, Request{Op: OpResume, ID: "docs"})
		d.done("sent", 1)
		p := asked[PlanAnswer](t, d, Request{Op: OpPlan, Paths: []string{filepath.Join(dir, "source")}})
		if p.Bytes != 12_500_000 || p.Files != 1 || p.Entries != 2 || p.Seconds < 1.02 || p.Seconds > 1.4 || time.Until(p.ETA) > 2*time.Second {
			t.Errorf("plan: %+v", p)
		}
		refused(t, d, Request{Op: OpPlan, Paths: []string{filepath.Join(dir, "nothing")}}, "no such file")
		if left, _ := filepath.Glob(filepath.Join(dir, "state/plan-*")); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
		d.stop()
	})
}

// TestQuota sends what a day allows and no more, over a restart, and the rest the days after.
func TestQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		cfg.Forecast.Memory = 2 << 20
		cfg.Channels[0].Quota = Quota{Bytes: 20_000_000, Files: 3}
		source := t.TempDir()
		plant(t, source, map[string]string{"a": noise(1, 45_000_000), "b": "2", "c": "3", "d": "4", "e": "5"})
		begin := time.Now()
		// sentOn runs the daemon for ten minutes of a day.
		sentOn := func(day int, want ...string) {
			t.Helper()
			time.Sleep(time.Until(begin.AddDate(0, 0, day).Add(12 * time.Hour)))
			d := start(t, cfg)
			defer d.stop()
			if day == 0 {
				for _, name := range []string{"a", "b", "c", "d", "e"} {
					must(d.claimer.submit(t.Context(), d.channels[0], filepath.Join(source, name)))(t)
				}
			}
			time.Sleep(10 * time.Minute)
			if q := asked[Queue](t, d, Request{Op: OpQueue}); day == 1 {
				if eta := q.Transfers[0].ETA; eta.Before(begin.AddDate(0, 0, 2)) || eta.After(begin.AddDate(0, 0, 2).Add(time.Minute)) {
					t.Errorf("expected at %v", eta)
				}
			}
			if st := d.Status().Channels[0]; !strings.Contains(st.Waits, "quota") && day < 3 || st.Bytes > 20_000_000 || st.Files > 3 {
				t.Errorf("day %d: %+v", day, st)
			}
			entries := must(os.ReadDir(filepath.Join(dir, "docs/sent")))(t)
			if len(entries) != len(want) {
				t.Errorf("day %d: sent %d, want %v", day, len(entries), want)
			}
		}
		sentOn(0)
		sentOn(1)
		sentOn(2, "a", "b", "c", "d")
		sentOn(3, "a", "b", "c", "d", "e")
	})
}

// TestRetention removes by age and by size, the oldest first, after writing it down, and
// ends what a killed sweep began.
func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		cfg.Forecast.Rate = 1e5 // a slow link has few packets in a day
		cfg.Channels[0].Keep = Keep{Age: 8 * time.Hour, Bytes: 2500}
		d := start(t, cfg)
		var ids []uint64
		for i, name := range []string{"a", "b", "c"} {
			plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{name: noise(uint64(i), 1000)})
			d.until(name, func() bool { return d.Status().Sent == uint64(i+1) })
			time.Sleep(time.Hour)
		}
		if err := os.MkdirAll(filepath.Join(dir, "docs/sent", gonePrefix+"7-0"), 0o755); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * sweepEvery)
		ids = d.done("sent", 2)
		if len(ids) != 2 {
			t.Errorf("%d are left of 3000 octets in 2500", len(ids))
		}
		time.Sleep(6*time.Hour + 10*time.Minute)
		if ids = d.done("sent", 1); len(ids) != 1 {
			t.Errorf("%d are left after eight hours", len(ids))
		}
		time.Sleep(2 * time.Hour)
		if left := must(os.ReadDir(filepath.Join(dir, "docs/sent")))(t); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
		d.stop()
		lines := strings.Split(strings.TrimSpace(string(must(os.ReadFile(filepath.Join(dir, "state", removedFile)))(t))), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], `"name":"a"`) || !strings.Contains(lines[0], "more than 2500") || !strings.Contains(lines[2], "older than 8h") {
			t.Errorf("journal:\n%s", strings.Join(lines, "\n"))
		}
	})
}

// TestAskRefused hands the daemon's words to the client.
func TestAskRefused(t *testing.T) {
	d, socket := socketDaemon(t)
	defer d.stop()
	var q Queue
	if err := Ask(t.Context(), socket, Request{Op: OpQueue}, &q); err != nil || len(q.Channels) != 2 {
		t.Errorf("%+v, %v", q, err)
	}
	if err := Ask(t.Context(), socket, Request{Op: OpShow, ID: "x"}, &q); !errors.Is(err, ErrDaemon) || !strings.Contains(err.Error(), "is no id") {
		t.Errorf("%v", err)
	}
}
