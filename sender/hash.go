package sender

import (
	"context"
	"crypto/sha256"
	"encoding"
	"fmt"
	"hash"
)

// digester cuts the content back into files and gives the SHA-256 of each to its sink.
type digester struct {
	hash  hash.Hash
	proof prover
	err   error // of the proof; what follows is not hashed
}

// newDigester goes on with a hash from its state, nil for the beginning of a file.
func newDigester(proof prover, state []byte) (*digester, error) {
	d := &digester{hash: sha256.New(), proof: proof}
	if len(state) == 0 {
		return d, nil
	}
	if err := d.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		return nil, fmt.Errorf("go on with a digest: %w", err)
	}
	return d, nil
}

// note completes a mark with what was hashed up to its group.
func (d *digester) note(m *mark) {
	if d.err != nil {
		return // the mark never holds: the pass is about to be given up
	}
	if m.Hash, d.err = d.hash.(encoding.BinaryMarshaler).MarshalBinary(); d.err != nil {
		return
	}
	if m.Proof, d.err = d.proof.length(); d.err == nil {
		m.done()
	}
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
		d.err = d.proof.digest(digest)
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
			if w.group.mark != nil {
				w.digester.note(w.group.mark)
			}
			w.group.release()
		}
	}
}
