package sender

import (
	"container/heap"
	"path/filepath"
	"slices"
	"time"

	"pawl/fec"
)

// Bounds of the queues. What does not fit stays where it is: in the outbox, or refused to
// the one who submits.
const (
	maxQueued = 256     // transfers of a channel that were claimed and not begun
	maxHeld   = 1 << 16 // transfers of a channel that are not finished, waiting for a pass too
)

// channel is one channel of the daemon with its queue. All below is under schedule.mu.
type channel struct {
	Channel
	ready [classes][]*flight // wait for their turn, in the order they came
	later waiting            // wait for their next pass
	fresh int                // transfers in ready that were never begun
	held  int                // not final
	stop  bool               // people hold the whole channel
	share account
	hours hours
	meter meter
	room  chan struct{} // capacity 1: there may be room again
	wheel wheel         // of the carousel

	planner *planner

	recovered chan struct{} // closed when what was claimed before the start is in the queue
}

func newChannel(c Channel, link fec.Link) *channel {
	c = c.withDefaults()
	return &channel{
		planner: newPlanner(c.Forecast(link)),
		Channel: c, room: make(chan struct{}, 1), recovered: make(chan struct{}), share: account{weight: float64(c.Weight)},
		hours: hours{windows: c.Windows}, meter: meter{Quota: c.Quota},
	}
}

func (c *channel) folder(name string) string { return filepath.Join(c.Folder, name) }

// put places a flight where it waits.
func (c *channel) put(f *flight, now time.Time) {
	switch {
	case f.ending():
		// At the head: its packets are few, and wait for nothing that others wait for.
		c.ready[f.class] = slices.Insert(c.ready[f.class], 0, f)
		f.place = placeReady
	case f.orders.Hold:
		f.place = placeHeld
		f.paused.Store(true)
	case f.due.After(now):
		heap.Push(&c.later, f)
		f.place = placeLater
	default:
		c.ready[f.class] = append(c.ready[f.class], f)
		f.place = placeReady
		c.count(f, !f.begun && !f.round)
	}
}

// remove takes a flight out of its list.
func (c *channel) remove(f *flight) {
	switch f.place {
	case placeReady:
		for class, list := range c.ready {
			if i := slices.Index(list, f); i == 0 {
				list[0] = nil
				c.ready[class] = list[1:]
			} else if i > 0 {
				c.ready[class] = slices.Delete(list, i, i+1)
			}
		}
		c.count(f, false)
	case placeLater:
		if i := slices.Index(c.later, f); i >= 0 {
			heap.Remove(&c.later, i)
		}
	}
	f.place = placeNone
}

// count keeps the number of those that were never begun.
func (c *channel) count(f *flight, fresh bool) {
	switch {
	case fresh && !f.counted:
		c.fresh++
	case !fresh && f.counted:
		c.fresh--
		signal(c.room)
	}
	f.counted = fresh
}

// wakeLater makes ready what is due, and says when the next is.
func (c *channel) wakeLater(now time.Time) time.Time {
	for len(c.later) > 0 {
		f := c.later[0]
		if f.due.After(now) {
			return f.due
		}
		c.remove(f)
		c.put(f, now)
	}
	return time.Time{}
}

// waiting are flights by the time they are due.
type waiting []*flight

// Len, Less, Swap, Push and Pop are heap.Interface.
func (l waiting) Len() int           { return len(l) }
func (l waiting) Less(i, j int) bool { return l[i].due.Before(l[j].due) }
func (l waiting) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *waiting) Push(f any)        { *l = append(*l, f.(*flight)) }

// Pop removes the last element.
func (l *waiting) Pop() any {
	last := len(*l) - 1
	f := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return f
}

// inOrder is a copy, the earliest first.
func (l waiting) inOrder() []*flight {
	all := slices.Clone(l)
	slices.SortFunc(all, func(a, b *flight) int { return a.due.Compare(b.due) })
	return all
}
