package release

import (
	"context"
	"os"
	"path/filepath"
	"slices"
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
}

// Work is a transfer in the hands of a channel's worker.
type Work struct {
	Channel  uint16    `json:"channel"`
	Transfer string    `json:"transfer"`
	Since    time.Time `json:"since"`
	Content  uint64    `json:"content"` // octets of its content on the disk
}

// pulse keeps the status of a daemon.
type pulse struct {
	mu     sync.Mutex
	status Status
	works  map[uint16]Work
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
	w := Work{Channel: id.Channel, Transfer: id.String(), Since: time.Now()}
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
	return s
}
