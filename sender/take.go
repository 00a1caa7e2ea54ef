package sender

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
)

// claimRetry is how long an entry is left alone that could not be claimed.
const claimRetry = 10 * time.Second

// take claims entries; false if that has to be tried again.
func (o *outbox) take(ctx context.Context, d drop) bool {
	mine := d.paths[:0:0]
	for _, path := range d.paths {
		if o.known.begin(path) {
			mine = append(mine, path)
		}
	}
	if len(mine) == 0 {
		return true
	}
	d.paths = mine
	err := o.claim(ctx, o.channel, d)
	retry := time.Time{}
	if err != nil && ctx.Err() == nil {
		retry = o.missed(d, err)
	}
	for _, path := range mine {
		o.known.end(path, retry)
	}
	return retry.IsZero()
}

// missed says why a claim came to nothing, and when to try again: zero if there is nothing left to claim.
func (o *outbox) missed(d drop, err error) time.Time {
	first := d.paths[0]
	fields := []zap.Field{zap.String("channel", o.channel.Name), zap.String("name", first), zap.Int("entries", len(d.paths)), zap.Error(err)}
	if _, gone := os.Lstat(filepath.Join(o.channel.folder("outbox"), first)); os.IsNotExist(gone) {
		// Taken out again, or claimed and then stopped by our own machinery: said once.
		o.log.Error("entry not sent", fields...)
		return time.Time{}
	}
	o.log.Error("entry cannot be claimed", fields...)
	o.mu.Lock()
	o.state.Fault = fmt.Sprintf("%q cannot be claimed: %v", first, err)
	o.mu.Unlock()
	return time.Now().Add(claimRetry)
}

// timed takes a drop and notes how long that took.
func (l *look) timed(ctx context.Context, d drop) bool {
	begin := time.Now()
	defer func() { l.claims += time.Since(begin) }()
	return l.take(ctx, d)
}
