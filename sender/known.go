package sender

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// maxKnown bounds the entries of one outbox of which anything is remembered. The others wait
// in the outbox for their turn.
const maxKnown = 1 << 16

// entry is what is known of one entry of an outbox that is not taken yet.
type entry struct {
	moved, closed, created bool // what news said of it
	taking                 bool // somebody is at it
	look                   uint64
	settling               settling
	retry                  time.Time // left alone until then, because it could not be claimed
}

// known is what an outbox remembers of its entries, by their paths below it.
type known struct {
	mu      sync.Mutex
	entries map[string]*entry
	look    uint64    // the look under way, or the last
	changed time.Time // when anything last came or changed
}

// note gives the entry of a path to do, a new one while there is room; false if there is none.
func (k *known) note(path string, do func(*entry)) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.entries[path]
	if e == nil {
		if len(k.entries) >= maxKnown {
			return false
		}
		e = new(entry)
		k.entries[path] = e
		k.changed = time.Now()
	}
	e.look = max(e.look, k.look)
	do(e)
	return true
}

// heard notes news of an entry. It may have come behind the look that is under way, so it is
// not forgotten before the look after the next.
func (k *known) heard(n Event) {
	k.note(n.Name, func(e *entry) {
		if n.Created {
			*e = entry{taking: e.taking, created: true}
		}
		e.moved, e.closed = e.moved || n.Moved, e.closed || n.Closed
		e.look = k.look + 1
		k.changed = time.Now()
	})
}

// observe notes what an entry looks like now and says whether it has looked so for quiet.
func (k *known) observe(path string, now time.Time, print uint64, quiet time.Duration) (settled bool) {
	k.note(path, func(e *entry) {
		if e.settling.print != print {
			k.changed = now
		}
		settled = e.settling.observe(now, print, quiet)
	})
	return settled
}

// idle is how long nothing came or changed.
func (k *known) idle(now time.Time) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return now.Sub(k.changed)
}

// begin says whether the caller may take the entry; others may not until end.
func (k *known) begin(path string) (mine bool) {
	there := k.note(path, func(e *entry) {
		mine = !e.taking
		e.taking = true
	})
	return mine || !there
}

// end forgets an entry that was taken, or leaves it alone until retry.
func (k *known) end(path string, retry time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.entries[path]
	switch {
	case e == nil:
	case retry.IsZero():
		delete(k.entries, path)
	default:
		e.taking, e.retry = false, retry
	}
}

// next begins a look.
func (k *known) next() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.look++
}

// forget drops what the look that ends, a whole one, did not see.
func (k *known) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for path, e := range k.entries {
		if e.look < k.look && !e.taking {
			delete(k.entries, path)
		}
	}
}

// writers says what is known of those who have a file of the entry open for writing.
type writers int

const (
	writersNone writers = iota
	writersSome
	writersUnknown // the file system does not tell
)

// writersOf looks into a file, or into all files of a folder.
func writersOf(path string, probe func(*os.File) (bool, error)) (w writers) {
	err := filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // the walk will say what is wrong with it
		}
		f, err := os.OpenFile(path, openFlags, 0)
		if err != nil {
			return nil
		}
		defer f.Close()
		some, err := probe(f)
		switch {
		case err != nil:
			w = writersUnknown
		case some:
			w = writersSome
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return writersUnknown
	}
	return w
}
