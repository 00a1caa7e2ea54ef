package sender

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhatIsLeft: what a look leaves is told with the reason, up to a bound; what is gone since is not, and what found no room in the queue is.
func TestWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, Intake{Exclude: []string{"*.tmp"}}, nil)
		if got := y.tell(10); !got.Looked.IsZero() || len(got.Left) != 0 {
			t.Errorf("before any look: %+v", got)
		}
		plant(t, y.dir, map[string]string{"a.tmp": "1234", "b": "12", "folder/": ""})
		y.looks(0)
		got := y.tell(10)
		if len(got.Left) != 3 || got.Waiting != 3 || got.More != 0 || got.Unread || !got.Looked.Equal(time.Now()) {
			t.Fatalf("%+v", got)
		}
		for i, want := range []Left{{Held: Held{"a.tmp", "its name matches"}, Bytes: 4}, {Held: Held{"b", "changed within the quiet time"}, Bytes: 2},
			{Held: Held{"folder", "changed within the quiet time"}, Folder: true}} {
			l := got.Left[i]
			if l.Name != want.Name || !strings.Contains(l.Why, want.Why) || l.Bytes != want.Bytes || l.Folder != want.Folder || l.Changed.Unix() < 1e9 {
				t.Errorf("%+v, want %+v", l, want)
			}
		}
		if got := y.tell(1); len(got.Left) != 1 || got.More != 2 {
			t.Errorf("at most one: %+v", got)
		}
		y.do(os.Remove(y.path("b")))
		if got := y.tell(10); len(got.Left) != 2 {
			t.Errorf("one is gone: %+v", got)
		}
		y.full = func(*channel) bool { return true }
		y.looks(0)
		if got := y.tell(10); !got.Full || !got.Unread || len(got.Left) != 2 || got.Left[1].Why != "the queue of its channel is full" {
			t.Errorf("no room: %+v", got)
		}
		y.full = func(*channel) bool { return false }
		for i := range maxHeldKept + 5 {
			plant(t, y.dir, map[string]string{fmt.Sprintf("%05d.tmp", i): ""})
		}
		y.looks(0)
		if got := y.tell(maxHeldKept); len(got.Left) != maxHeldKept || got.More != 7 || len(y.status().Held) != maxHeldShown {
			t.Errorf("many: %d, %d more, %d in the status", len(got.Left), got.More, len(y.status().Held))
		}
	})
}

// TestOutboxIsAsked: what lies and what was refused, of one channel and of all; and what a sent transfer's details prove.
func TestOutboxIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		cfg.Channels = append(cfg.Channels, Channel{ID: 8, Name: "logs", Folder: filepath.Join(dir, "logs"), Intake: Intake{Complete: CompleteReady}})
		d := start(t, cfg)
		defer d.stop()
		plant(t, filepath.Join(dir, "logs/outbox"), map[string]string{"half": "x"})
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"bad\x01name": "x", "good": "y"})
		id := transferID(7, d.done("sent", 1)[0])
		d.until("a refusal", func() bool { return d.Status().Refused == 1 })
		d.until("a look", func() bool {
			return len(asked[Outboxes](t, d, Request{Op: OpOutbox, Channel: "logs"}).Outboxes[0].Left) == 1
		})
		all := asked[Outboxes](t, d, Request{Op: OpOutbox}).Outboxes
		if len(all) != 2 || all[0].Channel != "docs" || len(all[0].Refused) != 1 || len(all[1].Refused) != 0 {
			t.Fatalf("%+v", all)
		}
		if r := all[0].Refused[0]; r.State != StateRefused || r.Name != "bad\x01name" || !strings.Contains(r.Reason, "name") || r.Ended.IsZero() {
			t.Errorf("refused: %+v", r)
		}
		if l := all[1].Left[0]; l.Name != "half" || !strings.Contains(l.Why, "marker") {
			t.Errorf("left: %+v", l)
		}
		refused(t, d, Request{Op: OpOutbox, Channel: "none"}, `no channel "none"`)
		if det := asked[Details](t, d, Request{Op: OpShow, ID: id}); len(det.Proof) != 64 || det.Confirmed != nil {
			t.Errorf("sent: %+v", det)
		}
	})
}

// TestRefusalsAreBounded: the newest are told of, the others counted, and what is none of ours is passed over.
func TestRefusalsAreBounded(t *testing.T) {
	c := &channel{Channel: Channel{ID: 7, Name: "docs", Folder: t.TempDir()}}
	for i := range uint64(maxRefusals + 3) {
		rec := &record{ID: transferID(7, i), Channel: 7, Transfer: i, Name: "x", State: StateRefused, Reason: "why"}
		dir := filepath.Join(c.folder("refused"), rec.ID)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := rec.store(dir); err != nil {
			t.Fatal(err)
		}
	}
	plant(t, c.folder("refused"), map[string]string{"7-00000000000000ff/": "", "note.txt": "", "8-0000000000000001/": ""})
	got, older, err := c.refusals()
	if err != nil || len(got) != maxRefusals-1 || older != 4 || got[0].ID != transferID(7, maxRefusals+2) {
		t.Errorf("%d, %d older, %v, first %+v", len(got), older, err, got[0])
	}
}
