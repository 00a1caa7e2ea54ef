package sender

import (
	"context"
	"sync/atomic"
	"time"

	"pawl/fec"
	"pawl/framing"
)

// group is what the stages hand on: the blocks of one object that are interleaved, with
// room for their repair symbols. All source symbols lie one after the other in buf, so that
// a file is read into several blocks with one call; the repair symbols follow them.
//
//	buf  │ source of block 0 │ source of block 1 │ … │ repair 0 │ repair 1 │ … │
//	data  ──────────────────────────────────► (zeros up to T after the object's end)
//
// A group that was handed on is only read, and belongs to whoever release leaves it to.
type group struct {
	head    framing.Header // what its packets have in common
	blocks  []uint32       // SBN of each block
	extra   int            // repair symbols of each block that are sent: R, but for a repair
	ks      []int          // K of each block
	symbols [][][]byte     // K+R symbols of each block
	buf     []byte
	data    []byte // the octets of the object in buf
	ends    []int  // content: where in data files end

	flight  *flight
	trace   *trace        // of the pass, if its progress is kept
	seq     uint32        // number of the group in it
	skip    uint32        // symbols at its beginning that an earlier run has sent
	mark    *mark         // what is reached when it has left; nil: nothing is noted
	pending *atomic.Int64 // octets that were handed on and have not left; this group's are wire
	wire    int64
	spacing time.Duration // from the end of one copy to the beginning of the next
	parts   []part        // what each line has of it
	bears   int32         // lines that may give their part up
	given   atomic.Int32  // lines that did
	unsent  atomic.Int32  // lines that have not sent their first copy

	holders atomic.Int32 // stages that still read it
	free    func(*group) // takes it back; never blocks
}

// part is what one line has to send of a group: the symbols that the spread gives it. It
// belongs to that line.
type part struct {
	group  *group
	copies int       // how often it has still to be sent
	sent   bool      // the first copy was
	seen   uint32    // symbols of it seen to, also those of other lines
	given  bool      // up: see surrender
	due    time.Time // of the next copy
}

// address readies g to be handed to a number of lines, which send it so often.
func (g *group) address(lines, copies, bears int) {
	for len(g.parts) < lines {
		g.parts = append(g.parts, part{})
	}
	for i := range g.parts {
		g.parts[i] = part{group: g, copies: copies}
	}
	g.bears = int32(bears)
	g.given.Store(0)
	g.unsent.Store(int32(lines))
}

// surrender gives up what was not sent of a part, if the blocks are whole without it: of
// each group at most as many lines may as the plan bears. A copy of what was sent is no loss.
func (p *part) surrender() bool {
	switch {
	case p.given || p.sent:
	case p.group.given.Add(1) <= p.group.bears:
		p.given = true
	default:
		p.group.given.Add(-1)
		return false
	}
	return true
}

// left notes that the first copy has left on all lines.
func (g *group) left() {
	g.flight.progress(g)
	if g.pending != nil {
		g.pending.Add(-g.wire)
	}
	if g.mark != nil {
		g.mark.done()
	}
}

// release gives up one hold; the last one gives the group back.
func (g *group) release() {
	if g.holders.Add(-1) == 0 && g.free != nil {
		g.free(g)
	}
}

// cut is an object cut into blocks and groups for the link's symbol size.
type cut struct {
	geometry
	head       framing.Header
	symbolSize int
	part       fec.Partition
	groups     fec.Groups
}

// newCut cuts an object; it may not be empty.
func newCut(rec *record, object framing.Object, geo geometry) (*cut, error) {
	part, err := fec.NewPartition(geo.Length, rec.SymbolSize, geo.K)
	if err != nil {
		return nil, err
	}
	return &cut{
		geometry: geo, symbolSize: rec.SymbolSize,
		part: part, groups: fec.NewGroups(part.Blocks(), geo.Depth),
		head: framing.Header{
			Type: framing.TypeSymbol, Channel: rec.Channel, Object: object, Code: uint8(geo.Code),
			Transfer: rec.Transfer, Length: geo.Length, MaxK: uint16(geo.K), R: uint16(geo.R),
		},
	}, nil
}

// copies is how often a pass sends the object. Only one of a single group, too small to be
// spread over a burst, is repeated; its copies are kept until they are due.
func (c *cut) copies() int {
	if c.groups.Count() > 1 {
		return 1
	}
	return max(c.Copies, 1)
}

// weight is what the object takes on the link once, in octets of symbols.
func (c *cut) weight() uint64 {
	t := uint64(c.symbolSize)
	return (c.Length+t-1)/t*t + uint64(c.part.Blocks())*uint64(c.R)*t
}

// room is the number of octets a group of n blocks from block first takes, and how many of
// them are source symbols.
func (c *cut) room(first uint32, n int) (source, all int) {
	for b := range n {
		source += c.part.K(first+uint32(b)) * c.symbolSize
	}
	return source, source + n*c.R*c.symbolSize
}

// lay makes g the group i of the object, reusing what memory it has.
func (c *cut) lay(g *group, i uint32) {
	first, n := c.groups.Range(i)
	g.blocks = g.blocks[:0]
	for b := range n {
		g.blocks = append(g.blocks, first+uint32(b))
	}
	c.fit(g)
}

// fit lays out g for the blocks in g.blocks, which rise: only the last of them can be the object's last, which may not fill
// its symbols.
func (c *cut) fit(g *group) {
	source, length := 0, uint64(0)
	for _, block := range g.blocks {
		source += c.part.K(block) * c.symbolSize
		length += c.part.Size(block)
	}
	all := source + len(g.blocks)*c.R*c.symbolSize
	if cap(g.buf) < all {
		g.buf = make([]byte, all)
	}
	g.buf = g.buf[:all]
	g.head, g.extra, g.ends = c.head, c.R, g.ends[:0]
	g.trace, g.mark, g.seq, g.skip = nil, nil, 0, 0
	g.data = g.buf[:length]
	clear(g.buf[length:source])

	g.ks = g.ks[:0]
	for len(g.symbols) < len(g.blocks) {
		g.symbols = append(g.symbols, nil)
	}
	at, repair := 0, source
	for b, block := range g.blocks {
		k := c.part.K(block)
		g.ks = append(g.ks, k)
		list := g.symbols[b][:0]
		for range k {
			list = append(list, g.buf[at:at+c.symbolSize])
			at += c.symbolSize
		}
		for range c.R {
			list = append(list, g.buf[repair:repair+c.symbolSize])
			repair += c.symbolSize
		}
		g.symbols[b] = list
	}
}

// pool is the memory of the pipeline: as many groups as there are stages to hold them. They
// grow to the largest group seen and are used again and again.
type pool chan *group

// poolGroups is one group being read, one being hashed and encoded, one waiting for the
// link and one being sent.
const poolGroups = 4

func newPool() pool {
	p := make(pool, poolGroups)
	for range poolGroups {
		g := &group{free: func(g *group) { p <- g }} // never blocks: as much room as groups
		p <- g
	}
	return p
}

// take waits for a group that nobody holds.
func (p pool) take(ctx context.Context) (*group, error) {
	select {
	case g := <-p:
		return g, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// drop gives back a group that could not be filled.
func (g *group) drop() {
	g.holders.Store(1)
	g.release()
}
