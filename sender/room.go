package sender

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"pawl/hw/disk"
)

// roomEvery is how often the outboxes' disks are asked what is free.
const roomEvery = 5 * time.Second

// room knows what is free where the outboxes are. It asks in a goroutine of its own: a disk that does not answer must not keep
// a beat from leaving.
type room struct{ free atomic.Uint64 }

// watch asks until ctx ends.
func (r *room) watch(ctx context.Context, channels []*channel) error {
	tick := time.NewTicker(roomEvery)
	defer tick.Stop()
	for {
		least := uint64(math.MaxUint64)
		for _, c := range channels {
			if free, err := disk.Free(c.Folder); err == nil {
				least = min(least, free)
			}
		}
		if least == math.MaxUint64 {
			least = 0 // no disk answers: that is no room
		}
		r.free.Store(least)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
