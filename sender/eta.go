package sender

import (
	"time"

	"pawl/framing"
)

// Bounds of a forecast.
const (
	etaHorizon = 60 * 24 * time.Hour // no promise is made beyond it
	etaSteps   = 1 << 18             // changes that are looked at
	etaGrain   = 16                  // octets that are none: quotas count whole ones
)

// job is a transfer in a forecast, as a stretch of fluid.
type job struct {
	id     uint64
	left   float64   // octets on the wire of the pass under way or next
	whole  float64   // of a pass
	body   float64   // octets of content for one on the wire
	passes int       // after that one
	due    time.Time // not before
	end    time.Time // zero: not within the horizon
}

// stream is a channel in a forecast.
type stream struct {
	weight float64
	gap    time.Duration
	stop   bool
	hours  hours
	meter  meter
	queue  [classes][]*job // in the order in which they go; those with a due time last
}

// head is the job that a stream sends now, and when it will have one.
func (s *stream) head(c Class, now time.Time) (*job, time.Time) {
	if s.stop || len(s.queue[c]) == 0 {
		return nil, time.Time{}
	}
	j := s.queue[c][0]
	if j.due.After(now) {
		return nil, j.due
	}
	if ok, when := s.hours.open(now, 0); !ok {
		return nil, when
	}
	if ok, when := s.meter.allows(now, 1, 0); !ok {
		return nil, when
	}
	return j, time.Time{}
}

// until is the next change for a stream that sends so many octets a second.
func (s *stream) until(j *job, now time.Time, rate float64) time.Time {
	next := now.Add(seconds(j.left / rate))
	if w, ok := s.hours.at(now); ok && w.to.Before(next) {
		next = w.to
	}
	if q := s.meter.Quota.Bytes; q > 0 && j.body > 0 {
		if full := now.Add(seconds(float64(q-min(q, s.meter.spent.Bytes)) / (rate * j.body))); full.Before(next) {
			next = full
		}
	}
	return next
}

func seconds(s float64) time.Duration {
	return time.Duration(min(s, etaHorizon.Seconds()) * float64(time.Second))
}

// forecast lets fluid flow at a rate (octets a second on the wire) as the schedule would:
// the most urgent class takes all, its channels share by weight, windows and quotas hold.
// It fills in when each job ends.
func forecast(streams []*stream, now time.Time, rate float64) {
	limit := now.Add(etaHorizon)
	type flow struct {
		s    *stream
		j    *job
		rate float64
	}
	var flows []flow
	for range etaSteps {
		if now.After(limit) {
			return
		}
		next, active := limit.Add(1), Normal
		flows = flows[:0]
		for _, c := range []Class{Urgent, Normal, Bulk} {
			var weights float64
			for _, s := range streams {
				j, when := s.head(c, now)
				if j == nil {
					if !when.IsZero() && when.Before(next) {
						next = when
					}
					continue
				}
				flows = append(flows, flow{s: s, j: j, rate: s.weight})
				weights += s.weight
			}
			if active = c; len(flows) > 0 {
				for i := range flows {
					flows[i].rate *= rate / weights
				}
				break
			}
		}
		for _, f := range flows {
			if at := f.s.until(f.j, now, f.rate); at.Before(next) {
				next = at
			}
		}
		// A step of no length would be one for ever: quotas end between two octets.
		next = maxTime(next, now.Add(time.Millisecond))
		for _, f := range flows {
			octets := f.rate * next.Sub(now).Seconds()
			f.s.meter.spend(now, uint64(octets*f.j.body+0.5), 0)
			if f.j.left -= octets; f.j.left < etaGrain {
				f.s.ended(active, f.j, next)
			}
		}
		now = next
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ended takes a job whose pass is over out of the queue, or to its end for the next pass.
func (s *stream) ended(c Class, j *job, now time.Time) {
	s.queue[c] = s.queue[c][1:]
	if j.passes == 0 {
		j.end = now
		return
	}
	j.passes--
	j.left, j.due = j.whole, now.Add(s.gap)
	s.queue[c] = append(s.queue[c], j)
}

// streams are the channels as they are now. Transfers that people hold have no job.
func (s *schedule) streams() (all []*stream, jobs map[uint64]*job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs = make(map[uint64]*job)
	for _, c := range s.channels {
		one := &stream{weight: c.share.weight, gap: c.PassGap, stop: c.stop, hours: hours{windows: c.Windows}, meter: c.meter}
		enter := func(f *flight) {
			j := f.job()
			jobs[j.id] = j
			one.queue[f.class] = append(one.queue[f.class], j)
		}
		for _, list := range c.ready {
			for _, f := range list {
				enter(f)
			}
		}
		for _, f := range c.later.inOrder() {
			enter(f)
		}
		all = append(all, one)
	}
	return all, jobs
}

// job is what is still to be sent of a transfer that waits or is being sent.
func (f *flight) job() *job {
	j := &job{id: f.rec.Transfer, left: f.whole, whole: f.whole, due: f.due}
	if f.rec.Content > 0 {
		j.body = float64(f.rec.Content) / f.whole
		if f.trip != nil {
			j.left -= f.body * min(float64(f.sent.Load())/float64(f.rec.Content), 1)
		}
	}
	j.passes = max(f.rec.Passes-f.passesDone()-1, 0)
	return j
}

// passesDone is how many passes were sent to their end, as others may know it.
func (f *flight) passesDone() int {
	st := f.state.Load()
	if st.State == StateSending { // also one that is shown to wait
		return st.Pass - 1
	}
	return st.Pass
}

// wire is what a pass takes on the wire, and the content of it, in octets.
func (r *record) wire(packet int) (whole, body float64) {
	scale := float64(packet) / float64(max(r.SymbolSize, 1))
	octets := func(g geometry, object framing.Object) float64 {
		if g.Length == 0 {
			return 0
		}
		c, err := newCut(r, object, g)
		if err != nil {
			return 0 // it will be said when it is sent
		}
		return float64(c.weight()) * float64(c.copies()) * scale
	}
	proof := r.Proof
	if proof.Length == 0 {
		proof = geometry{Length: 512 + 34*r.Files, K: 100, R: 10, Depth: 1, Copies: 2}
	}
	body = octets(r.Body, framing.ObjectContent)
	plan := octets(r.Plan, framing.ObjectPlan)
	return max(2*plan+body+octets(proof, framing.ObjectProof), 1), body
}
