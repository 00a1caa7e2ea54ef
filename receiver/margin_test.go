package receiver

import (
	"testing"
	"time"
)

// TestMargin: the least of this window and the last one; then it is forgotten.
func TestMargin(t *testing.T) {
	var m margin
	now := time.Unix(1e9, 0)
	look := func(after time.Duration, want float64) {
		t.Helper()
		now = now.Add(after)
		got := -1.0
		if left := m.since(now); left != nil {
			got = *left
		}
		if got != want {
			t.Errorf("after %v: %v, want %v", after, got, want)
		}
	}
	look(0, -1)
	m.note(3, 4)
	m.note(1, 4)
	m.note(1, 0) // no repair symbols: nothing to have a share of
	look(time.Second, 0.25)
	m.note(9, 4) // more than there are: none is left
	look(time.Second, 0)
	look(marginOver, 0)
	m.note(2, 4)
	look(time.Second, 0)
	look(marginOver, 0.5)
	look(marginOver, -1)
}
