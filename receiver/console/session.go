package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"pawl/framing/person"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/people"
)

// Bounds of the sessions.
const (
	maxSessions = 256 // together
	maxOfPerson = 8   // of one person: the one used longest ago ends
	maxSeen     = 256 // transfers of which a session remembers what was shown
	sweepEach   = 5 * time.Second
)

var (
	errNoSession = errors.New("there is no such session: log in")
	errNoKey     = errors.New("this session can only look: log in with a passphrase to decide")
	errUnlogged  = errors.New("this session can only look, because the audit log could not be written when it began: log out, and in again when it can be")
	errStopping  = errors.New("the console stops: try again in a moment")
	errFull      = errors.New("too many people are logged in: try again later")
)

// session is one person at one browser. The key is in memory as long as the session, and nowhere else.
type session struct {
	person   people.Person
	name     string // in the audit log: it opens nothing
	csrf     string
	begun    time.Time
	looks    bool // it may only look: by certificate, or unlogged
	unlogged bool // by passphrase, but the audit log could not be written
	ended    chan struct{}

	mu   sync.Mutex
	key  *person.Key // nil: may only look, or ended
	used time.Time
	seen map[quarantine.ID]*seen
}

// seen is what of a transfer was put before the person: files by their plan, the rest at one proof and its verdicts.
type seen struct {
	plan  [32]byte
	pages map[int]bool // of files, or allFiles
	at    string       // proof and verdicts
	words map[string]bool
}

// allFiles is the list of all files, in place of a page of them.
const allFiles = 0

// sign signs a decision. The error wraps errNoKey where the session has no key.
func (s *session) sign(d person.Decision) (person.Signed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil {
		return person.Signed{}, s.keyless()
	}
	return s.key.Sign(d)
}

// keyless says why the session can't decide.
func (s *session) keyless() error {
	if s.unlogged {
		return errUnlogged
	}
	return errNoKey
}

// mute is keyless in words for people; "" for a session that can decide.
func (s *session) mute() string {
	if s.looks {
		return s.keyless().Error()
	}
	return ""
}

// forget wipes the key of a session that has not begun: nothing may be decided in it.
func (s *session) forget() {
	s.key.Wipe()
	s.key, s.looks, s.unlogged = nil, true, true
}

// show notes that a page of the transfer's files was put before the person, and words of what else.
func (s *session) show(d *details, page int, words ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.seen[d.id]
	if n == nil {
		if len(s.seen) >= maxSeen {
			clear(s.seen)
		}
		n = new(seen)
		s.seen[d.id] = n
	}
	if n.pages == nil || n.plan != d.plan {
		n.plan, n.pages = d.plan, map[int]bool{}
	}
	if n.words == nil || n.at != d.at() {
		n.at, n.words = d.at(), map[string]bool{}
	}
	n.pages[page] = true
	for _, w := range words {
		n.words[w] = true
	}
}

// saw says of each word whether that was put before the person, of the transfer as it is now.
func (s *session) saw(d *details) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]bool{}
	n := s.seen[d.id]
	if n == nil {
		return out
	}
	if n.plan == d.plan {
		pages := len(n.pages)
		if n.pages[allFiles] {
			pages--
		}
		out[shownFiles] = n.pages[allFiles] || pages >= d.Pages
	}
	if n.at == d.at() {
		for w := range n.words {
			out[w] = true
		}
	}
	return out
}

// end wipes the key.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil {
		s.key.Wipe()
		s.key = nil
	}
	select {
	case <-s.ended:
	default:
		close(s.ended)
	}
}

func (s *session) lastUsed() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// sessions are all of them, by the digest of their token: who reads this memory has no cookie.
type sessions struct {
	idle, limit time.Duration
	now         func() time.Time
	gone        func(s *session, reason string) // is told of each end

	mu      sync.Mutex
	all     map[[32]byte]*session
	stopped bool
}

func newSessions(idle, limit time.Duration, now func() time.Time) *sessions {
	return &sessions{idle: idle, limit: limit, now: now, all: map[[32]byte]*session{}}
}

// prepare makes a session that counts from its begin on.
func (s *sessions) prepare(p people.Person, key *person.Key) *session {
	now := s.now()
	var name [8]byte
	_, _ = rand.Read(name[:]) // never fails
	return &session{person: p, name: hex.EncodeToString(name[:]), key: key, csrf: rand.Text(), begun: now, used: now, ended: make(chan struct{}),
		seen: map[quarantine.ID]*seen{}}
}

// full says that there is no room for another session.
func (s *sessions) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all) >= maxSessions
}

// begin gives a session its token, 128 bits of chance at the least.
func (s *sessions) begin(made *session) (token string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return "", errStopping
	}
	var mine int
	var oldest [32]byte
	var when time.Time
	for id, other := range s.all {
		if used := other.lastUsed(); other.person.Name() == made.person.Name() {
			if mine++; mine == 1 || used.Before(when) {
				oldest, when = id, used
			}
		}
	}
	if mine >= maxOfPerson {
		s.drop(oldest, endOldest)
	} else if len(s.all) >= maxSessions {
		return "", errFull
	}
	token = rand.Text()
	s.all[sha256.Sum256([]byte(token))] = made
	return token, nil
}

// find gives the session of a token. A look that a person did not ask for (a page that renews itself) does not count as use.
func (s *sessions) find(token string, use bool) (*session, error) {
	id := sha256.Sum256([]byte(token))
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.all[id]
	if found == nil {
		return nil, errNoSession
	}
	if reason := s.over(found, now); reason != "" {
		s.drop(id, reason)
		return nil, errNoSession
	}
	if use {
		found.mu.Lock()
		found.used = now
		found.mu.Unlock()
	}
	return found, nil
}

// over says why a session is over; "" when it is not.
func (s *sessions) over(one *session, now time.Time) string {
	switch {
	case now.Sub(one.lastUsed()) >= s.idle:
		return endIdle
	case now.Sub(one.begun) >= s.limit:
		return endLimit
	}
	return ""
}

// end ends the session of a token.
func (s *sessions) end(token, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(sha256.Sum256([]byte(token)), reason)
}

func (s *sessions) drop(id [32]byte, reason string) {
	if one := s.all[id]; one != nil {
		delete(s.all, id)
		one.end()
		s.gone(one, reason)
	}
}

// sweep ends what is over: a key must not wait in memory for a request that never comes.
func (s *sessions) sweep() {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, one := range s.all {
		if reason := s.over(one, now); reason != "" {
			s.drop(id, reason)
		}
	}
}

// endAll ends all, and no other begins.
func (s *sessions) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for id := range s.all {
		s.drop(id, endStopped)
	}
}

func (s *sessions) run(ctx context.Context) error {
	tick := time.NewTicker(sweepEach)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.sweep()
		}
	}
}
