package check

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"go.uber.org/goleak"
)

// sick is a file that can't be read beyond its content.
type sick struct {
	io.Reader
	end    error
	closed int
}

func (s *sick) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err == io.EOF {
		err = s.end
	}
	return n, err
}

func (s *sick) Close() error { s.closed++; return nil }

// TestAhead: whatever the sizes and steps, what comes out is what is in the file, then its end or its fault; nothing stays behind.
func TestAhead(t *testing.T) {
	defer goleak.VerifyNone(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	fault := errors.New("medium error")
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk, 5*chunk + 77} {
		for _, end := range []error{io.EOF, fault} {
			content := make([]byte, size)
			for i := range content {
				content[i] = byte(rng.Uint32())
			}
			src := &sick{Reader: bytes.NewReader(content), end: end}
			stated := uint64(size)
			if end == fault {
				stated++ // the file is longer, but for the fault
			}
			a := newAhead(src, stated)
			var got []byte
			for {
				p, err := a.Some(1 + rng.Uint64N(2*chunk))
				if err != nil {
					if err != end {
						t.Errorf("%d octets end with %v, want %v", size, err, end)
					}
					break
				}
				if len(p) == 0 {
					t.Fatal("nothing, and no error")
				}
				n := 1 + rng.IntN(len(p))
				got = append(got, p[:n]...)
				a.Skip(n)
			}
			if !bytes.Equal(got, content) {
				t.Errorf("%d octets came out as %d others", size, len(got))
			}
			if err := a.Close(); err != nil || src.closed != 1 {
				t.Errorf("closed %d times: %v", src.closed, err)
			}
		}
	}
	a := newAhead(&sick{Reader: bytes.NewReader(make([]byte, 9*chunk)), end: io.EOF}, 9*chunk)
	if _, err := a.Some(10); err != nil {
		t.Fatal(err)
	}
	a.Close() // in the middle
}
