//go:build !linux

package clock

import (
	"errors"
	"time"
)

// Monotonic has no meaning that processes share here: it fails with errors.ErrUnsupported.
func Monotonic() (time.Duration, error) { return 0, errors.ErrUnsupported }
