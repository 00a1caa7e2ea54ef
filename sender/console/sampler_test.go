package console

import (
	"net/http"
	"testing"
	"time"

	"pawl/sender"
)

// TestNews: what is news and what is not.
func TestNews(t *testing.T) {
	r := newRig(t, nil)
	take := func() news { return r.c.link.take(t.Context()) }
	if n := take(); !n.queue || !n.history {
		t.Errorf("the first: %+v", n)
	}
	if n := take(); n.queue || n.history {
		t.Errorf("nothing new: %+v", n)
	}
	r.tell(func() { r.status.Intake[1].Waiting = 3 })
	if n := take(); !n.queue || n.history {
		t.Errorf("something lies in an outbox: %+v", n)
	}
	r.stop()
	if n := take(); !n.queue {
		t.Errorf("it went: %+v", n)
	}
	if n := take(); !n.queue { // the fifth
		t.Errorf("after a while: %+v", n)
	}
	r.start()
}

// TestSamples: rates are of what was between two answers, and nothing is known over a restart, a change of the configuration or a gap.
func TestSamples(t *testing.T) {
	start := time.Now()
	st := func(wire uint64, queue int) *sender.Status {
		return &sender.Status{Started: start, WireBytes: wire, Queue: queue}
	}
	again := &sender.Status{Started: start.Add(time.Second), WireBytes: 900}
	for i, one := range []struct {
		old, now *sender.Status
		want     sample
	}{
		{nil, st(100, 1), sample{}}, {st(100, 1), st(350, 2), sample{seconds: 2, wire: 250, queue: 2}}, {st(100, 1), again, sample{}}, {st(100, 1), st(99, 1), sample{}},
	} {
		if got := difference(one.old, one.now, 2*time.Second); got != one.want {
			t.Errorf("%d: %+v, want %+v", i, got, one.want)
		}
	}
	slow := newSampler(nil, nil, nil)
	slow.book(sample{wire: 1})
	slow.skip(start)
	slow.skip(start.Add(time.Second))
	slow.skip(start.Add(6 * time.Second)) // an answer that took five
	if last := slow.fine.Last(6); last[0].wire != 0 || last[1].wire != 1 || last[2].wire != 0 {
		t.Errorf("four steps should be skipped after the first: %+v", last)
	}
	s := newSampler(nil, nil, nil)
	for i := range coarseOf {
		s.book(sample{seconds: 1, wire: 10, queue: float64(i)})
	}
	if day := s.coarse.Last(2); day[0].seconds != 0 || day[1].seconds != coarseOf || day[1].wire != 10*coarseOf || day[1].queue != coarseOf-1 {
		t.Errorf("a minute: %+v", day)
	}
	c := &sender.Status{Transfers: []sender.TransferStatus{{ID: "1", State: sender.StateSending, Pass: 1, Bytes: 100}, {ID: "2", State: sender.StateQueued}}}
	s.follow(c, start)
	c.Transfers[0].Bytes = 400
	s.follow(c, start.Add(2*time.Second))
	if rate := s.courses["1"].rate(); rate != 150 || len(s.courses) != 1 {
		t.Errorf("rate %v of %d", rate, len(s.courses))
	}
	c.Transfers[0].Pass, c.Transfers[0].Bytes = 2, 50 // the next pass begins from nothing
	s.follow(c, start.Add(3*time.Second))
	if rate := s.courses["1"].rate(); rate != 0 {
		t.Errorf("rate %v", rate)
	}
}

// TestDaemonIsAskedOnce: many who look at once cost the daemon one question, and one that does not answer holds nobody up for ever nor the status.
func TestDaemonIsAskedOnce(t *testing.T) {
	r := newRig(t, func(c *Config) {
		now := time.Now()
		c.Now = func() time.Time { return now }
	})
	r.sample()
	wait := make(chan struct{})
	r.tell(func() { r.deaf = wait })
	done := make(chan int)
	const many = 20
	for range many {
		go func() { done <- r.get("/queue").Code }()
	}
	r.sample() // the status does not wait for its turn
	close(wait)
	for range many {
		if code := <-done; code != http.StatusOK {
			t.Errorf("%d", code)
		}
	}
	n := 0
	r.tell(func() {
		for _, req := range r.asked {
			if req.Op == sender.OpQueue {
				n++
			}
		}
	})
	if n != 1 {
		t.Errorf("asked %d times", n)
	}
	for i := range 3 * keptAtAll {
		r.tell(func() { r.shows[id(i)] = sender.Details{Entry: entryOf(i, "x", sender.StateQueued)} })
		r.get("/transfers/" + id(i))
	}
	if len(r.c.daemon.kept) > keptAtAll {
		t.Errorf("%d answers are kept", len(r.c.daemon.kept))
	}
}
