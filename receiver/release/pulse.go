package release

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"pawl/receiver/quarantine"
)

// Status is what a daemon says of itself. Counts are since it was made.
type Status struct {
	Looked   time.Time `json:"looked"`   // when its loop last looked through the quarantine; zero before the first time
	Released uint64    `json:"released"` // transfers
	Held     uint64    `json:"held"`
	Rejected uint64    `json:"rejected"`
	Failures uint64    `json:"failures"` // tries that ended with an error, to be tried again
	Works    []Work    `json:"works"`    // what is in hand now, by channel
	Failing  []Failing `json:"failing"`  // transfers whose last try failed, the first hundred of them by transfer
	Fails    int       `json:"fails"`    // how many there are of those
}

// maxFailing is how many failing transfers a Status names.
const maxFailing = 100

// Failing is a transfer that can't be moved on and is tried again.
type Failing struct {
	Transfer string    `json:"transfer"`
	Channel  string    `json:"channel"`
	Since    time.Time `json:"since"`  // of the first try in vain
	Tries    int       `json:"tries"`  // in vain
	Next     time.Time `json:"next"`   // when it is tried again
	Reason   string    `json:"reason"` // of the last, escaped
}

// Work is a transfer in the hands of a channel's worker.
type Work struct {
	Channel  uint16    `json:"channel"`
	Transfer string    `json:"transfer"`
	Since    time.Time `json:"since"`
	Moved    time.Time `json:"moved"`   // when a file of it last went by
	Content  uint64    `json:"content"` // octets of its content on the disk
}

// pulse keeps the status of a daemon.
type pulse struct {
	mu     sync.Mutex
	status Status
	works  map[uint16]Work
	fail   map[uint16]map[quarantine.ID]*Failing // by channel; what is in it is not changed any more
}

// looked notes that the loop has gone round.
func (p *pulse) looked(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.Looked = now
}

// begin notes that a worker takes a transfer in hand.
func (p *pulse) begin(w Work) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.works == nil {
		p.works = map[uint16]Work{}
	}
	p.works[w.Channel] = w
}

// moved notes that a file of a transfer went by.
func (p *pulse) moved(id quarantine.ID, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w, ok := p.works[id.Channel]; ok && w.Transfer == id.String() {
		w.Moved = now
		p.works[id.Channel] = w
	}
}

// fails notes which transfers of a channel can't be moved on.
func (p *pulse) fails(channel uint16, failing map[quarantine.ID]*Failing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail == nil {
		p.fail = map[uint16]map[quarantine.ID]*Failing{}
	}
	p.fail[channel] = failing
}

// end notes what became of the transfer that a channel's worker had in hand.
func (p *pulse) end(channel uint16, reached quarantine.State, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.works, channel)
	s := &p.status
	switch {
	case err != nil:
		s.Failures++
	case reached == quarantine.Released:
		s.Released++
	case reached == quarantine.Held:
		s.Held++
	case reached == quarantine.Rejected:
		s.Rejected++
	}
}

// run is Gate.Run, noted.
func (p *pulse) run(ctx context.Context, g *Gate, id quarantine.ID, st quarantine.State) (quarantine.State, error) {
	now := time.Now()
	w := Work{Channel: id.Channel, Transfer: id.String(), Since: now, Moved: now}
	if info, err := os.Lstat(filepath.Join(g.store.Dir(st, id), quarantine.ContentFile)); err == nil {
		w.Content = uint64(info.Size())
	}
	p.begin(w)
	reached, err := g.Run(ctx, id, st)
	if ctx.Err() != nil {
		p.end(id.Channel, "", nil) // it will be taken again, and was no failure
	} else {
		p.end(id.Channel, reached, err)
	}
	return reached, err
}

// Status is safe for concurrent use.
func (d *Daemon) Status() Status {
	d.pulse.mu.Lock()
	defer d.pulse.mu.Unlock()
	s := d.pulse.status
	s.Works = []Work{}
	for _, w := range d.pulse.works {
		s.Works = append(s.Works, w)
	}
	slices.SortFunc(s.Works, func(a, b Work) int { return int(a.Channel) - int(b.Channel) })
	s.Failing = []Failing{}
	for _, failing := range d.pulse.fail {
		for _, f := range failing {
			s.Failing = append(s.Failing, *f)
		}
	}
	slices.SortFunc(s.Failing, func(a, b Failing) int { return strings.Compare(a.Transfer, b.Transfer) })
	s.Fails = len(s.Failing)
	s.Failing = s.Failing[:min(s.Fails, maxFailing)]
	return s
}
