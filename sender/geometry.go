package sender

import (
	"fmt"

	"pawl/fec"
)

// planner chooses the geometry of objects.
type planner struct {
	link fec.Link
}

func newPlanner(link fec.Link) *planner { return &planner{link: link} }

// object is the geometry the link's statement asks for.
func (p *planner) object(length uint64) (geometry, error) {
	plan, err := p.link.Plan(length)
	if err != nil {
		return geometry{}, fmt.Errorf("plan redundancy for %d octets: %w", length, err)
	}
	if !p.codable(length, &plan) {
		return geometry{}, fmt.Errorf("plan redundancy for %d octets: %v has no blocks of K=%d R=%d or one symbol less", length, plan.Code, plan.K, plan.R)
	}
	return shape(length, plan), nil
}

// content is the geometry of a content object: the one set by hand for the channel, if the
// object is large enough to be interleaved to its depth, else the link's.
func (p *planner) content(length uint64, byHand *fec.Plan) (geometry, error) {
	if byHand != nil && p.fits(length, byHand) {
		return shape(length, *byHand), nil
	}
	return p.object(length)
}

// fits says whether an object has enough blocks for a geometry set by hand, and blocks its
// code has.
func (p *planner) fits(length uint64, hand *fec.Plan) bool {
	part, err := fec.NewPartition(length, p.link.SymbolSize, hand.K)
	return err == nil && uint64(part.Blocks()) >= uint64(max(hand.Depth, 1)) && p.codable(length, hand)
}

// codable says whether the code has all blocks that an object comes to: the last ones may
// have one symbol less than the first.
func (p *planner) codable(length uint64, plan *fec.Plan) bool {
	part, err := fec.NewPartition(length, p.link.SymbolSize, plan.K)
	if err != nil {
		return false
	}
	last := part.K(part.Blocks() - 1)
	return fec.Check(plan.Code, part.MaxK(), plan.R) == nil && fec.Check(plan.Code, last, plan.R) == nil
}

func shape(length uint64, plan fec.Plan) geometry {
	return geometry{
		Length: length, Code: plan.Code, K: plan.K, R: plan.R,
		Depth: plan.Depth, Copies: plan.Copies, Spacing: plan.Spacing,
	}
}
