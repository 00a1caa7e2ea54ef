package inside

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Reply is what a child answers: first a greeting (N is 0), then one for each file, counted from 1.
type Reply struct {
	N        uint64   `json:"n"`
	OK       bool     `json:"ok"`
	Reason   string   `json:"reason,omitempty"`   // of a "no"; UTF-8, up to 1024 octets
	Types    []string `json:"types,omitempty"`    // media type of the content, and what that is a kind of
	Engine   string   `json:"engine,omitempty"`   // greeting
	Version  string   `json:"version,omitempty"`  // greeting
	Confined string   `json:"confined,omitempty"` // greeting: what holds the process
}

// Bounds of a reply. A child that was taken over writes what it likes.
const (
	maxReply  = 8 << 10 // octets
	maxReason = 1024    // octets
	maxTypes  = 16
	maxWord   = 128 // octets of a type or a version
)

// ErrReply is wrapped by errors about replies that no honest child writes.
var ErrReply = errors.New("reply of the checker is malformed")

func writeReply(out io.Writer, r Reply) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = out.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
	return err
}

// ReadReply reads the next reply. io.EOF means that there is none; what no honest child writes wraps [ErrReply].
func ReadReply(in io.Reader) (Reply, error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return Reply{}, err
	}
	length := binary.BigEndian.Uint32(head[:])
	if length > maxReply {
		return Reply{}, fmt.Errorf("%w: %d bytes", ErrReply, length)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(in, text); err != nil {
		return Reply{}, err
	}
	return ParseReply(text)
}

// ParseReply accepts exactly what the child's side writes: what parses is written to the same bytes again.
func ParseReply(text []byte) (Reply, error) {
	var r Reply
	if len(text) > maxReply {
		return Reply{}, fmt.Errorf("%w: %d bytes", ErrReply, len(text))
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return Reply{}, fmt.Errorf("%w: %w", ErrReply, err)
	}
	again, err := json.Marshal(r)
	if err != nil || !bytes.Equal(again, text) {
		return Reply{}, fmt.Errorf("%w: not in the one form", ErrReply)
	}
	switch {
	case r.OK == (r.Reason != ""):
		return Reply{}, fmt.Errorf("%w: yes with a reason, or no without one", ErrReply)
	case len(r.Reason) > maxReason || !utf8.ValidString(r.Reason):
		return Reply{}, fmt.Errorf("%w: reason of %d bytes", ErrReply, len(r.Reason))
	case len(r.Types) > maxTypes:
		return Reply{}, fmt.Errorf("%w: %d types", ErrReply, len(r.Types))
	case (r.N == 0) != (r.Engine != "" && r.Version != "" && r.Confined != "") || r.N == 0 && !r.OK:
		return Reply{}, fmt.Errorf("%w: greeting", ErrReply)
	}
	for _, word := range append([]string{r.Engine, r.Version, r.Confined}, r.Types...) {
		if len(word) > maxWord || strings.ContainsFunc(word, func(c rune) bool { return c < ' ' || c > '~' }) {
			return Reply{}, fmt.Errorf("%w: %.40q", ErrReply, word)
		}
	}
	return r, nil
}

// clean makes a reason fit for a reply: short, and UTF-8.
func clean(reason string) string {
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if len(reason) <= maxReason {
		return reason
	}
	return strings.ToValidUTF8(reason[:maxReason-len("…")], "") + "…"
}
