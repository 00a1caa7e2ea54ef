package sender

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// maxListed is how many transfers an answer lists.
const maxListed = 10_000

// Queue is what is waiting or under way, and when it is expected to have left.
type Queue struct {
	Channels  []ChannelStatus `json:"channels"`
	Transfers []Entry         `json:"transfers"` // in the order in which they are expected to end, at most 10,000
	More      int             `json:"more"`      // transfers that are not listed
}

// ChannelStatus is what a channel may do now.
type ChannelStatus struct {
	Name    string    `json:"channel"`
	Class   Class     `json:"class"`
	Weight  int       `json:"weight"`
	Held    bool      `json:"held"`            // by people
	Open    bool      `json:"open"`            // in a window, or there are none
	Change  time.Time `json:"change,omitzero"` // when the window opens or closes
	Queue   int       `json:"queue"`           // transfers that are not finished
	Day     string    `json:"day,omitempty"`   // that the quota counts
	Bytes   uint64    `json:"bytes"`           // octets of content that were sent on it
	OfBytes uint64    `json:"of_bytes"`        // the quota, 0 for none
	Files   uint64    `json:"files"`
	OfFiles uint64    `json:"of_files"`
	Waits   string    `json:"waits,omitempty"` // why it sends nothing although something is in its queue

	Carousel *CarouselStatus `json:"carousel,omitempty"` // nil: it has none
}

// Entry is a transfer in the queue.
type Entry struct {
	TransferStatus
	Class Class     `json:"class"`
	Held  bool      `json:"held"`         // by people, it or its channel
	Due   time.Time `json:"due,omitzero"` // of the next pass
	ETA   time.Time `json:"eta,omitzero"` // when its last pass is expected to have left; zero: not foreseen
}

// Details are all that is known of one transfer.
type Details struct {
	Entry
	Folder  string    `json:"folder"`
	Source  string    `json:"source,omitempty"` // where a submitted one is read
	Entries uint64    `json:"entries"`
	Files   uint64    `json:"files"`
	Claimed time.Time `json:"claimed"`
	Ended   time.Time `json:"ended,omitzero"`
	Cancel  string    `json:"cancel,omitempty"` // why it is to be given up

	// Of one that was sent:
	Proof     string     `json:"proof,omitempty"`     // SHA-256 of the proof's body, hexadecimal; what the high side decides about
	Confirmed *time.Time `json:"confirmed,omitempty"` // when a person brought its receipt code; nil: nobody did
}

