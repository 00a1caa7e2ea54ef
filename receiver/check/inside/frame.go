package inside

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Frames to the child: a kind, the length of the payload in 4 octets, the payload.
const (
	frameJob  = 'J' // JSON of a Job
	frameFile = 'F' // the path; the file's data follow
	frameData = 'D'
	frameEnd  = 'E' // no payload; the child answers
)

const (
	frameHead = 5
	// maxFrame bounds a payload: two of Verify's chunks.
	maxFrame = 1 << 20
)

func readFrame(in *bufio.Reader, buffer []byte) (byte, []byte, error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	if length > maxFrame {
		return 0, nil, fmt.Errorf("frame of %d bytes", length)
	}
	buffer = slices.Grow(buffer[:0], int(length))[:length]
	if _, err := io.ReadFull(in, buffer); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return head[0], buffer, nil
}

// Feed is the parent's end of the pipe to a child. What is small goes out together, at the end of a file at the latest: a small
// file is one write and wakes the child once.
type Feed struct {
	out *bufio.Writer
}

// together is how much a Feed keeps back, in octets; longer payloads go out uncopied.
const together = 64 << 10

// NewFeed sends the job; files follow.
func NewFeed(out io.Writer, job Job) (*Feed, error) {
	text, err := json.Marshal(job)
	if err != nil {
		return nil, err
	}
	f := &Feed{out: bufio.NewWriterSize(out, together)}
	if err := f.frame(frameJob, text); err != nil {
		return nil, err
	}
	return f, f.out.Flush()
}

// File begins a file.
func (f *Feed) File(path string) error { return f.frame(frameFile, []byte(path)) }

// Data sends the next bytes of the file.
func (f *Feed) Data(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), maxFrame)
		if err := f.frame(frameData, p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// End ends the file: the child owes a reply.
func (f *Feed) End() error {
	if err := f.frame(frameEnd, nil); err != nil {
		return err
	}
	return f.out.Flush()
}

func (f *Feed) frame(kind byte, payload []byte) error {
	head := [frameHead]byte{kind}
	binary.BigEndian.PutUint32(head[1:], uint32(len(payload)))
	if _, err := f.out.Write(head[:]); err != nil {
		return err
	}
	if len(payload) >= together/2 {
		if err := f.out.Flush(); err != nil {
			return err
		}
	}
	_, err := f.out.Write(payload)
	return err
}
