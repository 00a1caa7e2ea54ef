package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"pawl/receiver/check"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

// transfer is what list shows of a transfer, and the beginning of what show does. Names and sizes are the
// sender's words: they are proved only once the transfer has passed.
type transfer struct {
	ID      string           `json:"id"`
	State   quarantine.State `json:"state"`
	Channel uint16           `json:"channel"`
	Label   string           `json:"channel_name"`
	Name    string           `json:"name,omitempty"`
	Bytes   *uint64          `json:"bytes,omitempty"` // of the files together; absent while unknown
	Files   *uint64          `json:"files,omitempty"` // likewise
	Since   time.Time        `json:"since"`           // of the last change of state
	Reason  string           `json:"reason,omitempty"`

	id      quarantine.ID
	dir     string
	look    check.Look
	history []quarantine.Event
}

// describe looks at a transfer. The error wraps fs.ErrNotExist when it has moved on meanwhile.
func (c *config) describe(store *quarantine.Store, id quarantine.ID, st quarantine.State) (*transfer, error) {
	t := &transfer{ID: id.String(), State: st, Channel: id.Channel, Label: c.label(id.Channel), id: id, dir: store.Dir(st, id)}
	info, err := os.Lstat(t.dir)
	if err != nil {
		return nil, err
	}
	if t.look, err = check.LookAt(t.dir); err != nil {
		return nil, err
	}
	if t.history, err = store.History(id, st); err != nil {
		return nil, err
	}
	if plan := t.look.Plan; plan != nil {
		t.Name, t.Bytes = plan.Name, &plan.Content
	}
	if proof := t.look.Proof; proof != nil && !proof.Aborted {
		t.Files = &proof.Files
	}
	t.Since = info.ModTime().UTC()
	for _, e := range t.history {
		moved := e.From != e.To && e.To == st
		if moved {
			t.Since = e.When
		}
		// What keeps a transfer in checking is told by lines that move nothing.
		if moved || st == quarantine.Checking && e.From == st && e.To == st {
			t.Reason = e.Reason
		}
	}
	if st == quarantine.Incomplete {
		t.Reason = lacks(t.dir)
	}
	if c.news == nil { // once a command
		if c.news, err = release.ReadNews(c.Quarantine); err != nil || time.Since(c.news.Time) > release.Stale {
			c.news = &release.News{} // status says that
		}
	}
	if f := c.news.Find(t.ID); f != nil && !st.Final() {
		t.Reason = f.Reason // newer than what its history says, which can't be written when the log can't
	}
	return t, nil
}

// lacks says in a few words what an incomplete transfer waits for.
func lacks(dir string) string {
	m, err := quarantine.ReadMissing(dir)
	if err != nil {
		return ""
	}
	var parts []string
	for _, o := range m.Objects {
		if o.Unknown {
			parts = append(parts, o.Object+" unknown")
		} else {
			parts = append(parts, fmt.Sprintf("%s lacks %d of %d blocks", o.Object, o.Missing, o.Blocks))
		}
	}
	return strings.Join(parts, ", ")
}

// all describes the transfers in some states. One that moves on while it is looked at is looked for where it is
// then, or left out.
func (c *config) all(store *quarantine.Store, states []quarantine.State) ([]*transfer, error) {
	var found []*transfer
	seen := map[quarantine.ID]bool{}
	for _, st := range states {
		ids, err := store.List(st)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			t, err := c.describe(store, id, st)
			if errors.Is(err, fs.ErrNotExist) || seen[id] {
				continue
			}
			if err != nil {
				return nil, err
			}
			seen[id] = true
			found = append(found, t)
		}
	}
	return found, nil
}

// unknownError says that no transfer begins so; it is fs.ErrNotExist.
type unknownError struct{ text string }

func (e unknownError) Error() string {
	return fmt.Sprintf("transfer %.40q: no transfer begins so: pawl-release list shows those that there are", e.text)
}

func (unknownError) Is(target error) bool { return target == fs.ErrNotExist }

// errAmbiguous says that a prefix fits more than one transfer.
var errAmbiguous = errors.New("more than one transfer begins so")

// resolve finds the one transfer whose id begins with text.
func resolve(store *quarantine.Store, text string) (quarantine.ID, quarantine.State, error) {
	var found []quarantine.ID
	var state quarantine.State
	for _, st := range quarantine.States() {
		ids, err := store.List(st)
		if err != nil {
			return quarantine.ID{}, "", err
		}
		for _, id := range ids {
			if text != "" && strings.HasPrefix(id.String(), text) {
				found, state = append(found, id), st
			}
		}
	}
	switch len(found) {
	case 0:
		return quarantine.ID{}, "", unknownError{text}
	case 1:
		return found[0], state, nil
	}
	return quarantine.ID{}, "", fmt.Errorf("transfer %.40q: %w: %s, %s", text, errAmbiguous, found[0], found[1])
}
