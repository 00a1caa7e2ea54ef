package check

import (
	"io"
	"sync"
)

// ahead reads content a chunk ahead of who looks at it, so that the disk and the digest don't wait for each other.
//
//	file ─ fill ─► full ─► Some, Skip ─► free ─► fill
//
// Two chunks of memory go round. What is not longer than one is read when it is asked for.
type ahead struct {
	src  io.ReadCloser
	full chan []byte // read, in order; closed after the last
	free chan []byte // to be read into
	quit chan struct{}
	end  error // why full was closed: io.EOF or the disk's fault
	fill sync.WaitGroup

	chunk, rest []byte // in hand, and what of it was not skipped
}

// newAhead begins to read src, which has size octets; Close closes it.
func newAhead(src io.ReadCloser, size uint64) *ahead {
	a := &ahead{src: src, full: make(chan []byte, 2), free: make(chan []byte, 2), quit: make(chan struct{})}
	if size <= chunk {
		a.free <- make([]byte, size)
		a.read(1)
		return a
	}
	a.free <- make([]byte, chunk)
	a.free <- make([]byte, chunk)
	a.fill.Go(func() { a.read(0) })
	return a
}

// read fills chunks until src ends, most of them if that is not 0, or Close is called.
func (a *ahead) read(most int) {
	defer close(a.full)
	for n := 0; ; n++ {
		if n == most && most > 0 {
			a.end = io.EOF
			return
		}
		var into []byte
		select {
		case into = <-a.free:
		case <-a.quit:
			return
		}
		got, err := io.ReadFull(a.src, into[:cap(into)])
		if got > 0 {
			a.full <- into[:got]
		}
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		if err != nil {
			a.end = err
			return
		}
	}
}

// Some gives the next octets, at least one and at most most, which stay until the next call of Skip. At the end the error is
// io.EOF, or the disk's fault.
func (a *ahead) Some(most uint64) ([]byte, error) {
	if len(a.rest) == 0 {
		if a.chunk != nil {
			a.free <- a.chunk
			a.chunk = nil
		}
		next, ok := <-a.full
		if !ok {
			return nil, a.end
		}
		a.chunk, a.rest = next, next
	}
	return a.rest[:min(most, uint64(len(a.rest)))], nil
}

// Skip goes on by n octets of what Some gave.
func (a *ahead) Skip(n int) { a.rest = a.rest[n:] }

// Close ends the reading and closes what was read.
func (a *ahead) Close() error {
	close(a.quit)
	a.fill.Wait()
	return a.src.Close()
}
