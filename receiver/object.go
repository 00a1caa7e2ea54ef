package receiver

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"pawl/fec"
	"pawl/framing"
	"pawl/receiver/quarantine"
)

const (
	// maxBlocks bounds the source blocks of an object, and so what is kept about them: 4 Mi blocks of 200 symbols of
	// 1,408 octets are 1.18 TB.
	maxBlocks = 1 << 22
	// maxSideObject bounds plan and proof, octets: a million files with names of 200 octets.
	maxSideObject = 256 << 20
)

// errGeometry says that a packet's geometry is impossible or too large to be served.
var errGeometry = errors.New("impossible geometry")

// object is one object of a transfer (plan, content or proof) while it is being received. The ingest goroutine owns it,
// but for what transfer.mu guards.
type object struct {
	transfer *transfer
	kind     framing.Object
	geometry quarantine.Geometry
	part     fec.Partition
	open     map[uint32]*block // blocks in memory
	closed   bitset            // blocks that are written or on their way to the disk
	parked   bitset            // short blocks whose symbols lie on the disk

	written uint32       // blocks on the disk; guarded by transfer.mu
	pending atomic.Int32 // blocks with the writers
	writing sync.Mutex   // held around each write to the object's file
}

// writeAt writes to the object's file. One at a time: the kernel's own lock on a file lets a second writer spin for as long as
// the first one copies.
func (o *object) writeAt(f *os.File, p []byte, offset int64) error {
	o.writing.Lock()
	defer o.writing.Unlock()
	_, err := f.WriteAt(p, offset)
	return err
}

// geometryOf reads an object's geometry from a header. The symbol size is the link's.
func geometryOf(h *framing.Header, symbolSize int) quarantine.Geometry {
	return quarantine.Geometry{
		Object: uint8(h.Object), Code: h.Code, SymbolSize: symbolSize, Length: h.Length, MaxK: h.MaxK, R: h.R,
	}
}

// newObject checks a geometry that came from the wire or from a journal and makes the object's books. blockLimit is the
// most octets that one block with its repair symbols may take in memory.
func newObject(t *transfer, g quarantine.Geometry, blockLimit int) (*object, error) {
	part, err := fec.NewPartition(g.Length, g.SymbolSize, int(g.MaxK))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGeometry, err)
	}
	if part.Blocks() > maxBlocks {
		return nil, fmt.Errorf("%w: %d blocks", errGeometry, part.Blocks())
	}
	largest, smallest := part.K(0), part.K(part.Blocks()-1)
	for _, k := range []int{largest, smallest} {
		if err := fec.Check(fec.Code(g.Code), k, int(g.R)); err != nil {
			return nil, fmt.Errorf("%w: %w", errGeometry, err)
		}
	}
	if (largest+int(g.R))*g.SymbolSize > blockLimit {
		return nil, fmt.Errorf("%w: blocks of %d symbols of %d octets", errGeometry, largest+int(g.R), g.SymbolSize)
	}
	return &object{
		transfer: t, kind: framing.Object(g.Object), geometry: g, part: part, open: map[uint32]*block{},
		closed: newBitset(part.Blocks()), parked: newBitset(part.Blocks()),
	}, nil
}

// books is what the object's sets take in memory, octets.
func (o *object) books() int { return 16 * len(o.closed) }

// whole says whether all blocks are on the disk; transfer.mu must be held.
func (o *object) whole() bool { return o.written == o.part.Blocks() }

// fileName is the object's file in the transfer's folder.
func (o *object) fileName() string {
	switch o.kind {
	case framing.ObjectPlan:
		return quarantine.PlanFile
	case framing.ObjectProof:
		return quarantine.ProofFile
	default:
		return quarantine.ContentFile
	}
}
