package sender

import (
	"container/heap"
	"time"
)

// echo is when the next copy of a group is due.
type echo struct {
	spacing time.Duration // from the end of one copy to the beginning of the next
	due     time.Time
}

// echoes are the groups that wait for the time of their next copy, the earliest first. The
// queue is bounded by the memory its groups took (pipeline.echoes).
type echoes []*group

// next is when the earliest copy is due; false if there is none.
func (e echoes) next() (time.Time, bool) {
	if len(e) == 0 {
		return time.Time{}, false
	}
	return e[0].echo.due, true
}

// add keeps g until its copy is due.
func (e *echoes) add(g *group, now time.Time) {
	g.echo.due = now.Add(g.echo.spacing)
	heap.Push(e, g)
}

// take returns a group whose copy is due, nil if there is none.
func (e *echoes) take(now time.Time) *group {
	if due, ok := e.next(); !ok || due.After(now) {
		return nil
	}
	return heap.Pop(e).(*group)
}

// Len, Less, Swap, Push and Pop are heap.Interface.
func (e echoes) Len() int           { return len(e) }
func (e echoes) Less(i, j int) bool { return e[i].echo.due.Before(e[j].echo.due) }
func (e echoes) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *echoes) Push(g any)        { *e = append(*e, g.(*group)) }

// Pop removes the last element.
func (e *echoes) Pop() any {
	last := len(*e) - 1
	g := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return g
}
