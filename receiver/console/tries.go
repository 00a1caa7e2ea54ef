package console

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Bounds of wrong passphrases.
const (
	freeTries   = 5  // for a name from an address, or from a browser, before it must wait
	freeOfPlace = 20 // from an address
	longestWait = 5 * time.Minute
	forgetAfter = 15 * time.Minute
	maxTried    = 4096 // names and addresses remembered

	freeOfName = 5               // for a name, from everywhere, before its tries come one after another
	nameEach   = 2 * time.Second // and so far apart: 43,200 guesses a day at the most
	maxOfName  = 8               // that wait for their turn
)

// tries counts what failed, by whom. Who fails too often waits, twice as long each time.
type tries struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]*tried
}

type tried struct {
	failed int
	last   time.Time
	until  time.Time
}

// begin says whether it may be tried now. free is how often it may fail before it must wait.
func (t *tries) begin(what string, free int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	one := t.all[what]
	if one == nil {
		return true
	}
	if now.Sub(one.last) >= forgetAfter {
		delete(t.all, what)
		return true
	}
	if one.failed < free {
		return true
	}
	wait := longestWait
	if n := one.failed - free; n < 8 {
		wait = min(wait, 2*time.Second<<n)
	}
	one.until = one.last.Add(wait)
	return !now.Before(one.until)
}

func (t *tries) failed(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	one := t.all[what]
	if one == nil {
		if len(t.all) >= maxTried {
			t.forgetOldest()
		}
		one = new(tried)
		t.all[what] = one
	}
	one.failed++
	one.last = now
}

// forgetOldest makes room: whoever fills this must fail so often first that each of his failures cost a key's opening.
func (t *tries) forgetOldest() {
	oldest := ""
	for what, one := range t.all {
		if oldest == "" || one.last.Before(t.all[oldest].last) {
			oldest = what
		}
	}
	delete(t.all, oldest)
}

func (t *tries) forget(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, what)
}

// slow lets tries for a name that has failed often through one after another, from wherever they come. It locks nobody out: each waits for its turn, 16 seconds
// at the most.
type slow struct {
	now func() time.Time

	mu    sync.Mutex
	names map[string]*slowed
}

type slowed struct {
	failed  int
	last    time.Time
	next    time.Time // when the next one is let through
	waiting int
}

var errManyOfName = errors.New("too many wait to log in under this name")

// wait returns when it is this try's turn.
func (s *slow) wait(ctx context.Context, name string) error {
	s.mu.Lock()
	one, now := s.names[name], s.now()
	if one == nil || one.failed < freeOfName || now.Sub(one.last) >= forgetAfter {
		s.mu.Unlock()
		return nil
	}
	turn := one.next
	if !turn.After(now) {
		one.next = now.Add(nameEach)
		s.mu.Unlock()
		return nil
	}
	if one.waiting >= maxOfName {
		s.mu.Unlock()
		return errManyOfName
	}
	one.next = turn.Add(nameEach)
	one.waiting++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		one.waiting--
		s.mu.Unlock()
	}()
	timer := time.NewTimer(turn.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// failed counts a wrong passphrase. There are few names that can log in; the others are forgotten first come, first gone.
func (s *slow) failed(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, one := s.now(), s.names[name]
	if one == nil {
		if len(s.names) >= maxTried {
			s.forgetOldest()
		}
		one = new(slowed)
		s.names[name] = one
	} else if now.Sub(one.last) >= forgetAfter {
		one.failed = 0
	}
	one.failed++
	one.last = now
}

func (s *slow) forgetOldest() {
	oldest := ""
	for name, one := range s.names {
		if oldest == "" || one.last.Before(s.names[oldest].last) {
			oldest = name
		}
	}
	delete(s.names, oldest)
}
