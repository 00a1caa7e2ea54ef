package receiver

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

const (
	// beatsStop is the silence after which the low side counts as gone: ten beats.
	beatsStop = 10 * time.Second
	// growthSpan is how long the announced queue must grow to be worth a warning, looked at growthSamples times.
	growthSpan    = 15 * time.Minute
	growthSamples = 15
	// arrivesWithin is how long after the low side's last packet of a transfer it must be known here.
	arrivesWithin = 5 * time.Second
	// lookAgain is how often it is looked for again, and remembersFor how long it is told of.
	lookAgain    = time.Minute
	remembersFor = 7 * 24 * time.Hour
	// looksAtOnce bounds how many are looked for in one go: it is done between packets, and each look asks the disk a few times.
	looksAtOnce = 16
	// maxAnnounced bounds the transfers kept in mind because a beat told of them.
	maxAnnounced = 1024
	// maxNamed bounds the transfers that one warning names.
	maxNamed = 5
)

// lowSide is what can be concluded from what the low side says: that it fell silent, that its queue grows, that it sent what
// never came. Nothing is accepted or refused because of it.
type lowSide struct {
	announced map[quarantine.ID]*announced
	samples   []sample // of the queue, the oldest first
	arrivals  map[string]time.Time
}

// announced is a transfer that a beat told of.
type announced struct {
	since  time.Time // heard of first
	over   time.Time // when the low side was first heard to be done with it; zero: it is not
	looked time.Time
	lost   bool // it is over, and not here
}

type sample struct {
	at           time.Time
	queue, bytes uint64
}

// newLowSide begins with the arrivals known from an earlier run. A channel of which none is known is watched from now on.
func newLowSide(known map[string]time.Time, channels []Channel, now time.Time) *lowSide {
	l := &lowSide{announced: map[quarantine.ID]*announced{}, arrivals: map[string]time.Time{}}
	for _, c := range channels {
		if at, ok := known[c.Name]; ok {
			l.arrivals[c.Name] = at
			continue
		}
		l.watch(&c, now)
	}
	return l
}

// watch begins to expect what a channel expects, as if the last one had come in time.
func (l *lowSide) watch(c *Channel, now time.Time) {
	for _, e := range c.Expect {
		if due := e.Last(now.Add(-c.Grace)); due.After(l.arrivals[c.Name]) {
			l.arrivals[c.Name] = due
		}
	}
}

// hear takes a beat in.
func (l *lowSide) hear(b *framing.Beat, now time.Time) {
	told := make(map[quarantine.ID]struct{}, len(b.Flights))
	for _, f := range b.Flights {
		id := quarantine.ID{Channel: f.Channel, Transfer: f.Transfer}
		told[id] = struct{}{}
		a := l.announced[id]
		if a == nil {
			if len(l.announced) >= maxAnnounced {
				continue
			}
			a = &announced{since: now}
			l.announced[id] = a
		}
		switch {
		case f.State != framing.FlightFinished:
			a.over, a.lost = time.Time{}, false
		case a.over.IsZero():
			a.over = now
		}
	}
	if len(b.Flights) < framing.MaxFlights { // then it told of all there are
		for id, a := range l.announced {
			if _, ok := told[id]; !ok && a.over.IsZero() {
				a.over = now
			}
		}
	}
	if len(l.samples) == 0 || now.Sub(l.samples[len(l.samples)-1].at) >= growthSpan/growthSamples {
		l.samples = append(l.samples, sample{now, b.Queue, b.QueueBytes})
		l.samples = l.samples[max(len(l.samples)-growthSamples-1, 0):]
	}
}

// grows says whether the queue grew over the whole span and never shrank.
func (l *lowSide) grows() (from, to sample, grows bool) {
	if len(l.samples) <= growthSamples {
		return from, to, false
	}
	for i, s := range l.samples[1:] {
		if s.queue < l.samples[i].queue || s.bytes < l.samples[i].bytes {
			return from, to, false
		}
	}
	from, to = l.samples[0], l.samples[len(l.samples)-1]
	return from, to, to.queue > from.queue && to.bytes > from.bytes
}

// lookFor looks for the transfers that the low side is done with, and returns those that never came.
func (r *Receiver) lookFor(now time.Time) (lost []quarantine.ID) {
	looks := 0
	for id, a := range r.low.announced {
		switch {
		case now.Sub(a.since) > remembersFor:
			delete(r.low.announced, id)
			continue
		case a.over.IsZero() || now.Sub(a.over) < arrivesWithin:
			continue
		case now.Sub(a.looked) >= lookAgain && looks < looksAtOnce:
			a.looked = now
			looks++
			if r.knows(id) {
				delete(r.low.announced, id)
				continue
			}
			if !a.lost {
				r.log.Warn("the low side sent a transfer of which nothing came", zap.Stringer("transfer", id))
			}
			a.lost = true
		}
		if a.lost {
			lost = append(lost, id)
		}
	}
	slices.SortFunc(lost, func(a, b quarantine.ID) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Transfer, b.Transfer))
	})
	return lost
}

// knows says whether a transfer is here, in whatever state.
func (r *Receiver) knows(id quarantine.ID) bool {
	if r.transfers[id] != nil || r.finished.has(id) {
		return true
	}
	_, err := r.cfg.Store.Find(id)
	return err == nil
}

// arrived notes that a transfer of a channel is complete.
func (l *lowSide) arrived(channel string, now time.Time) { l.arrivals[channel] = now }

// warnings are what somebody should look at: sentences of ours, with nothing in them that the low side chose but numbers.
func (r *Receiver) warnings(now time.Time) []string {
	all := []string{}
	heard := r.beatHeard
	if r.beat == nil {
		heard = r.started
	}
	if silence := now.Sub(heard); silence > beatsStop {
		all = append(all, fmt.Sprintf("no beat for %v: the low side, the link or the cable is down", silence.Round(time.Second)))
	}
	if from, to, grows := r.low.grows(); grows {
		all = append(all, fmt.Sprintf("the low side's queue grew from %d to %d transfers, %d to %d octets, in %v: more is put in than the link carries",
			from.queue, to.queue, from.bytes, to.bytes, to.at.Sub(from.at).Round(time.Minute)))
	}
	if lost := r.lookFor(now); len(lost) > 0 {
		all = append(all, fmt.Sprintf("%d transfers were announced and never came: %v; ask the low side to send them again",
			len(lost), lost[:min(len(lost), maxNamed)]))
	}
	for i := range r.cfg.Channels {
		c := &r.cfg.Channels[i]
		for _, e := range c.Expect {
			if due, overdue := e.Overdue(r.low.arrivals[c.Name], now, c.Grace); overdue {
				all = append(all, fmt.Sprintf("channel %s: nothing came by %s (expected %s), the last arrival was %s",
					c.Name, due.Add(c.Grace).Format(time.RFC3339), e, r.low.arrivals[c.Name].UTC().Format(time.RFC3339)))
			}
		}
	}
	return all
}