// queue lists a channel, or all.
func (s *Sender) queue(name string) (*Queue, error) {
	var only *channel
	if name != "" {
		var err error
		if only, err = s.channel(name); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	streams, jobs := s.schedule.streams()
	forecast(streams, now, s.schedule.rate)
	q := &Queue{Transfers: []Entry{}}
	for _, c := range s.channels {
		if only == nil || c == only {
			q.Channels = append(q.Channels, s.channelStatus(c, now))
		}
	}
	s.schedule.mu.Lock()
	for f := range s.schedule.flights {
		if only == nil || f.channel == only {
			q.Transfers = append(q.Transfers, f.entry(jobs[f.rec.Transfer]))
		}
	}
	s.schedule.mu.Unlock() // the line waits for it, and needs none of what follows
	slices.SortFunc(q.Transfers, func(a, b Entry) int {
		return cmp.Or(sooner(a.ETA, b.ETA), cmp.Compare(a.ID, b.ID))
	})
	if n := len(q.Transfers) - maxListed; n > 0 {
		q.Transfers, q.More = q.Transfers[:maxListed], n
	}
	return q, nil
}

// sooner compares two times of which an unknown one is the latest.
func sooner(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}

// entry is a flight as the queue lists it; schedule.mu is locked.
func (f *flight) entry(j *job) Entry {
	e := Entry{TransferStatus: f.status(), Class: f.class, Held: f.orders.Hold || f.channel.stop}
	if f.place == placeLater {
		e.Due = f.due
	}
	if j != nil && !f.ending() {
		e.ETA = j.end
	}
	return e
}

// entry is a flight as the queue lists it.
func (s *Sender) entry(f *flight) *Entry {
	now := time.Now()
	streams, jobs := s.schedule.streams()
	forecast(streams, now, s.schedule.rate)
	s.schedule.mu.Lock()
	defer s.schedule.mu.Unlock()
	e := f.entry(jobs[f.rec.Transfer])
	return &e
}

func (s *Sender) channelStatus(c *channel, now time.Time) ChannelStatus {
	s.schedule.mu.Lock()
	defer s.schedule.mu.Unlock()
	st := ChannelStatus{
		Name: c.Name, Class: c.Class, Weight: c.Weight, Held: c.stop, Open: true, Queue: c.held,
		OfBytes: c.Quota.Bytes, OfFiles: c.Quota.Files, Carousel: c.carousel(),
	}
	if w, ok := c.hours.at(now); ok {
		st.Open, st.Change = !now.Before(w.from), w.to
		if !st.Open {
			st.Change = w.from
		}
	}
	var full bool
	var tomorrow time.Time
	if c.meter.bounds() {
		tomorrow = c.meter.turnOver(now)
		st.Day, st.Bytes, st.Files = c.meter.Day, c.meter.spent.Bytes, c.meter.spent.Files
		for _, list := range c.ready {
			if len(list) > 0 {
				ok, _ := c.meter.allows(now, list[0].lot.content, list[0].files())
				full = full || !ok
			}
		}
	}
	switch {
	case c.held == 0:
	case c.stop:
		st.Waits = "it is held: pawl-send resume " + c.Name
	case !st.Open:
		st.Waits = "its window opens at " + st.Change.Format(time.RFC3339)
	case full:
		st.Waits = "the quota of " + st.Day + " is used up, the next day begins at " + tomorrow.Format(time.RFC3339)
	}
	return st
}

// show tells of one transfer, wherever it is.
func (s *Sender) show(id string) (*Details, error) {
	ch, err := s.parseID(id)
	if err != nil {
		return nil, err
	}
	if f := s.schedule.find(id); f != nil {
		d := f.rec.details(f.dir)
		d.Entry = *s.entry(f)
		s.schedule.mu.Lock()
		d.Cancel = f.orders.Cancel
		s.schedule.mu.Unlock()
		return d, nil
	}
	for _, folder := range []string{"sent", "refused"} {
		dir := filepath.Join(ch.folder(folder), id)
		rec, err := loadRecord(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		d := rec.details(dir)
		d.TransferStatus = TransferStatus{
			ID: rec.ID, Channel: ch.Name, Name: rec.Name, State: rec.State, Pass: rec.Pass, Passes: rec.Passes,
			Total: rec.Content, Path: rec.Path, Error: rec.Reason,
		}
		d.Class = ch.Class
		if rec.Ended > 0 {
			d.Ended = time.Unix(rec.Ended, 0)
		}
		if rec.State == StateSent {
			d.Confirmed = readConfirmed(dir)
			if body, err := proofBody(filepath.Join(dir, proofFile)); err == nil {
				d.Proof = hex.EncodeToString(body[:])
			}
		}
		return d, nil
	}
	return nil, fmt.Errorf("%w: %s is not in the queue, in sent/ or in refused/ of channel %q", errNoTransfer, id, ch.Name)
}

// details are what does not change while a transfer is in the queue.
func (r *record) details(dir string) *Details {
	return &Details{Folder: dir, Source: r.Source, Entries: r.Entries, Files: r.Files, Claimed: time.Unix(r.Created, 0)}
}

// PlanAnswer is what a path would come to.
type PlanAnswer struct {
	Path     string    `json:"path"`
	Channel  string    `json:"channel"`
	Entries  uint64    `json:"entries"`
	Files    uint64    `json:"files"`
	Bytes    uint64    `json:"bytes"` // octets of content
	Code     string    `json:"code,omitempty"`
	K        int       `json:"k,omitempty"`
	R        int       `json:"r,omitempty"`
	Depth    int       `json:"depth,omitempty"`
	Passes   int       `json:"passes"`
	Wire     uint64    `json:"wire"`               // octets on the wire, all passes
	Seconds  float64   `json:"seconds"`            // that the link takes for it alone
	ETA      time.Time `json:"eta,omitzero"`       // if it were queued now; zero: not foreseen
	Overhead float64   `json:"overhead,omitempty"` // wire over content, of one pass
}

// forePlan says what a path would come to if it were submitted. Nothing is queued.
func (s *Sender) forePlan(ctx context.Context, req *Request) (*PlanAnswer, error) {
	ch, err := s.channel(req.Channel)
	if err != nil {
		return nil, err
	}
	if len(req.Paths) != 1 || !filepath.IsAbs(req.Paths[0]) {
		return nil, errors.New("plan takes one absolute path")
	}
	path := filepath.Clean(req.Paths[0])
	dir, err := os.MkdirTemp(s.cfg.State, "plan-")
	if err != nil {
		return nil, fmt.Errorf("plan %q: %w", path, err)
	}
	defer os.RemoveAll(dir)
	rec := &record{Channel: ch.ID, Transfer: 1, Name: filepath.Base(path), Source: path, Created: time.Now().Unix(), Passes: ch.Passes}
	f := newFlight(rec, dir, ch)
	rec.ID = transferID(ch.ID, 1)
	if err := s.claimer.plan(ctx, f); err != nil {
		return nil, err
	}
	now := time.Now()
	streams, _ := s.schedule.streams()
	f.whole, f.body = rec.wire(s.schedule.packet)
	j := f.job()
	at := streams[slices.Index(s.channels, ch)]
	at.queue[ch.Class] = append(at.queue[ch.Class], j)
	forecast(streams, now, s.schedule.rate)
	a := &PlanAnswer{
		Path: path, Channel: ch.Name, Entries: rec.Entries, Files: rec.Files, Bytes: rec.Content, Passes: rec.Passes,
		Wire: uint64(j.whole * float64(rec.Passes)), Seconds: j.whole * float64(rec.Passes) / s.schedule.rate, ETA: j.end,
	}
	if rec.Content > 0 {
		a.Code, a.K, a.R, a.Depth = rec.Body.Code.String(), rec.Body.K, rec.Body.R, rec.Body.Depth
		a.Overhead = j.whole/float64(rec.Content) - 1
	}
	return a, nil
}
