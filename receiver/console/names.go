package console

import (
	"context"
	"strings"
	"time"

	"pawl/hw/web"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
)

// read takes a transfer's name and size from its plan. Nothing of it is proved.
func (x *index) read(r *row) {
	if r == nil || r.known {
		return
	}
	next := *r
	next.known = true
	if look, err := check.LookAt(x.store.Dir(r.state, r.id)); err == nil {
		if look.Plan != nil {
			next.name, next.bytes = web.Say(look.Plan.Name, maxKept), look.Plan.Content
			next.find = r.id.String() + "\n" + strings.ToLower(next.name.Text())
		}
		if look.Proof != nil && !look.Proof.Aborted {
			next.files = look.Proof.Files
		}
	}
	x.rows[r.id] = &next
}

// fill looks at the plans of transfers that were only listed, the last changed first, showing what it has now and then.
func (x *index) fill(ctx context.Context) {
	last := time.Now()
	todo := x.now.Load().rows
	filled := false
	for _, r := range todo {
		if ctx.Err() != nil || len(x.hint) > 0 {
			break // what moves now is looked at first
		}
		if r.known {
			continue
		}
		x.mu.Lock()
		if x.rows[r.id] == r {
			x.read(r)
			filled = true
		}
		x.mu.Unlock()
		if time.Since(last) > publishes {
			x.publish()
			last = time.Now()
		}
	}
	if filled {
		x.publish()
	}
}

// name is what a transfer is called, as far as it is known.
func (x *index) name(id quarantine.ID) web.Words {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.rows[id]; r != nil {
		return r.name
	}
	return web.Words{}
}

// awaited has those that arrive and have no name yet looked at again: nothing else tells that a plan has come.
func (x *index) awaited(arriving []quarantine.Arriving) {
	for i := range arriving {
		id, err := quarantine.ParseID(arriving[i].ID)
		if err != nil || !x.name(id).None() {
			continue
		}
		select {
		case x.hint <- id:
		default: // the next look at what arrives asks again
		}
	}
}
