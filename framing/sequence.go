package framing

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"
)

// Plans, proofs and beats are CBOR (RFC 8949) in the core deterministic
// encoding of its section 4.2.1; plans and proofs are sequences of items
// (RFC 8742), so that a reader needs the memory of one item only.

// maxItem bounds one CBOR item in octets: the longest, a proof's head with a
// path of 4096 and a reason of 1024, is well below it.
const maxItem = 8192

// window is what a sequence reads ahead, in octets. Large against maxItem, so
// that the rest of a window is seldom moved.
const window = 64 << 10

var (
	encoding = mustEncoding()
	decoding = mustDecoding()
)

func mustEncoding() cbor.UserBufferEncMode {
	options := cbor.CoreDetEncOptions()
	options.TagsMd = cbor.TagsForbidden
	options.NilContainers = cbor.NilContainerAsEmpty // an empty list is never null
	mode, err := options.UserBufferEncMode()
	if err != nil {
		panic(err) // our own options
	}
	return mode
}

func mustDecoding() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:  4, // the library's least; we use 3
		MaxArrayElements: 32,
		MaxMapPairs:      16, // the library's least; we use none
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		UTF8:             cbor.UTF8RejectInvalid,
	}.DecMode()
	if err != nil {
		panic(err) // our own options
	}
	return mode
}

// appendItem appends the one encoding of v to dst.
func appendItem(dst []byte, v any) ([]byte, error) {
	buffer := bytes.NewBuffer(dst)
	if err := encoding.MarshalToBuffer(v, buffer); err != nil {
		return dst, err
	}
	return buffer.Bytes(), nil
}

// parseItem reads the one item at the start of data into v and returns its
// octets. again is scratch for the second encoding: the item must be the
// encoding of what it says, and so has only one form.
func parseItem(data []byte, v any, again *bytes.Buffer) ([]byte, error) {
	rest, err := decoding.UnmarshalFirst(data, v)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: item of %d octets or more is cut off", ErrSize, len(data))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCanonical, err)
	}
	item := data[:len(data)-len(rest)]
	again.Reset()
	if err := encoding.MarshalToBuffer(v, again); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCanonical, err)
	}
	if !bytes.Equal(item, again.Bytes()) {
		return nil, fmt.Errorf("%w: item is not in deterministic encoding", ErrCanonical)
	}
	return item, nil
}

// sequence reads the items of a CBOR sequence in the memory of one window.
type sequence struct {
	r     *bufio.Reader
	again bytes.Buffer
}

func newSequence(r io.Reader) *sequence {
	return &sequence{r: bufio.NewReaderSize(r, window)}
}

// next reads the next item into v and returns its octets, valid until the
// next call. io.EOF means that the sequence ended before an item.
func (s *sequence) next(v any) ([]byte, error) {
	ahead, err := s.r.Peek(maxItem)
	if len(ahead) == 0 {
		return nil, err
	}
	item, fault := parseItem(ahead, v, &s.again)
	if fault != nil {
		// An item that a failing reader cut off is the reader's failure.
		if err != nil && err != io.EOF && errors.Is(fault, ErrSize) {
			return nil, err
		}
		return nil, fault
	}
	_, err = s.r.Discard(len(item))
	return item, err
}

// fixed reads n octets as they are, valid until the next call. io.EOF means
// that the sequence ended before them, ErrSize within them.
func (s *sequence) fixed(n int) ([]byte, error) {
	octets, err := s.r.Peek(n)
	switch {
	case err == nil:
		_, err = s.r.Discard(n)
		return octets, err
	case err == io.EOF && len(octets) > 0:
		return nil, fmt.Errorf("%w: item is cut off", ErrSize)
	}
	return nil, err
}

// end returns io.EOF when nothing follows, ErrCount when something does.
func (s *sequence) end() error {
	octets, err := s.r.Peek(1)
	if len(octets) > 0 {
		return fmt.Errorf("%w: octets after the end", ErrCount)
	}
	return err
}
