package console

import (
	"testing"

	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

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
