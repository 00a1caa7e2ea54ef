package receiver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Change is what a receiver can be told while it receives, without a packet being lost over it. All other settings are for
// another receiver.
type Change struct {
	Channels []Channel     // all channels from now on
	Idle     time.Duration // as in Config; 0: the default
}

// errEnded says that a receiver does not run any more.
var errEnded = errors.New("receiver: not running")

// change is a Change on its way to the goroutine that it belongs to.
type change struct {
	channels map[uint16]*Channel
	list     []Channel
	idle     time.Duration
	done     chan struct{}
}

// Change makes a running receiver work with other channels and another idle time, as a whole or, with an error, not at all. A
// transfer that is arriving keeps the limits it came under, and is finished also when its channel is gone; packets of new ones are
// then refused. It returns when the change holds, and with an error when Run has ended.
func (r *Receiver) Change(ctx context.Context, c Change) error {
	in := change{channels: map[uint16]*Channel{}, idle: c.Idle, done: make(chan struct{})}
	if in.idle == 0 {
		in.idle = defaultIdle
	}
	if len(c.Channels) == 0 {
		return errors.New("receiver: no channel is configured")
	}
	for i := range c.Channels {
		channel := c.Channels[i]
		if err := channel.fill(); err != nil {
			return err
		}
		if in.channels[channel.ID] != nil {
			return fmt.Errorf("receiver: channel id %d is used twice", channel.ID)
		}
		in.channels[channel.ID] = &channel
		in.list = append(in.list, channel)
	}
	select {
	case r.changes <- in:
	case <-r.ended:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	<-in.done // what was taken is applied at once
	return nil
}

// applyChange takes a change in, if there is one.
func (r *Receiver) applyChange() {
	select {
	case c := <-r.changes:
		r.channels, r.cfg.Channels, r.cfg.Idle = c.channels, c.list, c.idle
		for _, one := range c.list {
			if _, known := r.low.arrivals[one.Name]; !known {
				r.low.watch(&one, time.Now())
			}
		}
		r.log.Info("channels changed", zap.Int("channels", len(c.channels)), zap.Duration("idle", c.idle))
		close(c.done)
	default:
	}
}
