package console

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// TestPagesOfAHundredThousand: the index is built from the folders, pages are right, and quick, to the last one and in a search.
func TestPagesOfAHundredThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 100,000 folders")
	}
	const n = 100_000
	r := newRig(t, nil)
	for i := range n {
		state := quarantine.Released
		if i%1000 == 7 {
			state = quarantine.Rejected
		}
		if err := os.Mkdir(r.store.Dir(state, id(uint16(1+i%2), uint64(i))), 0o700); err != nil {
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
	t.Logf("slowest page of %d: %v", n, longest)
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

// TestSearchByName: names, in any case, ids, and channels by their whole name.
func TestSearchByName(t *testing.T) {
	r := newRig(t, nil)
	r.arrive(id(1, 1), []checktest.Entry{{Path: "Übersicht März.pdf", Data: []byte("x")}}, quarantine.Held)
	r.arrive(id(2, 2), []checktest.Entry{{Path: "other things", Data: []byte("x")}}, quarantine.Held)
	r.arrive(id(1, 3), []checktest.Entry{{Path: "plain", Data: []byte("x")}}, quarantine.Held)
	r.indexed()
	for q, want := range map[string]int{"übersicht": 1, "M%C3%84RZ": 1, "updates": 2, "other": 1, "plain": 1, "nothing": 0, "%20plain%20": 1, "019a2b3c": 3, "": 3} {
		var l struct{ Total int }
		r.as("vera").read("/transfers?q="+q, &l)
		if l.Total != want {
			t.Errorf("%q finds %d, want %d", q, l.Total, want)
		}
	}
}

// TestNamesComeWithPlans: what arrives is called by its name as soon as its plan is there, in the list, in a search and among what arrives, though nothing moves.
func TestNamesComeWithPlans(t *testing.T) {
	r := newRig(t, nil)
	one := id(1, 1)
	dir, err := r.store.Create(one)
	if err != nil {
		t.Fatal(err)
	}
	r.situation(func(s *quarantine.Situation) {
		s.Transfers = []quarantine.Arriving{{ID: one.String(), Channel: "updates"}}
	})
	r.c.link.take()
	r.indexed()
	vera := r.as("vera")
	names := func() (list, search int, arriving string) {
		var l struct{ Total int }
		vera.read("/transfers?q=report", &l)
		search = l.Total
		vera.read("/transfers", &l)
		var o struct{ Arriving []struct{ Name string } }
		vera.read("/overview", &o)
		return l.Total, search, o.Arriving[0].Name
	}
	if list, search, name := names(); list != 1 || search != 0 || name != "" {
		t.Errorf("without a plan: %d, %d, %q", list, search, name)
	}
	if r.c.index.look(one) {
		t.Error("a look that finds nothing new says that it did")
	}
	checktest.Build(t, one, r.sender, small).Write(t, dir)
	r.c.index.awaited(r.c.link.view(0).last.Transfers)
	r.c.index.gather(t.Context(), <-r.c.index.hint)
	if _, search, name := names(); search != 1 || name != "report.txt" {
		t.Errorf("with it: %d, %q", search, name)
	}
	r.c.index.awaited(r.c.link.view(0).last.Transfers)
	if len(r.c.index.hint) != 0 {
		t.Error("what has a name is looked at again")
	}
	two := id(1, 2) // nobody says that it arrives: the next listing finds its name
	if dir, err = r.store.Create(two); err != nil {
		t.Fatal(err)
	}
	r.indexed()
	checktest.Build(t, two, r.sender, small).Write(t, dir)
	r.indexed()
	if _, search, _ := names(); search != 2 {
		t.Errorf("after a listing: %d", search)
	}
}

// TestPageLeadsToItsForms: a page that was opened before its transfer was held leads to one that has the forms, and the link changes with what would be signed.
func TestPageLeadsToItsForms(t *testing.T) {
	r := newRig(t, nil)
	one := id(2, 1)
	r.arrive(one, small, quarantine.Complete)
	alice := r.as("alice")
	links := regexp.MustCompile(`href="(/transfers/[^"]*)#do-h"`)
	link := func() string {
		t.Helper()
		body := alice.get("/transfers/" + one.String()).Body.String()
		live, _, _ := strings.Cut(body, `id="checks-h"`)
		if found := links.FindStringSubmatch(live); found != nil {
			if !strings.Contains(body, `id="do-h"`) {
				t.Error("it leads nowhere")
			}
			return found[1]
		}
		return ""
	}
	before := link()
	if _, err := r.gate.Run(t.Context(), one, quarantine.Complete); err != nil {
		t.Fatal(err)
	}
	held := link()
	if held == "" || held == before {
		t.Fatalf("held: %q, before %q", held, before)
	}
	if again := link(); again != held {
		t.Errorf("nothing has changed: %q, %q", again, held)
	}
	target := strings.ReplaceAll(held, "&amp;", "&")
	if w := alice.get(target); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Reject for good") {
		t.Errorf("%s: %d", target, w.Code)
	}
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
	rg := newRing(3)
	for i := range 5 {
		rg.put(sample{bytes: uint64(i)})
	}
	if l := rg.last(3); l[0].bytes != 2 || l[2].bytes != 4 {
		t.Errorf("%+v", l)
	}
}
