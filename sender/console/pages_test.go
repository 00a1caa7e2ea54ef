package console

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pawl/framing/lowlog"
	"pawl/sender"
)

// hostile are names that somebody may drop to turn a page against who reads it.
var hostile = []string{
	"<script>alert(1)<" + "\u2215script>", `"><img src=x onerror=alert(1)>`, "invoice\u202efdp.exe", "{{.Model}}", strings.Repeat("w", 255), strings.Repeat("א", 120) + "x",
	"a\u2028b", "‹unmarked›", "&lt;b&gt;", "'-alert(1)-'", "\u2066isolated", "zero\u200bwidth", "esc\x1b[2J",
}

// fill puts hostile names wherever the daemon and its log may say any.
func (r *rig) fill() (pages []string) {
	for i, name := range hostile {
		e := entryOf(i, name, sender.StateSending)
		e.Bytes = 500
		e.Path, e.Error = name, name
		r.status.Transfers = append(r.status.Transfers, e.TransferStatus)
		r.queue.Transfers = append(r.queue.Transfers, e)
		r.shows[e.ID] = sender.Details{Entry: e, Folder: "/srv/" + name, Source: name, Cancel: name, Claimed: time.Now()}
		r.boxes.Outboxes = append(r.boxes.Outboxes, sender.Outbox{
			IntakeStatus: sender.IntakeStatus{Channel: "docs", Why: name, Looking: true, Fault: name, Waiting: 1},
			Left:         []sender.Left{{Held: sender.Held{Name: name, Why: name}}},
			Refused:      []sender.Refusal{{ID: e.ID, Name: name, State: sender.StateRefused, Path: name, Reason: name}},
		})
		r.enter(&lowlog.Transfer{ID: e.ID, Event: lowlog.Claimed, Name: lowlog.Text(name), Files: 1, Bytes: 1},
			&lowlog.Transfer{ID: e.ID, Event: lowlog.Refused, Name: lowlog.Text(name), Path: lowlog.Text(name), Reason: lowlog.Text(name)}, &lowlog.Stop{Reason: lowlog.Text(name)})
		pages = append(pages, "/transfers/"+e.ID)
	}
	r.status.Warning, r.status.LinkFault, r.status.Fault = hostile[0], hostile[1], &sender.Fault{Text: hostile[2], When: time.Now()}
	r.status.Channels[0].Waits = hostile[1]
	r.status.Intake[0].Fault = hostile[2]
	r.status.Links = []sender.LinkStatus{{Link: 1, Fault: hostile[1], Down: true}}
	pages = append(pages, "/", "/outbox", "/outbox?channel=docs", "/queue", "/history", "/history?event=stop", "/nothing", "/queue?page=x", "/outbox?channel="+url.QueryEscape(hostile[1]))
	for _, name := range hostile {
		pages = append(pages, "/history?q="+url.QueryEscape(name))
	}
	return pages
}

var (
	tags     = regexp.MustCompile(`<[^>]*>`)
	searched = regexp.MustCompile(`<input id="q"[^>]*>|href="[^"]*"`)
	marked   = regexp.MustCompile(`<bdi class="low">(.*?)</bdi>`)
)

// TestHostileNames: in every place that shows them they are escaped, capped, marked, and kept to themselves.
func TestHostileNames(t *testing.T) {
	r := newRig(t, nil)
	pages := r.fill()
	r.sample()
	shown := 0
	for _, page := range pages {
		w := r.get(page)
		body := w.Body.String()
		if w.Code >= 500 || w.Code != http.StatusOK && !strings.Contains(body, `role="alert"`) {
			t.Errorf("%s: %d %s", page, w.Code, body)
		}
		for _, bad := range []string{"<script>", "<img src=x", "onerror=alert(1)>", "\u202e", "\u2028", "\u2066", "\u200b", "\x1b"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %q", page, bad)
			}
		}
		if ours := searched.ReplaceAllString(marked.ReplaceAllString(body, ""), ""); strings.Contains(ours, "‹unmarked›") {
			t.Errorf("%s prints somebody's words without a mark: %s", page, ours)
		}
		for _, bdi := range marked.FindAllStringSubmatch(body, -1) {
			shown++
			if n := len([]rune(bdi[1])); n > 6*shownText || tags.MatchString(bdi[1]) {
				t.Errorf("%s: marked text of %d characters, %.60q", page, n, bdi[1])
			}
		}
	}
	if shown < 20*len(hostile) {
		t.Errorf("%d texts are marked: some pages did not show them", shown)
	}
	for _, page := range []string{"/overview", "/outbox", "/queue", "/history", "/transfers/" + id(0)} {
		if text := r.page(apiPrefix + page); strings.ContainsAny(text, "<\x1b\u202e\u2066") {
			t.Errorf("the API's %s has markup that a browser could take for a page", page)
		}
	}
}

