package console

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

// TestPagesOfAHundredThousand: the index is built from the folders and their plans, pages are right to the last one, and so are searches by id and by name.
func TestPagesOfAHundredThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 100,000 folders")
	}
	const n = 100_000
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", "/dev/shm") // memory serves as disk: minutes of making folders are not what is looked at
	}
	r := newRig(t, nil)
	plans := planFiles(t, n/200) // two hundred transfers have the same one: files take their time
	for i := range n {
		state := quarantine.Released
		if i%1000 == 7 {
			state = quarantine.Rejected
		}
		dir := r.store.Dir(state, id(uint16(1+i%2), uint64(i)))
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Link(plans[i/200], filepath.Join(dir, quarantine.PlanFile))); err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	r.c.index.list(context.Background())
	t.Logf("listed in %v", time.Since(begun))
	vera, carl := r.as("vera"), r.as("carl")
	seen := map[string]bool{}
	var longest time.Duration
	ask := func(c *client, target string) (l struct {
		Total, Pages int
		Transfers    []struct{ ID string }
	}) {
		begun := time.Now()
		c.read(target, &l)
		longest = max(longest, time.Since(begun))
		return l
	}
	for page := 1; ; page += 97 { // not all 2000: the machine is shared
		l := ask(vera, fmt.Sprintf("/transfers?page=%d", page))
		if l.Total != n || l.Pages != n/listPage {
			t.Fatalf("page %d: %d of %d", page, l.Total, l.Pages)
		}
		if page > l.Pages {
			if len(l.Transfers) != 0 {
				t.Errorf("%d transfers beyond the end", len(l.Transfers))
			}
			break
		}
		if len(l.Transfers) != listPage {
			t.Fatalf("page %d has %d", page, len(l.Transfers))
		}
		for _, one := range l.Transfers {
			if seen[one.ID] {
				t.Fatalf("%s is on two pages", one.ID)
			}
			seen[one.ID] = true
		}
	}
	if l := ask(vera, "/transfers?state=rejected"); l.Total != n/1000 {
		t.Errorf("%d rejected", l.Total)
	}
	if l := ask(vera, "/transfers?q="+id(2, 12345).String()[2:]); l.Total != 1 {
		t.Errorf("%d found by id", l.Total)
	}
	if l := ask(carl, "/transfers?page=1000"); l.Total != n/2 || len(l.Transfers) != listPage {
		t.Errorf("of one channel: %d, %d", l.Total, len(l.Transfers))
	}
	r.c.index.fill(context.Background())
	for q, want := range map[string][2]int{"report": {n, n / 2}, "report 00123.PDF": {200, 100}, "Report 0012": {2000, 1000}, "00499": {200, 100}, "report 1": {0, 0}, "x": {0, 0}} {
		for i, c := range []*client{vera, carl} {
			var l struct {
				Total     int
				Unread    int `json:"not_yet_read"`
				Transfers []struct{ Name string }
			}
			c.read("/transfers?q="+url.QueryEscape(q), &l)
			if l.Total != want[i] || l.Unread != 0 || want[i] > 0 && !strings.Contains(strings.ToLower(l.Transfers[0].Name), strings.ToLower(q)) {
				t.Errorf("%q finds %d, want %d; %d are not read", q, l.Total, want[i], l.Unread)
			}
		}
	}
	t.Logf("slowest page of %d: %v", n, longest)
}

// planFiles makes plans of one file each, of different names.
func planFiles(t *testing.T, n int) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		name := fmt.Sprintf("Report %05d.pdf", i)
		plan, err := framing.AppendPlanHead(nil, &framing.PlanHead{Channel: 1, Transfer: 1, Created: 1e9, Name: name, Entries: 1, Content: 1})
		if err == nil {
			plan, err = framing.AppendEntry(plan, &framing.Entry{Path: name, Size: 1, ModTime: 1e18})
		}
		path := filepath.Join(dir, name)
		if err := errors.Join(err, os.WriteFile(path, plan, 0o600)); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// BenchmarkSearch is one search by name among a hundred thousand.
