package fec

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"
	"time"
)

// ErrNoPlan says that no code, geometry and depth keeps the failure probability within
// the memory; the message says what would.
var ErrNoPlan = errors.New("no plan")

// How the planner weighs what it finds.
const (
	// easyOverhead: up to 15 % more packets Leopard8 needs no rival.
	easyOverhead = 0.15

	// worthChanging is how much less wire the dearer decoder of Leopard16 must take, and
	// longObject the symbols an object must have for that to be seconds of anybody's life:
	// the tables of Leopard16 alone cost 78 MB and 150 ms of a process that has not used it.
	worthChanging = 1.03
	longObject    = 8192

	// leopard16Rate: up to here a core rebuilds Leopard16 at twice the line rate whatever
	// is lost (0.75 GB/s measured; several times as much where few are, see fewLost); faster links
	// get it only where nothing else will do.
	leopard16Rate = 2_500_000_000

	// memoryPrice is what using the whole memory bound weighs, in overhead: between two
	// plans of nearly one overhead the smaller is better.
	memoryPrice = 0.01

	// minRepair keeps a block from standing on a single repair symbol, whatever is borne.
	minRepair = 2
)

// candidates are the block lengths tried. Below 64 symbols a block wastes repair symbols
// on chance; around 200 Leopard8 is at its best; with 8192 symbols the largest are the
// most that Leopard16 does within its work area.
var candidates = map[Code][]int{
	Leopard8:  {32, 48, 64, 80, 96, 112, 128, 144, 160, 168, 176, 184, 192, 200, 208, 216, 224, 232, 240},
	Leopard16: {500, 1000, 2000, 4000},
}

// Plan is how one object is sent, and what that costs and leaves.
type Plan struct {
	Code  Code
	K     int // source symbols of the largest block: B of RFC 5052
	R     int // repair symbols of each block
	Depth int // least blocks in an interleaved group, see Groups
	// Copies is how often the whole object is sent, symbol for symbol; more than 1 only
	// for objects too small to be spread over the longest burst.
	Copies int
	// Spacing is the pause between the last packet of one copy and the first of the next:
	// longer than a burst, so that one copy of two is free of it. 0 for one copy.
	Spacing  time.Duration
	Overhead float64 // packets sent for each source symbol, less 1
	Memory   uint64  // octets of the largest group's K+R symbols
	// Residual bounds the probability that this object does not arrive whole: every group is
	// taken to meet the outages in the worst phase, and blocks add up (union bound).
	Residual float64
}

// Plan chooses code, K, R, depth and copies for an object of length octets so that it
// fails with at most a third of l.Failure (an object is one of three of its transfer), in
// the memory allowed and with the least overhead; docs/planner.md tells how. Errors are
// an [ErrLink] for a link that can't be, an [ErrNoPlan] for one that can't be planned for.
func (l Link) Plan(length uint64) (Plan, error) {
	d, err := l.demand(length)
	if err != nil {
		return Plan{}, err
	}
	p, ok := d.choose()
	if !ok {
		return Plan{}, d.refusal(length)
	}
	return l.Judge(p, length)
}

// choose finds the plan; overhead, memory and residual of it are left to Judge.
func (d *demand) choose() (Plan, bool) {
	best, ok := d.search(Leopard8, candidates[Leopard8])
	if !ok && d.symbols <= 128 {
		// One block with more repair symbols than Leopard8 has room for.
		best, ok = d.search(Classic, []int{int(d.symbols)})
	}
	if ok && (best.Overhead <= easyOverhead || d.link.Rate > leopard16Rate || d.symbols < longObject) {
		return best, true
	}
	long, found := d.search(Leopard16, candidates[Leopard16])
	if found && (!ok || (1+best.Overhead) >= worthChanging*(1+long.Overhead)) {
		return long, true
	}
	return best, ok
}

// search tries the block lengths of one code, once spread over bursts and once in copies.
func (d *demand) search(code Code, lengths []int) (best Plan, ok bool) {
	price := math.Inf(1)
	consider := func(p Plan, blocks int, group uint64) {
		p.Memory = group * uint64(p.K+p.R) * uint64(d.link.SymbolSize)
		if p.Memory > d.memory {
			return
		}
		p.Overhead = d.overhead(p, blocks)
		if cost := p.Overhead + memoryPrice*float64(p.Memory)/float64(d.memory); cost < price {
			best, price, ok = p, cost, true
		}
	}
	tried := 0
	for _, k := range lengths {
		k, blocks, fits := d.cut(k)
		if !fits || k == tried {
			continue
		}
		tried = k
		for depth := range d.depths(k, blocks) {
			if r, group, found := d.repair(code, k, blocks, depth); found {
				consider(Plan{Code: code, K: k, R: r, Depth: depth, Copies: 1}, blocks, group)
			}
		}
		if r, found := d.leastRepair(code, k, blocks, 0); found {
			p := Plan{Code: code, K: k, R: r, Depth: blocks, Copies: 2}
			if p.Spacing, found = d.spacing(p, blocks); found {
				consider(p, blocks, uint64(blocks))
			}
		}
	}
	return best, ok
}

// cut is the block length that blocks of at most k symbols come to, and their number.
// Blocks are balanced, so block 0 has exactly that many. It doesn't fit when there are more
// blocks than a block number can name.
func (d *demand) cut(k int) (length, blocks int, fits bool) {
	n := ceilDiv(d.symbols, uint64(k))
	if n > math.MaxUint32 {
		return 0, 0, false
	}
	return int(ceilDiv(d.symbols, n)), int(n), true
}

