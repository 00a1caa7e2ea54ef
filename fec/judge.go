package fec

import "fmt"

// Judge does the sums for a plan whose code, K, R and depth were set by hand: it returns
// the plan with overhead, memory and residual for an object of length octets, as
// [Link.Plan] would state them. Whether the residual and the memory are acceptable is the
// caller's to say.
//
// A hand-set plan is one for large objects; a smaller object takes from it what fits. K
// becomes the length of its largest block, Depth at most its number of blocks, Depth and
// Copies at least 1. Copies of more than 1 without Spacing get the planner's spacing.
// Errors are an [ErrLink], [ErrPartition] or [ErrGeometry].
func (l Link) Judge(p Plan, length uint64) (Plan, error) {
	d, err := l.demand(length)
	if err != nil {
		return Plan{}, err
	}
	if err := Check(p.Code, p.K, p.R); err != nil {
		return Plan{}, fmt.Errorf("judge plan: %w", err)
	}
	part, err := NewPartition(length, l.SymbolSize, p.K)
	if err != nil {
		return Plan{}, fmt.Errorf("judge plan: %w", err)
	}
	blocks := int(part.Blocks())
	p.K = part.MaxK()
	p.Depth = min(max(p.Depth, 1), blocks)
	p.Copies = max(p.Copies, 1)

	groups := NewGroups(part.Blocks(), p.Depth)
	symbols := uint64(groups.Largest()) * uint64(p.K+p.R)
	p.Memory = symbols * uint64(l.SymbolSize)
	p.Overhead = d.overhead(p, blocks)
	p.Residual = d.residual(p.K, p.R, blocks, d.hits(groups.Smallest(), symbols))
	if p.Copies == 1 {
		p.Spacing = 0
		return p, nil
	}
	spacing, possible := d.spacing(p, blocks)
	if p.Spacing == 0 {
		p.Spacing = spacing
	}
	if possible && p.Spacing >= max(l.Burst, l.time(float64(d.batch))) && d.clear(p, blocks) {
		// One copy is free of outages and fails by chance alone.
		p.Residual = min(p.Residual, d.residual(p.K, p.R, blocks, 0))
	}
	return p, nil
}

// clear reports whether two copies so spaced can't both meet an outage: whatever the phase,
// the next outage comes after the second copy.
func (d *demand) clear(p Plan, blocks int) bool {
	if d.period == 0 {
		return true
	}
	copies := d.link.time(2 * float64(blocks) * float64(p.K+p.R))
	return p.Spacing+copies+d.link.Burst <= d.link.sooner()
}
