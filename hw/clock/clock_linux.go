package clock

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Monotonic is the time since an arbitrary moment of the machine (CLOCK_MONOTONIC), the same for all processes: what
// systemd's notification protocol asks for as MONOTONIC_USEC (sd_notify(3)).
func Monotonic() (time.Duration, error) {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &at); err != nil {
		return 0, fmt.Errorf("clock_gettime: %w", err)
	}
	return time.Duration(at.Nano()), nil
}
