package sender

import (
	"container/heap"
	"time"
)

// echoes are the parts of groups that wait for the time of their next copy, the earliest
// first. The queue is bounded by the memory its groups took (pipeline.echoes).
//
// A copy takes the link that the first took: each symbol then has one try that no outage of
// its link meets, also when each link has one.
type echoes []*part

// next is when the earliest copy is due; false if there is none.
func (e echoes) next() (time.Time, bool) {
	if len(e) == 0 {
		return time.Time{}, false
	}
	return e[0].due, true
}

// add keeps p until its copy is due.
func (e *echoes) add(p *part, now time.Time) {
	p.due = now.Add(p.group.spacing)
	heap.Push(e, p)
}

// take returns a part whose copy is due, nil if there is none.
func (e *echoes) take(now time.Time) *part {
	if due, ok := e.next(); !ok || due.After(now) {
		return nil
	}
	return heap.Pop(e).(*part)
}

// Len, Less, Swap, Push and Pop are heap.Interface.
func (e echoes) Len() int           { return len(e) }
func (e echoes) Less(i, j int) bool { return e[i].due.Before(e[j].due) }
func (e echoes) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *echoes) Push(p any)        { *e = append(*e, p.(*part)) }

// Pop removes the last element.
func (e *echoes) Pop() any {
	last := len(*e) - 1
	p := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return p
}
