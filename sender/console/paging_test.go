package console

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pawl/framing/lowlog"
	"pawl/sender"
)

// TestPaging: ten thousand transfers and a hundred thousand entries, in pages and with bounds.
func TestPaging(t *testing.T) {
	r := newRig(t, nil)
	r.tell(func() {
		for i := range 10_000 {
			r.queue.Transfers = append(r.queue.Transfers, entryOf(i, fmt.Sprintf("file%05d", i), sender.StateQueued))
		}
		r.queue.More = 3
		var box sender.Outbox
		box.Channel, box.Waiting = "docs", 1000
		for i := range 1000 {
			box.Left = append(box.Left, sender.Left{Held: sender.Held{Name: fmt.Sprintf("left%04d", i), Why: "w"}})
		}
		r.boxes.Outboxes = []sender.Outbox{box}
	})
	const entries = 120_000
	bodies := make([]lowlog.Body, entries)
	for i := range bodies {
		event, name := lowlog.Claimed, fmt.Sprintf("file%06d", i)
		if i%1000 == 0 {
			event, name = lowlog.Refused, "Größe \"x\"\\"
		}
		bodies[i] = &lowlog.Transfer{ID: id(i), Event: event, Name: name, Files: 1, Bytes: 1}
	}
	r.enter(bodies...)
	r.sample()
	type list struct {
		Page, Pages, Total, More int
		Transfers                []struct{ Name string }
		Outboxes                 []struct {
			More int
			Left []struct{ Name string }
		}
		Entries []struct {
			Index int64
			Name  string
		}
		Looked      int64
		Next_before *int64
		Size        int64
	}
	ask := func(target string) (l list) {
		t.Helper()
		if size := len(r.page(target)); size > 400<<10 {
			t.Errorf("%s: a page of %d octets", target, size)
		}
		r.read(target, &l)
		return l
	}
	if l := ask("/queue?page=200"); l.Pages != 200 || l.Total != 10_000 || l.More != 3 || len(l.Transfers) != queueEach || l.Transfers[0].Name != "file09950" {
		t.Errorf("queue: %+v", l)
	}
	if l := ask("/queue?page=201"); len(l.Transfers) != 0 {
		t.Errorf("beyond the queue: %+v", l)
	}
	if l := ask("/outbox?channel=docs&page=10"); l.Pages != 10 || len(l.Outboxes[0].Left) != outboxEach || l.Outboxes[0].Left[0].Name != "left0900" {
		t.Errorf("outbox: %+v", l)
	}
	if l := ask("/outbox"); len(l.Outboxes[0].Left) != outboxFew || l.Outboxes[0].More != 1000-outboxFew {
		t.Errorf("outboxes: %+v", l)
	}
	if l := ask("/history?page=2400"); l.Size != entries || l.Pages != entries/historyEach || len(l.Entries) != historyEach || l.Entries[historyEach-1].Index != 0 {
		t.Errorf("history: %+v", l)
	}
	if l := ask("/history?page=2401"); len(l.Entries) != 0 {
		t.Errorf("beyond the history: %+v", l)
	}
	// What stands at the beginning is found in two steps, none of which looks through more than its bound.
	found, target := []int64{}, "/history?q=FILE000001"
	for step := range 2 {
		l := ask(target)
		for _, e := range l.Entries {
			found = append(found, e.Index)
		}
		if l.Looked > lookThrough || (l.Next_before == nil) != (step == 1) {
			t.Fatalf("step %d: %+v", step, l)
		}
		if l.Next_before != nil {
			target = fmt.Sprintf("/history?q=FILE000001&before=%d", *l.Next_before)
		}
	}
	if !slices.Equal(found, []int64{1}) {
		t.Errorf("found %v", found)
	}
	if l := ask("/history?event=refused&q=" + url.QueryEscape(`GRÖSSE`)); len(l.Entries) != 0 {
		t.Errorf("ß is not SS: %+v", l)
	}
	for _, q := range []string{"größe", `"x"\`, `\u00f6ße`, `gr\xc3\xb6`, id(119_000)[:10]} {
		l := ask("/history?event=refused&q=" + url.QueryEscape(q))
		if len(l.Entries) != historyEach || l.Entries[0].Index != 119_000 || *l.Next_before != 70_000 {
			t.Errorf("%q: %+v", q, l)
		}
	}
	for _, target := range []string{"/queue?page=0", "/queue?page=-1", "/history?page=99999999999999999999", "/history?page=2147483648", "/history?event=x", "/history?before=-1",
		"/history?before=x", "/history?q=" + strings.Repeat("x", maxQuery+1)} {
		if got := r.get(target).Code; got != http.StatusBadRequest {
			t.Errorf("%.40s: %d", target, got)
		}
	}
	// An old transfer's entries are further back than a page looks, and it says so.
	r.tell(func() { r.shows[id(5)] = sender.Details{Entry: entryOf(5, "old", sender.StateSent)} })
	has(t, r.page("/transfers/"+id(5)), `<a href="/history?q=`+id(5)+`">look further back</a>`)
}

// TestEntriesOfATransfer: those about it from its claim on, and not those that only name it.
func TestEntriesOfATransfer(t *testing.T) {
	r := newRig(t, nil)
	r.enter(&lowlog.Transfer{ID: id(2), Event: lowlog.Refused, Reason: "not " + id(1)}, &lowlog.Transfer{ID: id(1), Event: lowlog.Claimed}, &lowlog.Transfer{ID: id(2), Event: lowlog.Claimed, Name: id(1)},
		&lowlog.Transfer{ID: id(1), Event: lowlog.Sent}, &lowlog.Transfer{ID: id(1), Event: lowlog.Confirmed})
	view, err := r.c.Audit()
	if err != nil {
		t.Fatal(err)
	}
	all, whole, err := about(view, id(1))
	if err != nil || !whole || len(all) != 3 || all[0].Event != "confirmed" || all[2].Index != 1 {
		t.Errorf("%+v, %v, %v", all, whole, err)
	}
	if all, whole, err := about(view, id(3)); err != nil || !whole || len(all) != 0 {
		t.Errorf("of none: %+v, %v, %v", all, whole, err)
	}
}
