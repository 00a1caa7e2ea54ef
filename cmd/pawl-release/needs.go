package main

import (
	"errors"
	"fmt"

	"pawl/framing/ticket"
	"pawl/receiver/quarantine"
)

// errMissing says that a list of missing blocks is none that pawl-receive writes: nothing of it goes to the low side.
var errMissing = errors.New("list of missing blocks is damaged")

// needs turns the list of missing blocks, which whoever takes over pawl-receive can write, into what a ticket says: block
// numbers below the number of blocks, in order, each once. That bounds what such a one can tell the low side.
func needs(id quarantine.ID, m *quarantine.Missing) (ticket.Ticket, error) {
	t := ticket.Ticket{Transfer: ticket.DigestOf(id.Channel, id.Transfer)}
	if m.ID != id.String() {
		return t, fmt.Errorf("transfer %s: %w: it is of another transfer", id, errMissing)
	}
	seen := map[string]bool{}
	for _, o := range m.Objects {
		if seen[o.Object] {
			return t, fmt.Errorf("transfer %s: %w: %.20q is there twice", id, errMissing, o.Object)
		}
		seen[o.Object] = true
		need, err := needOf(&o)
		if err != nil {
			return t, fmt.Errorf("transfer %s: %w: %w", id, errMissing, err)
		}
		found := false
		for _, n := range t.Needs() {
			if n.Object.String() == o.Object {
				*n.Need, found = need, true
			}
		}
		if !found {
			return t, fmt.Errorf("transfer %s: %w: no object %.20q", id, errMissing, o.Object)
		}
	}
	return t, nil
}

// needOf is what one object lacks. Runs that differ only in how many symbols are short become one.
func needOf(o *quarantine.MissingObject) (need ticket.Need, err error) {
	if o.Unknown {
		return ticket.Need{Whole: true}, nil
	}
	next := uint64(0)
	for _, r := range o.Runs {
		if r.Last < r.First || uint64(r.First) < next || r.Last >= o.Blocks {
			return need, fmt.Errorf("blocks %d to %d of %d", r.First, r.Last, o.Blocks)
		}
		if n := len(need.Runs); n > 0 && uint64(r.First) == next {
			need.Runs[n-1].Last = r.Last
		} else {
			need.Runs = append(need.Runs, ticket.Run{First: r.First, Last: r.Last})
		}
		next = uint64(r.Last) + 1
	}
	if len(need.Runs) == 1 && need.Blocks() == uint64(o.Blocks) {
		return ticket.Need{Whole: true}, nil
	}
	return need, nil
}