// depths yields the depths worth trying: for each number of symbols that a burst may take
// from a block the least depth that keeps it there, and all blocks in one group.
func (d *demand) depths(k, blocks int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		last := 0
		for _, packets := range [...]int{d.batch, d.burst} {
			for hits := 1; hits <= packets && hits <= 2*k; hits++ {
				depth := (packets + hits - 1) / hits
				if depth == last || depth > blocks {
					continue
				}
				last = depth
				if !yield(depth) {
					return
				}
			}
		}
		if most := d.memory / (uint64(k) * uint64(d.link.SymbolSize)); blocks != last && uint64(blocks) <= most {
			yield(blocks)
		}
	}
}

// repair is the least R for blocks interleaved to a depth. How many outages a group can
// meet depends on how long it is, and that on R: so R grows until both agree.
func (d *demand) repair(code Code, k, blocks, depth int) (r int, group uint64, ok bool) {
	g := NewGroups(uint32(blocks), depth)
	group = uint64(g.Largest())
	hits := d.hits(g.Smallest(), group*uint64(k))
	for {
		if r, ok = d.leastRepair(code, k, blocks, hits); !ok {
			return 0, 0, false
		}
		met := d.hits(g.Smallest(), group*uint64(k+r))
		if met <= hits {
			return r, group, true
		}
		hits = met
	}
}

// leastRepair is the least R that a code has for K and that leaves all blocks together
// within the target after hits losses in each.
func (d *demand) leastRepair(code Code, k, blocks, hits int) (int, bool) {
	most := sort.Search(MaxSymbols, func(n int) bool { return Check(code, k, n+1) != nil })
	if hits > most {
		return 0, false
	}
	low := max(hits, minRepair)
	r := low + sort.Search(max(most-low+1, 0), func(n int) bool {
		return d.residual(k, low+n, blocks, hits) <= d.target
	})
	return r, r <= most
}

// residual is the union bound over blocks of losing more than R of K+R symbols, those of the
// links that may be lost and hits more certainly, and the others by chance.
func (d *demand) residual(k, r, blocks, hits int) float64 {
	gone := hits + d.link.Missing(k+r)
	if gone > r {
		return 1
	}
	return min(1, float64(blocks)*binomialTail(k+r-gone, r-gone, d.loss))
}

// overhead is packets sent for each source symbol, less 1.
func (d *demand) overhead(p Plan, blocks int) float64 {
	once := float64(d.symbols) + float64(blocks)*float64(p.R)
	return float64(p.Copies)*once/float64(d.symbols) - 1
}

// spacing is the pause between copies that leaves one of two adjacent copies free of
// outages: longer than an outage, and short enough that the next outage comes after the
// second copy. It fails where outages come too often for that.
func (d *demand) spacing(p Plan, blocks int) (time.Duration, bool) {
	l := d.link
	least := max(l.Burst, l.time(float64(d.batch)))
	wanted := max(2*least, time.Millisecond)
	if d.period == 0 {
		return wanted, true
	}
	copies := l.time(2 * float64(blocks) * float64(p.K+p.R))
	most := l.sooner() - l.Burst - copies
	if most <= least {
		return 0, false
	}
	return min(wanted, (least+most)/2), true
}

// refusal is the ErrNoPlan, with what would make a plan possible.
func (d *demand) refusal(length uint64) error {
	would := func(change func(*Link, uint64)) (Link, bool) {
		for factor := uint64(2); factor <= 1024; factor *= 2 {
			l := d.link
			change(&l, factor)
			if eased, err := l.demand(length); err == nil {
				if _, ok := eased.choose(); ok {
					return l, true
				}
			}
		}
		return Link{}, false
	}
	var ways []string
	if l, ok := would(func(l *Link, f uint64) { l.Memory *= f }); ok {
		ways = append(ways, fmt.Sprintf("%d MiB of memory", l.Memory>>20))
	}
	if d.burst > 0 {
		if l, ok := would(func(l *Link, f uint64) { *l = l.slow(f) }); ok {
			ways = append(ways, fmt.Sprintf("a rate of %.4g Mbit/s", float64(l.Rate)/1e6))
		}
		if l, ok := would(func(l *Link, f uint64) { l.Burst /= time.Duration(f) }); ok {
			ways = append(ways, fmt.Sprintf("bursts of at most %v", l.Burst))
		}
	}
	if l, ok := would(func(l *Link, f uint64) { l.Loss /= float64(f) }); ok {
		ways = append(ways, fmt.Sprintf("a loss of at most %.4g %%", 100*l.Loss))
	}
	if d.link.Survive > 0 {
		if l, ok := would(func(l *Link, f uint64) { l.Survive /= int(f) }); ok {
			ways = append(ways, fmt.Sprintf("the loss of at most %d links", l.Survive))
		}
	}
	if len(ways) == 0 {
		ways = append(ways, "no single change; several together may")
	}
	bursts := "no bursts"
	if d.burst > 0 {
		if bursts = fmt.Sprintf("bursts of %v every %v", d.link.Burst, d.link.BurstEvery); d.period == 0 {
			bursts = fmt.Sprintf("rare bursts of %v", d.link.Burst)
		}
		bursts += fmt.Sprintf(" at %.4g Mbit/s", float64(d.link.Rate)/1e6)
	}
	if d.link.Survive > 0 {
		bursts += fmt.Sprintf(", %d of %d links lost", d.link.Survive, len(d.link.Rates))
	}
	return fmt.Errorf("%w for %d octets at loss %.4g %%, %s, failure %.3g within %d MiB; what would do: %s",
		ErrNoPlan, length, 100*d.link.Loss, bursts, d.link.Failure, d.memory>>20, strings.Join(ways, ", or "))
}
