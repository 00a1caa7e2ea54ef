// Package inside is the code that looks into content: what type it is, what an archive holds, whether JSON and XML are
// well formed. It runs in a child process that can only read its input and write its answers (hw/confine), so
// that whoever takes it over can lie about one transfer's files to one check and do nothing else.
//
//	pawl-release ── job, file, data… end, file, … ──> Serve ── one reply for each file ──> pawl-release
//
// Nothing here opens a file, and nothing is unpacked: archives are walked as streams. Memory is bounded by the limits of the
// job, whatever the content is.
package inside

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Kinds of jobs; they are the names of the checks too.
const (
	Type    = "type"    // which media type the content is of
	Archive = "archive" // what an archive holds, at any depth
	JSON    = "json"    // one well-formed JSON text, of a schema if there is one
	XML     = "xml"     // one well-formed XML document without a document type
)

// Job says what is asked of every file. A zero limit is refused: the defaults are the policy's business.
type Job struct {
	Kind    string        `json:"kind"`
	Archive ArchiveLimits `json:"archive,omitzero"`
	Depth   int           `json:"depth,omitempty"`  // JSON, XML: how deep it may nest
	Size    int64         `json:"size,omitempty"`   // JSON, XML: octets of one text
	Schema  string        `json:"schema,omitempty"` // JSON: the text of a JSON Schema
	Memory  uint64        `json:"memory,omitempty"` // octets that the process may use; not looked at here
}

// engine answers for one file after the other. An error is the reason for a "no"; it panics never on purpose.
type engine interface {
	file(path string, content io.Reader) ([]string, error)
	version() string
}

// ReadJob reads what the checks are to be, the first thing that arrives.
func ReadJob(in *bufio.Reader) (Job, error) {
	var job Job
	kind, payload, err := readFrame(in, nil)
	if err == nil && kind != frameJob {
		err = fmt.Errorf("frame %q comes before the job", kind)
	}
	if err == nil {
		err = json.Unmarshal(payload, &job)
	}
	if err != nil {
		return job, fmt.Errorf("read job: %w", err)
	}
	return job, nil
}

func newEngine(job Job) (engine, error) {
	switch job.Kind {
	case Type:
		return typeEngine{}, nil
	case Archive:
		return newArchiveEngine(job.Archive)
	case JSON:
		return newJSONEngine(job)
	case XML:
		return newXMLEngine(job)
	}
	return nil, fmt.Errorf("no job of kind %q", job.Kind)
}

// Serve answers for every file that comes, until the input ends between two files. greeting is what holds the process, and stands in the
// first reply.
func Serve(job Job, greeting string, in *bufio.Reader, out io.Writer) error {
	e, err := newEngine(job)
	if err != nil {
		return err
	}
	if err := writeReply(out, Reply{OK: true, Engine: job.Kind, Version: e.version(), Confined: greeting}); err != nil {
		return err
	}
	var buffer []byte
	for n := uint64(1); ; n++ {
		kind, payload, err := readFrame(in, buffer)
		if err == io.EOF {
			return nil
		}
		if err == nil && kind != frameFile {
			err = fmt.Errorf("frame %q where a file begins", kind)
		}
		if err != nil {
			return err
		}
		content := &contentReader{in: in, buffer: payload}
		path := string(payload)
		types, verdict := e.file(path, content)
		if _, err := io.Copy(io.Discard, content); err != nil {
			return err
		}
		reply := Reply{N: n, OK: verdict == nil, Types: types}
		if verdict != nil {
			reply.Reason = clean(verdict.Error())
		}
		if err := writeReply(out, reply); err != nil {
			return err
		}
		buffer = content.buffer
	}
}

// contentReader is the content of one file as it arrives.
type contentReader struct {
	in     *bufio.Reader
	buffer []byte
	rest   []byte
	ended  bool
	fault  error
}

func (c *contentReader) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		if c.fault != nil {
			return 0, c.fault
		}
		if c.ended {
			return 0, io.EOF
		}
		kind, payload, err := readFrame(c.in, c.buffer)
		switch {
		case err == io.EOF:
			c.fault = io.ErrUnexpectedEOF
		case err != nil:
			c.fault = err
		case kind == frameEnd:
			c.ended = true
		case kind != frameData:
			c.fault = fmt.Errorf("frame %q inside a file", kind)
		default:
			c.buffer, c.rest = payload, payload
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

var errLimits = errors.New("a limit of the job is missing")