// TestOnlyLooks: whatever is asked of the console, in whatever way, the daemon is asked what changes nothing.
func TestOnlyLooks(t *testing.T) {
	r := newRig(t, nil)
	pages := r.fill()
	r.sample()
	for _, page := range pages {
		r.get(page)
		if page == "/nothing" {
			continue
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			for _, target := range []string{page, apiPrefix + page} {
				if w := r.do(method, target); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
					t.Errorf("%s %s: %d, allow %q", method, target, w.Code, w.Header().Get("Allow"))
				}
			}
		}
	}
	for _, target := range []string{"/nothing", "/static/../console.go", "/static/frame.html", apiPrefix + "/nothing", "/transfers/../../etc/passwd", "/transfers/1-0"} {
		if w := r.get(target); w.Code != http.StatusNotFound && w.Code != http.StatusTemporaryRedirect && w.Code != http.StatusMovedPermanently {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	harmless := []string{"status", "queue", "show", "outbox"}
	slices.Sort(harmless)
	if got := r.ops(); !slices.Equal(got, harmless) {
		t.Errorf("the daemon was asked for %q, want just %q", got, harmless)
	}
	for _, rt := range routes() {
		if rt.page == "" || rt.about == "" || rt.shape == nil {
			t.Errorf("%s has no page, no words or no shape", rt.path)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("an order is handed on to the daemon")
		}
	}()
	_, _ = ask[sender.Entry](t.Context(), r.c.daemon, sender.Request{Op: sender.OpCancel, ID: id(1)}, time.Second)
}

// TestPagesAndTwins: what the pages say and what the API says, of the same things.
func TestPagesAndTwins(t *testing.T) {
	r := newRig(t, nil)
	due, eta := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC), time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
	r.tell(func() {
		one := entryOf(1, "report.tar", sender.StateSending)
		one.Bytes, one.Pass, one.Passes, one.ETA = 630, 1, 2, eta
		two := entryOf(2, "late.bin", sender.StateWaiting)
		two.Channel, two.Held, two.Due, two.Class = "logs", true, due, sender.Bulk
		r.queue.Transfers = []sender.Entry{one, two}
		r.status.Transfers = []sender.TransferStatus{one.TransferStatus}
		r.status.Queue, r.status.QueueSize, r.status.Room = 2, 2000, 512<<20
		r.status.Channels[1] = sender.ChannelStatus{Name: "logs", Weight: 3, Change: due, Queue: 1, Day: "2026-11-23", Bytes: 5 << 20, OfBytes: 10 << 20, Waits: "its window opens at 18:00",
			Carousel: &sender.CarouselStatus{Transfer: id(9), Rounds: 4, Bytes: 77 << 10}}
		r.status.Intake[0] = sender.IntakeStatus{Channel: "docs", Waiting: 7, Full: true}
		r.status.Audit = &sender.AuditStatus{Log: "example.org/pawl/low", Size: 3, Waiting: 2, Lost: 5}
		r.boxes.Outboxes = []sender.Outbox{{IntakeStatus: sender.IntakeStatus{Channel: "docs", Waiting: 2}, Looked: due, More: 1, Older: 3,
			Left:    []sender.Left{{Held: sender.Held{Name: "half.iso", Why: "is open for writing"}, Bytes: 3 << 20, Changed: due}, {Held: sender.Held{Name: "tree", Why: "changed within the quiet time"}, Folder: true}},
			Refused: []sender.Refusal{{ID: id(4), Name: "bad", State: sender.StateRefused, Path: "bad/link", Reason: "is a link", Ended: due}}}}
		sent := entryOf(3, "gone.zip", sender.StateSent)
		r.shows[id(3)] = sender.Details{Entry: sent, Files: 2, Entries: 3, Claimed: due, Ended: eta, Proof: strings.Repeat("ab", 32), Confirmed: &eta, Folder: "/srv/docs/sent/x"}
		r.shows[id(1)] = sender.Details{Entry: one, Files: 1, Entries: 1, Claimed: due}
	})
	r.enter(&lowlog.Start{Version: "1.2.3", Config: strings.Repeat("0a", 32)}, &lowlog.Transfer{ID: id(3), Event: lowlog.Claimed, Name: "gone.zip", Files: 2, Bytes: 1000},
		&lowlog.Transfer{ID: id(3), Event: lowlog.Sent, Name: "gone.zip", Files: 2, Bytes: 1000, Proof: strings.Repeat("ab", 32)}, &lowlog.Repair{ID: id(3), Ticket: "28R7K-0M3FW", Bytes: 99}, &lowlog.Missed{Entries: 12})
	r.sample()
	has(t, r.page("/"), "report.tar", `value="0.63"`, "63 %", "in pass 1 of 2", "expected to have left 2026-11-24 01:02:03Z", "Only 512 MiB are free", "its queue is full",
		"5 entries of the audit log were lost", "closed until <time>2026-11-23 18:00:00Z</time>", "5.0 MiB of 10 MiB", "its window opens at 18:00", "carousel: 4 rounds", `href="/transfers/`+id(9)+`"`,
		`<a href="/outbox?channel=docs">7+</a>`, "2 wait for the disk")
	has(t, r.page("/queue"), "2 transfers", "1 of 2, 63 %", `<span class="state held">held</span>`, "bulk", "next not before <time>2026-11-23 18:00:00Z")
	if only := r.page("/queue?channel=logs"); strings.Contains(only, "report.tar") || !strings.Contains(only, "late.bin") {
		t.Errorf("the queue of one channel: %s", only)
	}
	has(t, r.page("/outbox"), "half.iso", "is open for writing", "3.0 MiB", "folder", "as of 2026-11-23 18:00:00Z", "bad/link", "is a link", "1 more", "3 more")
	has(t, r.page("/transfers/"+id(3)), "gone.zip", strings.Repeat("ab", 32), "confirmed 2026-11-24 01:02:03Z", "2 files, 3 entries", "28R7K-0M3FW", `data-live="history"`)
	has(t, r.page("/transfers/"+id(1)), "report.tar", `value="0.63"`, `data-live="now"`, "Nothing was found")
	has(t, r.page("/history"), "5 entries of example.org/pawl/low", "gone.zip", "missed", "entries", "1.2.3")
	var d struct {
		Now     struct{ Done float64 }
		Proof   string
		History []struct {
			Event    string
			Transfer string
		}
	}
	r.read("/transfers/"+id(3), &d)
	if d.Proof != strings.Repeat("ab", 32) || len(d.History) != 3 || d.History[0].Event != "repair" || d.History[2].Event != "claimed" || d.History[2].Transfer != id(3) {
		t.Errorf("%+v", d)
	}
	if w := r.get("/transfers/" + id(77)); w.Code != http.StatusNotFound {
		t.Errorf("no transfer: %d", w.Code)
	}
	if w := r.get("/outbox?channel=none"); w.Code != http.StatusBadRequest {
		t.Errorf("no channel: %d", w.Code)
	}
}

