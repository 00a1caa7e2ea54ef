package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"pawl/framing/person"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/people"
)

// Bounds of the sessions.
const (
	maxSessions  = 256 // together
	maxOfPerson  = 8   // of one person: the one used longest ago ends
	maxSeen      = 256 // transfers of which a session remembers what was shown
	sweepEach    = 5 * time.Second
	certificates = "certificate" // how a session without a key came to be
)

var (
	errNoSession = errors.New("there is no such session: log in")
	errNoKey     = errors.New("this session can only look: log in with a passphrase to decide")
	errFull      = errors.New("too many people are logged in: try again later")
)

// session is one person at one browser. The key is in memory as long as the session, and nowhere else.
type session struct {
	person people.Person
	csrf   string
	begun  time.Time
	looks  bool // by certificate: it may only look
	ended  chan struct{}

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
		return person.Signed{}, errNoKey
	}
	return s.key.Sign(d)
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

	mu  sync.Mutex
	all map[[32]byte]*session
}

func newSessions(idle, limit time.Duration, now func() time.Time) *sessions {
	return &sessions{idle: idle, limit: limit, now: now, all: map[[32]byte]*session{}}
}

// begin makes a session and its token, 128 bits of chance at the least.
func (s *sessions) begin(p people.Person, key *person.Key) (token string, made *session, err error) {
	now := s.now()
	made = &session{person: p, key: key, looks: key == nil, csrf: rand.Text(), begun: now, used: now, ended: make(chan struct{}),
		seen: map[quarantine.ID]*seen{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	var mine int
	var oldest [32]byte
	var when time.Time
	for id, other := range s.all {
		if used := other.lastUsed(); other.person.Name() == p.Name() {
			if mine++; mine == 1 || used.Before(when) {
				oldest, when = id, used
			}
		}
	}
	if mine >= maxOfPerson {
		s.drop(oldest)
	} else if len(s.all) >= maxSessions {
		return "", nil, errFull
	}
	token = rand.Text()
	s.all[sha256.Sum256([]byte(token))] = made
	return token, made, nil
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
	if s.over(found, now) {
		s.drop(id)
		return nil, errNoSession
	}
	if use {
		found.mu.Lock()
		found.used = now
		found.mu.Unlock()
	}
	return found, nil
}

func (s *sessions) over(one *session, now time.Time) bool {
	return now.Sub(one.lastUsed()) >= s.idle || now.Sub(one.begun) >= s.limit
}

// end ends the session of a token.
func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(sha256.Sum256([]byte(token)))
}

func (s *sessions) drop(id [32]byte) {
	if one := s.all[id]; one != nil {
		delete(s.all, id)
		one.end()
	}
}

// sweep ends what is over: a key must not wait in memory for a request that never comes.
func (s *sessions) sweep() {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, one := range s.all {
		if s.over(one, now) {
			s.drop(id)
		}
	}
}

func (s *sessions) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.all {
		s.drop(id)
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
