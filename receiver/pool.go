package receiver

import (
	"math/bits"
	"sync"
)

// pool hands out block buffers within a budget of octets and keeps returned ones for the next block. It never allocates
// past the budget: a caller that gets nothing must give something back first.
type pool struct {
	mu     sync.Mutex
	budget int
	used   int // octets handed out
	kept   int // octets in free
	free   map[int][][]byte
}

func newPool(budget int) *pool { return &pool{budget: budget, free: map[int][][]byte{}} }

// class rounds a size up to a quarter of a power of two, so that buffers of nearly equal size serve each other.
func class(size int) int {
	if size <= 4096 {
		return 4096
	}
	quarter := 1 << (bits.Len(uint(size-1)) - 3)
	return (size + quarter - 1) / quarter * quarter
}

// get returns a buffer of the given length with arbitrary content, or nil when the budget is spent.
func (p *pool) get(size int) []byte {
	c := class(size)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used+c > p.budget {
		return nil
	}
	p.used += c
	if list := p.free[c]; len(list) > 0 {
		buf := list[len(list)-1]
		p.free[c] = list[:len(list)-1]
		p.kept -= c
		return buf[:size]
	}
	if p.used+p.kept > p.budget {
		clear(p.free) // buffers of other sizes: let the garbage collector have them
		p.kept = 0
	}
	return make([]byte, c)[:size]
}

// put takes a buffer back.
func (p *pool) put(buf []byte) {
	c := cap(buf)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used -= c
	p.kept += c
	p.free[c] = append(p.free[c], buf[:c])
}

// inUse is how many octets are handed out.
func (p *pool) inUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}
