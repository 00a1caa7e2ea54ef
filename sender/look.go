package sender

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// lookNames is how many names are read from an outbox at a time.
const lookNames = 4096

// maxHeldShown bounds the entries that the status names, and maxHeldKept those that a look keeps for who asks for them (left.go).
const (
	maxHeldShown = 20
	maxHeldKept  = 1000
)

// maxFolders is how deep files are looked for: deeper than framing.CheckPath lets pass, so
// that what is too deep is refused and not overlooked.
const maxFolders = 130

// wait is why an entry is not taken yet; poll says that nobody will tell when that changes.
type wait struct {
	why  string
	poll bool
}

// IntakeStatus is what a channel's outbox says of itself.
type IntakeStatus struct {
	Channel string `json:"channel"`           // its name
	Looking bool   `json:"looking,omitempty"` // there is no news of the folder: it is looked at every half quiet time
	Why     string `json:"why,omitempty"`     // there is none
	Blind   bool   `json:"blind,omitempty"`   // the file system does not tell who has files open for writing: only the signs count
	Rescans uint64 `json:"rescans"`           // times the whole folder had to be looked at, the first included: news was lost
	Fault   string `json:"fault,omitempty"`   // the last entry that could not be claimed
	Full    bool   `json:"full,omitempty"`    // the last look ended because the queue is full
	Waiting int    `json:"waiting"`           // entries that the last look left in the outbox
	Held    []Held `json:"held,omitempty"`    // some of them, and why
}

// Held is one entry that stays in an outbox.
type Held struct {
	Name string `json:"name"` // below the outbox
	Why  string `json:"why"`
}

// status is a copy of what is said.
func (o *outbox) status() IntakeStatus {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.state
	s.Channel = o.channel.Name
	s.Held = slices.Clone(s.Held)
	return s
}

// errStop ends a look: there is no room for more.
var errStop = errors.New("queue is full")

// sighting is an entry as it was listed.
type sighting struct {
	path  string // below the outbox
	kind  fs.FileMode
	moved bool // with its folder
}

// look is one look at an outbox.
type look struct {
	*outbox
	now     time.Time
	claims  time.Duration // how much of it went into claims
	polls   bool          // something waits that nobody will tell of
	waiting int
	held    []Held
}

// look goes through the whole outbox once. If the last look had no room for what it had
// listed, that goes first, and is all if the room does not last.
func (o *outbox) look(ctx context.Context, now time.Time) (*look, error) {
	o.known.next()
	l := &look{outbox: o, now: now}
	o.batch.reset()
	err := l.again(ctx)
	if err == nil {
		o.batch.reset()
		l.waiting, l.held = 0, nil
		err = l.folder(ctx, "", false)
	}
	full := errors.Is(err, errStop)
	if err != nil && !full {
		return nil, fmt.Errorf("look into outbox: %w", err)
	}
	if !full {
		o.known.forget()
	}
	l.gather(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.Waiting, o.state.Held, o.state.Full = l.waiting, l.held[:min(len(l.held), maxHeldShown)], full
	o.left = l.leaves()
	return l, nil
}

// again looks at entries that were listed before, and keeps those for which there is no room.
func (l *look) again(ctx context.Context) error {
	for len(l.rest) > 0 {
		s := l.rest[0]
		if _, err := os.Lstat(filepath.Join(l.channel.folder("outbox"), s.path)); err == nil { // otherwise gone since
			if err := l.entry(ctx, s.path, s.kind, s.moved); err != nil {
				return err
			}
		}
		l.rest = l.rest[1:]
	}
	l.rest = nil
	return nil
}

// hold notes an entry that stays.
func (l *look) hold(path string, w wait) {
	l.waiting++
	l.polls = l.polls || w.poll
	if len(l.held) < maxHeldKept {
		l.held = append(l.held, Held{path, w.why})
	}
}

// folder looks at what lies in one folder, path below the outbox, some names at a time, so
// that the memory does not grow with the folder. moved says that it was moved in.
func (l *look) folder(ctx context.Context, at string, moved bool) error {
	f, err := os.Open(filepath.Join(l.channel.folder("outbox"), at))
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(lookNames)
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
		all := make([]sighting, len(entries))
		for i, e := range entries {
			all[i] = sighting{path.Join(at, e.Name()), e.Type(), moved}
		}
		if err := l.list(ctx, all); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// list looks at entries that are in their folder now.
func (l *look) list(ctx context.Context, all []sighting) error {
	for i, s := range all {
		if err := l.entry(ctx, s.path, s.kind, s.moved); err != nil {
			if errors.Is(err, errStop) && l.rest == nil { // the innermost folder's
				l.rest = all[i:]
			}
			return err
		}
	}
	return nil
}

// entry looks at one entry and takes it if it is complete.
func (l *look) entry(ctx context.Context, at string, kind fs.FileMode, moved bool) error {
	in := &l.channel.Intake
	if of, marker := in.marks(at); marker {
		if _, err := os.Lstat(filepath.Join(l.channel.folder("outbox"), of)); errors.Is(err, fs.ErrNotExist) {
			l.hold(at, wait{why: "marks an entry that is not there"})
		}
		return nil
	}
	if why := l.filtered(at, kind.IsDir()); why != "" {
		l.hold(at, wait{why: why})
		return nil
	}
	if in.Group == GroupFile && kind.IsDir() && strings.Count(at, "/") < maxFolders {
		return l.inside(ctx, at, moved)
	}
	if l.full(l.channel) {
		return errStop // room tells
	}
	ok, w := l.judge(at, kind, l.now, moved)
	if ok && kind.IsDir() && in.filters() && !in.RefuseFiltered && l.allFiltered(at) {
		ok, w = false, wait{why: "holds nothing that the channel's name filters let pass", poll: true}
	}
	switch {
	case !ok:
		l.hold(at, w)
	case in.Group == GroupQuiet && l.gathers(at, kind):
	case !l.timed(ctx, drop{paths: []string{at}}):
		l.hold(at, wait{why: "could not be claimed and is tried again", poll: true})
	}
	return ctx.Err()
}

// inside looks for files in a folder that itself stays: people drop into it.
func (l *look) inside(ctx context.Context, at string, moved bool) error {
	l.known.note(at, func(e *entry) { moved = moved || e.moved })
	err := l.folder(ctx, at, moved)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // taken out again
	}
	if errors.Is(err, fs.ErrPermission) {
		l.hold(at, wait{why: "the folder cannot be read", poll: true})
		return nil
	}
	return err
}

// allFiltered says whether a folder holds files and each of them is filtered.
func (l *look) allFiltered(at string) bool {
	outbox, filtered, other := l.channel.folder("outbox"), false, false
	_ = filepath.WalkDir(filepath.Join(outbox, at), func(p string, d fs.DirEntry, err error) error {
		rel, e := filepath.Rel(outbox, p)
		switch {
		case err != nil || e != nil:
			other = true
		case l.channel.Intake.Filtered(filepath.ToSlash(rel), d.IsDir()) != "":
			filtered = true
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir():
			other = true
		}
		if other {
			return fs.SkipAll
		}
		return nil
	})
	return filtered && !other
}
