package sender

import (
	"context"
	"crypto/sha256"
	"hash"
)

// digester cuts the content back into files and gives the SHA-256 of each to its sink.
type digester struct {
	hash hash.Hash
	sink func(digest [sha256.Size]byte) error
	err  error // of the sink; what follows is not hashed
}

func newDigester(sink func([sha256.Size]byte) error) *digester {
	return &digester{hash: sha256.New(), sink: sink}
}

// take hashes the next octets of the content; ends are the places where files end.
func (d *digester) take(data []byte, ends []int) {
	at := 0
	for _, end := range ends {
		if d.err != nil {
			return
		}
		d.hash.Write(data[at:end])
		var digest [sha256.Size]byte
		d.hash.Sum(digest[:0])
		d.hash.Reset()
		d.err = d.sink(digest)
		at = end
	}
	d.hash.Write(data[at:])
}

// hashing is one piece of work of the hash stage. Either group or done is set.
type hashing struct {
	digester *digester
	group    *group
	done     chan<- error // capacity 1: answered when all before it is hashed
}

// hash is a stage of the pipeline: it works beside encode on the same group, in the order
// in which the reader filled them.
func (p *pipeline) hash(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case w := <-p.toHash:
			if w.done != nil {
				w.done <- w.digester.err
				continue
			}
			w.digester.take(w.group.data, w.group.ends)
			w.group.release()
		}
	}
}
