package fec

import (
	"container/list"
	"fmt"
	"sync"
)

// maxCodecs bounds a cache of codecs. A transfer uses at most six geometries (two block
// lengths in each of its three objects); 64 serves ten transfers at once. A codec weighs
// up to 64 KiB (the matrix of classic), and making one again takes microseconds.
const maxCodecs = 64

// Codecs hands out codecs and keeps the last 64 geometries used, because packets choose
// geometries and a sender gone bad can name thousands. It is safe for concurrent use; the
// zero value is ready.
//
// The first Leopard16 codec of a process builds the tables of GF(2^16): about 150 ms and
// 78 MB, once, kept for good; 256 KiB more are of [field16].
type Codecs struct {
	mu     sync.Mutex
	byUse  list.List // of *codecEntry, most recently used first
	byName map[geometry]*list.Element
	work   workspace
}

type geometry struct {
	code Code
	k, r int
}

type codecEntry struct {
	geometry
	codec Codec
}

// Get returns the codec of a geometry, or an [ErrGeometry] if [Check] refuses it.
func (c *Codecs) Get(code Code, k, r int) (Codec, error) {
	if err := Check(code, k, r); err != nil {
		return nil, err
	}
	g := geometry{code, k, r}
	if codec := c.lookup(g); codec != nil {
		return codec, nil
	}
	// Made outside the lock: the first Leopard16 must not stall the others.
	codec, err := c.make(g)
	if err != nil {
		return nil, err
	}
	return c.insert(g, codec), nil
}

func (c *Codecs) lookup(g geometry) Codec {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byName[g]
	if !ok {
		return nil
	}
	c.byUse.MoveToFront(e)
	return e.Value.(*codecEntry).codec
}

// insert keeps codec, or the one another goroutine made in the meantime, and drops the
// codec that was used longest ago. A codec dropped works on for those who hold it.
func (c *Codecs) insert(g geometry, codec Codec) Codec {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byName[g]; ok {
		c.byUse.MoveToFront(e)
		return e.Value.(*codecEntry).codec
	}
	if c.byName == nil {
		c.byName = make(map[geometry]*list.Element, maxCodecs)
	}
	if c.byUse.Len() == maxCodecs {
		last := c.byUse.Back()
		delete(c.byName, last.Value.(*codecEntry).geometry)
		c.byUse.Remove(last)
	}
	c.byName[g] = c.byUse.PushFront(&codecEntry{g, codec})
	return codec
}

func (c *Codecs) make(g geometry) (Codec, error) {
	switch g.code {
	case None:
		return noneCodec(g.k), nil
	case Leopard8, Leopard16:
		return newLeopard(g.code, g.k, g.r, &c.work)
	case Classic:
		return newClassic(g.k, g.r, &c.work)
	}
	return nil, fmt.Errorf("%w: %v", ErrGeometry, g.code)
}
