package sender

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// maxRefusals bounds the refused transfers of a channel that an answer tells of.
const maxRefusals = 50

// left is what a look left in an outbox. It is not changed.
type left struct {
	at      time.Time
	entries []Held // at most maxHeldKept
	more    int
	unread  bool // the look ended before it had seen everything
}

// leaves is what this look leaves: what is not complete, and what was listed and found no room in the queue.
func (l *look) leaves() left {
	out := left{at: l.now, entries: l.held, more: l.waiting - len(l.held), unread: len(l.rest) > 0}
	for _, s := range l.rest {
		if len(out.entries) >= maxHeldKept {
			out.more++
			continue
		}
		out.entries = append(out.entries, Held{s.path, "the queue of its channel is full"})
	}
	return out
}

// Outboxes are what lies in the outboxes, and what was refused.
type Outboxes struct {
	Outboxes []Outbox `json:"outboxes"`
}

// Outbox is what lies in the outbox of one channel, as its last look found it, and what was refused of it lately.
type Outbox struct {
	IntakeStatus
	Looked  time.Time `json:"looked,omitzero"` // when the look began; zero: there was none yet
	Left    []Left    `json:"left"`            // at most 1000, of all channels that were asked for
	More    int       `json:"more"`            // that the look saw and Left has not
	Unread  bool      `json:"unread"`          // there may be others: it ended because the queue is full
	Refused []Refusal `json:"refused"`         // the newest 50, the newest first
	Older   int       `json:"older"`           // further ones in refused/
}

// Left is one entry that lies in an outbox.
type Left struct {
	Held
	Folder  bool      `json:"folder"`
	Bytes   uint64    `json:"bytes"`   // of a file
	Changed time.Time `json:"changed"` // when it was last written to, renamed or moved
}

// Refusal is a transfer in refused/.
type Refusal struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	State  State     `json:"state"` // refused: no packet of it was sent; or aborted
	Bytes  uint64    `json:"bytes"` // of content, as far as that was known
	Path   string    `json:"path,omitempty"`
	Reason string    `json:"reason"`
	Ended  time.Time `json:"ended"`
}

// outboxesOf tells of a channel's outbox, or of all.
func (s *Sender) outboxesOf(name string) (*Outboxes, error) {
	var only *channel
	if name != "" {
		var err error
		if only, err = s.channel(name); err != nil {
			return nil, err
		}
	}
	each := maxHeldKept
	if only == nil {
		each = max(maxHeldShown, maxHeldKept/len(s.channels))
	}
	all := &Outboxes{Outboxes: []Outbox{}}
	for _, o := range s.outboxes {
		if only != nil && o.channel != only {
			continue
		}
		out := o.tell(each)
		var err error
		if out.Refused, out.Older, err = o.channel.refusals(); err != nil {
			return nil, err
		}
		all.Outboxes = append(all.Outboxes, out)
	}
	return all, nil
}

// tell gives what the last look left, at most so many entries; those that are gone since are left out.
func (o *outbox) tell(most int) Outbox {
	out := Outbox{IntakeStatus: o.status(), Left: []Left{}}
	o.mu.Lock()
	last := o.left
	o.mu.Unlock()
	out.Held, out.Looked, out.Unread = nil, last.at, last.unread // Left has them
	shown := last.entries[:min(len(last.entries), most)]
	out.More = last.more + len(last.entries) - len(shown)
	for _, h := range shown {
		info, err := os.Lstat(filepath.Join(o.channel.folder("outbox"), h.Name))
		if err != nil {
			continue
		}
		id := identify(info)
		l := Left{Held: h, Folder: info.IsDir(), Changed: time.Unix(0, max(id.mtime, id.change))}
		if info.Mode().IsRegular() {
			l.Bytes = uint64(info.Size())
		}
		out.Left = append(out.Left, l)
	}
	return out
}

// refusals are the newest transfers of refused/, and how many there are beside them. Ids begin with the time of the claim, so only the records of
// those that are told of are read.
func (c *channel) refusals() (newest []Refusal, older int, err error) {
	newest = []Refusal{}
	entries, err := folderNames(c.folder("refused"))
	if err != nil {
		return newest, 0, err
	}
	var ids []uint64
	for _, name := range entries {
		if id, ok := transferOfID(c.ID, name); ok {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b uint64) int { return cmp.Compare(b, a) })
	older = max(0, len(ids)-maxRefusals)
	for _, id := range ids[:len(ids)-older] {
		rec, err := loadRecord(filepath.Join(c.folder("refused"), transferID(c.ID, id)))
		if err != nil {
			continue // taken out again by a person, or never whole
		}
		ended := cmp.Or(rec.Ended, rec.Created) // what was refused as it was claimed has no end of its own
		newest = append(newest, Refusal{
			ID: rec.ID, Name: rec.Name, State: rec.State, Bytes: rec.Content, Path: rec.Path, Reason: rec.Reason, Ended: time.Unix(ended, 0),
		})
	}
	return newest, older, nil
}

// folderNames are the names in a folder, in no order.
func folderNames(folder string) ([]string, error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}