func BenchmarkSearch(b *testing.B) {
	l := &list{}
	for i := range 100_000 {
		l.rows = append(l.rows, &row{id: id(1, uint64(i)), state: quarantine.Released, find: fmt.Sprintf("%s\nreport %06d.pdf", id(1, uint64(i)), i)})
	}
	ask := query{text: "report 099999", channel: func(uint16) bool { return true }}
	b.ReportAllocs()
	for b.Loop() {
		if _, total := l.search(ask, func(uint16) string { return "updates" }, 0, listPage); total != 1 {
			b.Fatalf("found %d", total)
		}
	}
}

// TestIndexFollows: what arrives, moves and goes is in the list without anybody asking.
func TestIndexFollows(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Rescan = time.Hour })
	ear := make(chan struct{}, 1)
	r.c.index.changed = func() {
		select {
		case ear <- struct{}{}:
		default:
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- r.c.index.run(ctx, time.Hour) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	await := func(what string, ok func(*list) bool) {
		t.Helper()
		late := time.After(time.Minute)
		for !ok(r.c.index.now.Load()) {
			select {
			case <-ear:
			case <-late:
				t.Fatalf("%s: never", what)
			}
		}
	}
	at := func(one quarantine.ID, st quarantine.State, name string) func(*list) bool {
		return func(l *list) bool {
			for _, row := range l.rows {
				if row.id == one {
					return row.state == st && row.name.Text() == name
				}
			}
			return false
		}
	}
	await("the first list", func(l *list) bool { return l.ready })
	one := id(2, 1)
	r.arrive(one, small, quarantine.Held)
	await("held", at(one, quarantine.Held, "report.txt"))
	if err := os.RemoveAll(r.store.Dir(quarantine.Held, one)); err != nil {
		t.Fatal(err)
	}
	select {
	case r.c.index.full <- struct{}{}: // what is removed has no event: the next listing finds it
	default:
	}
	await("gone", func(l *list) bool { return len(l.rows) == 0 })
}

// TestSamples: rates and losses are differences; a restart of pawl-receive and silence are gaps, not zeros; a chart has no value there.
func TestSamples(t *testing.T) {
	r := newRig(t, nil)
	start := time.Now().Add(-time.Minute)
	say := func(second int, run time.Time, bytes, packets, lost uint64) {
		r.situation(func(s *quarantine.Situation) {
			s.Time, s.Started, s.PacketsLost = start.Add(time.Duration(second)*time.Second), run, lost
			s.Ledger.Received = quarantine.Count{Packets: packets, Bytes: bytes}
			s.Transfers = []quarantine.Arriving{{ID: id(1, 1).String(), Length: 1000, Blocks: 100, BlocksWritten: uint32(10 * second)}}
			if second == 2 {
				spare := 0.5
				s.Margin = &spare
			}
		})
		r.c.link.take()
	}
	run := start.Add(-time.Hour)
	say(0, run, 1000, 10, 0)
	say(1, run, 3000, 29, 1)
	say(2, run, 5000, 49, 1)
	r.c.link.take()         // nothing new was said
	say(3, start, 10, 1, 0) // another run
	say(4, start, 4010, 3, 0)
	got := r.c.link.view(6).fine
	want := []sample{{}, {seconds: 1, bytes: 2000, packets: 19, lost: 1}, {seconds: 1, bytes: 2000, packets: 20, margin: 0.5, margins: 1}, {}, {}, {seconds: 1, bytes: 4000, packets: 2}}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("sample %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	all := sum(got)
	if share := all.lossShare(); math.Abs(share-1.0/42) > 1e-9 {
		t.Errorf("loss %v", share)
	}
	if rate := r.c.link.view(1).rates[id(1, 1).String()]; rate != 100 {
		t.Errorf("rate %v", rate)
	}
	c := plot("x", "y", 1, got, func(s *sample) (float64, bool) { return float64(s.bytes), true }, func(v float64) string { return fmt.Sprint(v) })
	if len(c.Lines) != 2 || c.Now != "4000" || c.Top != "4000" || c.Value[0] != nil || *c.Value[1] != 2000 {
		t.Errorf("%+v", c)
	}
}
