//go:build !linux

package link

import "time"

// threadTime is not to be had here.
func threadTime() time.Duration { return 0 }
