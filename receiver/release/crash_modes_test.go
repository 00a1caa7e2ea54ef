package release

import (
	"context"
	"errors"
	"pawl/framing/person"
	"pawl/receiver/quarantine"
	"time"
)

// crashRound is what the daemon does once around, and then what people say who find the transfer waiting.
func crashRound(gate *Gate, words []word, keys map[string]*person.Key) error {
	st, err := gate.store.Find(id)
	switch {
	case err != nil:
		return err
	case st == quarantine.Complete, st == quarantine.Checking, st == quarantine.Held && gate.ready(id):
		if st, err = gate.Run(context.Background(), id, st); err != nil {
			return err
		}
	}
	for _, w := range words {
		if st != quarantine.Held {
			return nil
		}
		d, err := gate.Draft(id, w.action, "because", nil)
		if err != nil {
			return err
		}
		waits, err := gate.Waits(id)
		if err != nil {
			return err
		}
		for _, g := range waits.Decisions {
			if g.Person == w.who && !d.When.After(g.When) {
				d.When = g.When.Add(time.Millisecond) // people are slower than this test
			}
		}
		s, err := keys[w.who].Sign(d)
		if err != nil {
			return err
		}
		if err := gate.Decide(id, s); err != nil && !errors.Is(err, ErrTwice) {
			return err
		}
		if gate.ready(id) {
			if st, err = gate.Run(context.Background(), id, st); err != nil {
				return err
			}
		}
	}
	return nil
}

// word is what somebody says of a transfer that is held.
type word struct {
	who    string
	action person.Action
}

// mode is one way that a transfer goes.
type mode struct {
	release Mode
	words   []word
	want    quarantine.State
	set     func(c *Channel) // what else the channel asks for
}

func (m mode) demand(c *Channel) {
	if m.set != nil {
		m.set(c)
	}
}

var modes = map[string]mode{
	"auto":    {Auto, nil, quarantine.Released, nil},
	"approve": {One, []word{{"alice", person.Approve}}, quarantine.Released, nil},
	"two":     {Two, []word{{"alice", person.Approve}, {"bob", person.Approve}}, quarantine.Released, nil},
	"reject":  {Two, []word{{"alice", person.Approve}, {"bob", person.Reject}}, quarantine.Rejected, nil},
	"hold":    {One, nil, quarantine.Held, nil},
	"taken":   {Auto, nil, quarantine.Held, nil},
	"late":    {Auto, nil, quarantine.Held, nil},
	"damaged": {Auto, nil, quarantine.Held, nil},
	"hold for": {Two, []word{{"alice", person.Approve}, {"bob", person.Approve}}, quarantine.Released, func(c *Channel) {
		c.HoldFor = time.Nanosecond // over at the next look
	}},
	"version": {Auto, nil, quarantine.Released, func(c *Channel) { c.Collision = Version }},
	"same":    {Auto, nil, quarantine.Released, func(c *Channel) { c.Collision = Same }},
	"after": {Auto, nil, quarantine.Released, func(c *Channel) {
		c.Immutable = Best
		c.After = &Command{Args: []string{"/bin/sh", "-c", `echo ran >> "$(dirname "$1")"/../ran`}, Timeout: time.Minute}
	}},
	logged:    {Auto, nil, quarantine.Released, nil},
	loggedTwo: {Two, []word{{"alice", person.Approve}, {"alice", person.Revoke}, {"alice", person.Approve}, {"bob", person.Approve}}, quarantine.Released, nil},
}
