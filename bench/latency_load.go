package bench

import (
	"context"
	"errors"
	"fmt"

	"pawl/sender"
)

// loadName is the channel and the file of what crosses beside the urgent files.
const loadName = "load"

// errLoadOver says that the link was not full any more.
var errLoadOver = errors.New("the load had left: take a larger one, or fewer tries")

// burden submits the load, if there is one, and waits until its content is on the link.
func (l *latency) burden(ctx context.Context, say func(done, total int, line string)) error {
	if l.Load == 0 {
		return nil
	}
	say(0, l.Tries, "making the load")
	path := l.rig.source(loadName)
	if err := newRandom(l.Seed).sparse(path, l.Load); err != nil {
		return err
	}
	refused := ""
	err := sender.Submit(ctx, l.rig.socket(), sender.Request{Channel: loadName, Paths: []string{path}}, func(p sender.Progress) {
		if p.Error != "" {
			refused = p.Error
		}
	})
	if err == nil && refused != "" {
		err = errors.New(refused)
	}
	if err != nil {
		return fmt.Errorf("submit the load: %w", err)
	}
	return await(ctx, "the load to cross", l.rig.running(), func() (bool, error) {
		sent, err := l.loadSent(ctx)
		return sent > 0, err
	})
}

// loadSent is how much of the load's content has left; the error wraps errLoadOver when all has.
func (l *latency) loadSent(ctx context.Context) (uint64, error) {
	s, err := sender.AskStatus(ctx, l.rig.socket())
	if err != nil {
		return 0, err
	}
	for _, t := range s.Transfers {
		if t.Channel == loadName {
			if t.Bytes == t.Total {
				break
			}
			return t.Bytes, nil
		}
	}
	return 0, errLoadOver
}

// burdened says whether the load was still on its way when a file had arrived.
func (l *latency) burdened(ctx context.Context) error {
	if l.Load == 0 {
		return nil
	}
	_, err := l.loadSent(ctx)
	return err
}
