package watch

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"
)

// pollEach is how often a folder is counted where the system has no inotify.
const pollEach = 500 * time.Millisecond

// sign is what a census knows of a name.
type sign struct {
	dir     bool
	size    int64
	modTime time.Time
	quiet   bool // it was the same in two counts, and that was said
}

// census finds out by comparing counts of a folder what happened in it. It cannot tell a
// name moved in from one created: a new name is Created, and Closed follows once its size
// and time were the same in two counts, which is no proof that its writer is done. A folder
// is Created only.
type census map[string]sign

// compare takes a new count and returns what happened since the last, in order of names.
func (c census) compare(count map[string]sign) []Event {
	var events []Event
	for name, s := range count {
		old, known := c[name]
		same := known && old.dir == s.dir && old.size == s.size && old.modTime.Equal(s.modTime)
		if !known || old.dir != s.dir {
			events = append(events, Event{Created, name, s.dir})
		}
		s.quiet = same && old.quiet
		if same && !old.quiet && !s.dir {
			events = append(events, Event{Closed, name, false})
			s.quiet = true
		}
		c[name] = s
	}
	for name := range c {
		if _, there := count[name]; !there {
			delete(c, name)
		}
	}
	slices.SortFunc(events, func(a, b Event) int { return cmp.Compare(a.Name, b.Name) })
	return events
}

// count lists a folder.
func count(dir string) (map[string]sign, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	m := make(map[string]sign, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone since it was listed
		}
		if err != nil {
			return nil, err
		}
		m[e.Name()] = sign{dir: e.IsDir(), size: info.Size(), modTime: info.ModTime()}
	}
	return m, nil
}

// poller is a Folder without help from the system. What was there when it was opened is
// known and quiet, as with inotify.
type poller struct {
	dir    string
	each   time.Duration
	census census
	ready  []Event
	once   sync.Once
	closed chan struct{}
}

func openPoller(dir string, each time.Duration) (*poller, error) {
	first, err := count(dir)
	if err != nil {
		return nil, fmt.Errorf("watch %q: %w", dir, err)
	}
	for name, s := range first {
		s.quiet = true
		first[name] = s
	}
	return &poller{dir: dir, each: each, census: first, closed: make(chan struct{})}, nil
}

// next waits for the next event.
func (p *poller) next() (Event, error) {
	for len(p.ready) == 0 {
		wait := time.NewTimer(p.each)
		select {
		case <-wait.C:
		case <-p.closed:
			wait.Stop()
		}
		select {
		case <-p.closed:
			return Event{}, fmt.Errorf("watch %q: %w", p.dir, os.ErrClosed)
		default:
		}
		now, err := count(p.dir)
		if errors.Is(err, fs.ErrNotExist) {
			return Event{}, fmt.Errorf("watch %q: %w", p.dir, ErrGone)
		}
		if err != nil {
			return Event{}, fmt.Errorf("watch %q: %w", p.dir, err)
		}
		p.ready = p.census.compare(now)
	}
	e := p.ready[0]
	p.ready = p.ready[1:]
	return e, nil
}

func (p *poller) close() error {
	err := os.ErrClosed
	p.once.Do(func() { close(p.closed); err = nil })
	return err
}
