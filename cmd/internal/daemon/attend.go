package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	"go.uber.org/zap"
)

// attend runs a core, and those that follow it at reloads, until ctx ends or one of them does.
func (p *process[C]) attend(ctx context.Context, core Core, hangups <-chan os.Signal) error {
	r := p.start(ctx, core)
	p.tell.say(p.describe(), ready)
	pulse := time.NewTicker(p.tell.every)
	defer pulse.Stop()
	for {
		select {
		case err := <-r.ended:
			r.end()
			p.tell.say("stopping", stopping)
			return err
		case <-ctx.Done():
			p.tell.say("stopping", stopping)
			return r.finish()
		case <-hangups:
			p.tell.reloading()
			next, err := p.reload(ctx, r)
			if next == nil {
				p.tell.say("stopping", stopping)
				return err
			}
			r = next
			p.tell.say(p.describe(), ready)
		case now := <-pulse.C:
			p.pulse(r.core, now)
		}
	}
}

// pulse feeds the watchdog, if the core is alive.
func (p *process[C]) pulse(core Core, now time.Time) {
	err := core.Alive(now)
	switch was := p.state.sick(err); {
	case err != nil && !was:
		p.log.Error("no progress: the watchdog is not fed", zap.Error(err))
		p.tell.say("no progress: " + err.Error())
	case err == nil && was:
		p.log.Info("progress again")
		p.tell.say(p.describe(), watchdog)
	case err == nil:
		p.tell.say("", watchdog)
	}
}

// reload takes the configuration anew, and returns what runs then; nil, with or without an error, is the end of the program.
func (p *process[C]) reload(ctx context.Context, r *run) (*run, error) {
	next, err := p.Load(p.path)
	if err == nil {
		err = p.locked(next)
	}
	if err == nil && reflect.DeepEqual(p.config, next) {
		p.log.Info("configuration read again: nothing has changed")
		p.state.reloaded(nil)
		return r, nil
	}
	if err == nil {
		if in, ok := r.core.(Reloader[C]); ok {
			err = in.Reload(ctx, next)
		} else {
			return p.replace(ctx, r, next)
		}
	}
	p.settle(next, err)
	return r, nil
}

// settle notes how a reload ended.
func (p *process[C]) settle(next C, err error) {
	p.state.reloaded(err)
	if err != nil {
		p.log.Error("configuration refused: the one before stays", zap.Error(err))
		return
	}
	p.config = next
	p.log.Info("configuration taken", zap.String("file", p.path))
}

// replace ends the core and opens another with the next configuration; if that can't be opened, with the one before.
func (p *process[C]) replace(ctx context.Context, r *run, next C) (*run, error) {
	before := p.config
	if err := r.finish(); err != nil || ctx.Err() != nil {
		return nil, err
	}
	core, refused := p.open(next)
	if refused != nil {
		var err error
		if core, err = p.open(before); err != nil {
			return nil, fmt.Errorf("go back to the configuration before: %w", errors.Join(err, refused))
		}
		refused = fmt.Errorf("%s: %w", p.path, refused)
	}
	p.settle(next, refused)
	return p.start(ctx, core), nil
}
