package receiver

import (
	"sync"
	"time"
)

// marginOver is how long a block counts for the margin: between one and two of these.
const marginOver = 10 * time.Second

// margin is how close the rebuilt blocks lately came to being lost.
type margin struct {
	mu        sync.Mutex
	now, last *float64 // the least of this window and the last one; nil: no block was rebuilt
	turned    time.Time
}

// note enters a block that was rebuilt although short source symbols were missing, of whose repair symbols as many were needed.
func (m *margin) note(short, repair int) {
	if repair <= 0 {
		return
	}
	left := max(0, float64(repair-short)/float64(repair))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now == nil || left < *m.now {
		m.now = &left
	}
}

// since gives the least margin of the last windows.
func (m *margin) since(now time.Time) *float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.turned) >= marginOver {
		m.last, m.now, m.turned = m.now, nil, now
	}
	switch {
	case m.now == nil:
		return m.last
	case m.last != nil && *m.last < *m.now:
		return m.last
	}
	return m.now
}
