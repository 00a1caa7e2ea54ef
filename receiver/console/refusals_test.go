package console

import (
	"fmt"
	"testing"
	"time"

	"pawl/receiver/audit"
)

// TestRefusedAreSummed: the first at once, then one an hour for each name, all names of nobody together and none of them written down; at the person's
// log-in what is left.
func TestRefusedAreSummed(t *testing.T) {
	r, b := bookRig(t)
	const secret = "hunter2 typed into the wrong field"
	for range 3 {
		r.enter("bob", "wrong horse battery")
		r.c.visits.flush(false)
		r.enter(secret, "")
		r.c.visits.flush(false)
	}
	one := ` 1 tries, 0 early, from [` + tester + `], 0 from others`
	b.told(t, `: refused "bob"`+one, `: refused ""`+one)
	r.skip(refusedEach)
	r.c.visits.flush(false)
	two := ` 2 tries, 0 early, from [` + tester + `], 0 from others`
	b.told(t, `: refused ""`+two, `: refused "bob"`+two)
	for range freeTries + 2 {
		r.enter("bob", "wrong horse battery")
	}
	r.c.visits.flush(false)
	b.told(t)
	for i := range 10 {
		r.c.visits.turnedAway("bob", fmt.Sprintf("192.0.2.%d", 10+i), true)
	}
	r.skip(forgetAfter)
	r.in("bob")
	b.told(t, fmt.Sprintf(": refused \"bob\" %d tries, 12 early, from [%s 192.0.2.10 192.0.2.11 192.0.2.12 192.0.2.13 192.0.2.14 192.0.2.15 192.0.2.16], 3 from others", freeTries+12, tester),
		"bob: login passphrase from "+tester+" looks=false late=false")
	for _, body := range b.bodies {
		if e, ok := body.(*audit.Refused); ok && e.Who != "" && e.Who != "bob" {
			t.Errorf("%q was written down", e.Who)
		}
	}
}

// TestRefusedAreBounded: however many names are tried for however long, there are so many entries in a day, and no try is uncounted in the end.
func TestRefusedAreBounded(t *testing.T) {
	r, b := bookRig(t)
	names := []string{"alice", "bob", "vera", "otto", "ada", "carl", "ghost", "nobody", "somebody"}
	begun := time.Now().UTC()
	r.skip(begun.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(begun)) // a day's beginning
	tried := uint64(0)
	for range 24 * 4 {
		for i := range 400 {
			r.c.visits.turnedAway(names[i%len(names)], fmt.Sprint("place ", i), false)
			tried++
		}
		r.c.visits.flush(false)
		r.skip(14 * time.Minute)
	}
	if n := len(b.entries); n > maxRefused || n < len(cast)*20 {
		t.Errorf("%d entries in a day", n)
	}
	r.c.visits.flush(true)
	sum := uint64(0)
	for _, body := range b.bodies {
		sum += body.(*audit.Refused).Tries
	}
	if sum != tried {
		t.Errorf("%d of %d tries were entered", sum, tried)
	}
	// More people than entries: the cap itself.
	v := r.c.visits
	v.count().refused = maxRefused
	v.turnedAway("alice", "x", false)
	r.skip(2 * refusedEach)
	b.entries = nil
	v.count().refused = maxRefused
	v.flush(false)
	b.told(t)
	r.skip(24 * time.Hour)
	v.flush(false)
	if len(b.entries) != 1 {
		t.Errorf("the next day: %v", b.entries)
	}
}

// TestTogether: sums of sums lose no try, and name no more addresses than an entry may.
func TestTogether(t *testing.T) {
	sum := func(tries, others uint64, from ...string) audit.Refused {
		return audit.Refused{Tries: tries, Others: others, From: from}
	}
	eight := []string{"1", "2", "3", "4", "5", "6", "7", "8"}
	for name, c := range map[string]struct {
		a, b   audit.Refused
		others uint64
		places int
	}{
		"first":             {audit.Refused{}, sum(1, 0, "1"), 0, 1},
		"same":              {sum(3, 0, "1"), sum(1, 0, "1"), 0, 1},
		"another":           {sum(3, 0, "1"), sum(1, 0, "2"), 0, 2},
		"ninth":             {sum(9, 1, eight...), sum(1, 0, "9"), 2, 8},
		"others of both":    {sum(9, 1, eight...), sum(12, 4, eight...), 5, 8},
		"some of the other": {sum(9, 1, eight...), sum(12, 4, "1", "9"), 13, 8},
	} {
		got := together(c.a, c.b)
		if got.Tries != c.a.Tries+c.b.Tries || got.Others != c.others || len(got.From) != c.places || got.Others > got.Tries {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
