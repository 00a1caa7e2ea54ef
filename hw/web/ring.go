package web

// Ring keeps the last samples of something, for charts.
type Ring[S any] struct {
	all  []S
	next int
	n    int
}

// NewRing makes a ring with room for n samples.
func NewRing[S any](n int) *Ring[S] { return &Ring[S]{all: make([]S, n)} }

// Put adds a sample; the oldest goes when there is no room.
func (r *Ring[S]) Put(s S) {
	r.all[r.next] = s
	r.next = (r.next + 1) % len(r.all)
	r.n = min(r.n+1, len(r.all))
}

// Last gives the newest n samples, oldest first; those that are not there yet are empty.
func (r *Ring[S]) Last(n int) []S {
	out := make([]S, n)
	for i := 1; i <= min(n, r.n); i++ {
		out[n-i] = r.all[(r.next-i+len(r.all))%len(r.all)]
	}
	return out
}
