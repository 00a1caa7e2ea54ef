package clock

import (
	"errors"
	"testing"
)

// TestMonotonicGrows: two readings never go back, and a machine that runs has a time.
func TestMonotonicGrows(t *testing.T) {
	a, err := Monotonic()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no clock that processes share on this system")
	}
	b, err2 := Monotonic()
	if err != nil || err2 != nil || a <= 0 || b < a {
		t.Errorf("%v, %v (%v, %v)", a, b, err, err2)
	}
}
