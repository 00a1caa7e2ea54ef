package sender

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"

	"pawl/fec"
)

// echoMemory bounds, in octets, the small objects that are kept until their copy is due.
// When it is full, reading waits for the oldest copy, which is never longer than its spacing.
const echoMemory = 64 << 20

// pipeline is the middle of the path, one goroutine a stage. Every queue holds one group, so
// that the memory is that of the pool and the echoes.
//
//	                 ┌─ toHash ── hash
//	schedule (read) ─┤                                      one of each lane
//	                 └─ toEncode ── encode ─┬ toLinks[0] ── line (seal, pace, write)
//	                                        └ toLinks[1] ── line: the same groups, other symbols
type pipeline struct {
	link     fec.Link
	pool     pool
	echoes   *semaphore.Weighted
	codecs   fec.Codecs
	toHash   chan hashing
	toEncode chan *group
	toLinks  []chan *part
}

// newPipeline makes the stages before the lines, as many as the forecast has rates.
func newPipeline(link fec.Link) *pipeline {
	p := &pipeline{
		link:     link,
		pool:     newPool(),
		echoes:   semaphore.NewWeighted(echoMemory),
		toHash:   make(chan hashing, 1),
		toEncode: make(chan *group, 1),
	}
	for range max(len(link.Rates), 1) {
		p.toLinks = append(p.toLinks, make(chan *part, 1))
	}
	return p
}

// encode is the stage that fills in the repair symbols.
func (p *pipeline) encode(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case g := <-p.toEncode:
			if err := p.repair(g); err != nil {
				return err
			}
			for i, line := range p.toLinks {
				select {
				case line <- &g.parts[i]:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
	}
}

// repair computes the repair symbols of all blocks of a group.
func (p *pipeline) repair(g *group) error {
	if g.head.R == 0 {
		return nil
	}
	for b, k := range g.ks {
		codec, err := p.codecs.Get(fec.Code(g.head.Code), k, int(g.head.R))
		if err != nil {
			return fmt.Errorf("encode %v: %w", g.head.Object, err)
		}
		if err := codec.Encode(g.symbols[b]); err != nil {
			return fmt.Errorf("encode %v: %w", g.head.Object, err)
		}
	}
	return nil
}

// acquire finds memory for group i of an object. With copies to come it is not the pool's,
// which would stand still until the last copy is sent.
func (p *pipeline) acquire(ctx context.Context, c *cut, i uint32, copies int) (*group, error) {
	if copies <= 1 {
		g, err := p.pool.take(ctx)
		if err == nil {
			c.lay(g, i)
		}
		return g, err
	}
	first, n := c.groups.Range(i)
	_, room := c.room(first, n)
	weight := int64(min(room, echoMemory))
	if err := p.echoes.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	g := &group{free: func(*group) { p.echoes.Release(weight) }, spacing: c.Spacing}
	c.lay(g, i)
	return g, nil
}

// send hands a filled group to the stages; digester is nil for what is not hashed. copies
// is how often the lines shall send it.
func (p *pipeline) send(ctx context.Context, g *group, f *flight, copies int, d *digester) error {
	lines := len(p.toLinks)
	g.flight = f
	g.address(lines, copies, p.bears(g.ks[0], g.extra))
	holders := int32(lines)
	if d != nil {
		holders++
	}
	g.holders.Store(holders)
	for range lines {
		f.hold()
	}
	if d != nil {
		select {
		case p.toHash <- hashing{digester: d, group: g}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case p.toEncode <- g:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// bears is how many links, up to those that may be lost, blocks of such a geometry can do
// without: one that was chosen before the configuration changed may be of other opinion.
func (p *pipeline) bears(k, r int) int {
	link := p.link
	for ; link.Survive > 0 && link.Missing(k+r) > r; link.Survive-- {
	}
	return link.Survive
}

// idle waits until the hash stage has nothing of a digester. Its error is kept for hashed.
func (p *pipeline) idle(ctx context.Context, d *digester) error {
	_ = p.hashed(ctx, d)
	return ctx.Err()
}

// hashed waits until everything handed to the hash stage is hashed.
func (p *pipeline) hashed(ctx context.Context, d *digester) error {
	done := make(chan error, 1)
	select {
	case p.toHash <- hashing{digester: d, done: done}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
