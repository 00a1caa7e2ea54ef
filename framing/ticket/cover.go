package ticket

import (
	"fmt"
	"sort"
)

// MaxParts is how many tickets one transfer may be asked for with. When even so many can't name all blocks, the object with
// the most runs is asked for whole: carrying a page of groups costs people more than sending it again costs the link.
const MaxParts = 4

// Cover divides what a transfer lacks over as few tickets as it takes, each good by itself: the first names as much as it
// can hold, in the order plan, content, proof.
func Cover(t Ticket) ([]*Ticket, error) {
	for {
		parts, err := split(t)
		if err != nil {
			return nil, fmt.Errorf("cover what is missing: %w", err)
		}
		if len(parts) <= MaxParts {
			return parts, nil
		}
		var most *Need
		for _, n := range t.Needs() {
			if most == nil || len(n.Need.Runs) > len(most.Runs) {
				most = n.Need
			}
		}
		*most = Need{Whole: true}
	}
}

// split fills ticket after ticket until all is named or there are more than MaxParts.
func split(t Ticket) (parts []*Ticket, err error) {
	for len(parts) <= MaxParts {
		part := &Ticket{Transfer: t.Transfer}
		full := false
		for i, n := range t.Needs() {
			if full || n.Need.None() {
				continue
			}
			if err := n.Need.check(); err != nil {
				return nil, err
			}
			into := part.Needs()[i].Need
			if n.Need.Whole {
				*into, *n.Need = *n.Need, Need{}
				continue
			}
			// As many runs as fit: bits only grow with their number.
			runs := n.Need.Runs
			fit := sort.Search(len(runs), func(more int) bool {
				into.Runs = runs[:more+1]
				_, err := part.payload()
				return err != nil
			})
			into.Runs, n.Need.Runs = runs[:fit], runs[fit:]
			full = fit < len(runs)
		}
		if part.Plan.None() && part.Content.None() && part.Proof.None() {
			break
		}
		parts = append(parts, part)
	}
	return parts, nil
}
