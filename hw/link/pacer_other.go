//go:build !linux

package link

import "time"

func systemClock() clock { return timeClock{time.Now()} }