// TestNoLog: without an audit log the pages say so and what to do; a log that can't be read is an error that is said.
func TestNoLog(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Audit = nil })
	r.sample()
	has(t, r.page("/history"), "No audit log is kept", "<code>off = true</code>")
	r.tell(func() { r.shows[id(1)] = sender.Details{Entry: entryOf(1, "x", sender.StateQueued)} })
	has(t, r.page("/transfers/"+id(1)), "None is kept.")
	r = newRig(t, nil)
	for name := range r.store.Files {
		delete(r.store.Files, name)
	}
	has(t, r.page("/history"), "can't be read")
}

// TestDaemonAway: history and what was seen stay, and the pages say that it is away; when it comes back they go on.
func TestDaemonAway(t *testing.T) {
	r := newRig(t, nil)
	r.enter(&lowlog.Transfer{ID: id(1), Event: lowlog.Claimed, Name: "kept.txt", Files: 1, Bytes: 1})
	has(t, r.page("/"), "pawl-send is not running", "has not answered since")
	r.sample()
	if page := r.page("/"); strings.Contains(page, "is not running") {
		t.Errorf("it runs: %s", page)
	}
	r.stop()
	r.sample()
	for _, page := range []string{"/", "/queue", "/outbox", "/transfers/" + id(1)} {
		has(t, r.page(page), "pawl-send is not running", "It last answered")
	}
	has(t, r.page("/history"), "kept.txt")
	has(t, r.page("/transfers/"+id(1)), "kept.txt")
	has(t, r.page("/"), "unknown") // the charts go on, with a gap
	// A daemon that goes between two samples is away on the page that finds out.
	r.start()
	r.sample()
	r.stop()
	has(t, r.page("/queue"), "pawl-send is not running")
	r.start()
	r.sample()
	if page := r.page("/queue"); strings.Contains(page, "is not running") {
		t.Errorf("it runs again: %s", page)
	}
}
