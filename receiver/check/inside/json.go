package inside

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
)

// jsonEngine asks for one JSON text that means one thing: UTF-8, no key twice, nothing after it.
type jsonEngine struct {
	depth  int
	size   int64
	schema *jsonschema.Resolved // nil when any text will do
}

func newJSONEngine(job Job) (engine, error) {
	if job.Depth <= 0 || job.Size <= 0 {
		return nil, errLimits
	}
	e := jsonEngine{depth: job.Depth, size: job.Size}
	if job.Schema != "" {
		var err error
		if e.schema, err = ReadSchema([]byte(job.Schema)); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// ReadSchema reads a JSON Schema (draft 7 or 2020-12). It may not refer to another file.
func ReadSchema(text []byte) (*jsonschema.Resolved, error) {
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return resolved, nil
}

func (jsonEngine) version() string { return "encoding/json, jsonschema-go 0.4" }

func (e jsonEngine) file(_ string, content io.Reader) ([]string, error) {
	text, err := short(content, e.size)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(text) {
		return nil, errors.New("is not UTF-8")
	}
	if err := oneMeaning(text, e.depth); err != nil {
		return nil, err
	}
	if e.schema == nil {
		return nil, nil
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, err
	}
	if err := e.schema.Validate(value); err != nil {
		return nil, fmt.Errorf("does not fit the schema: %w", err)
	}
	return nil, nil
}

// short reads content that must not be longer than size.
func short(content io.Reader, size int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(content, size+1))
	if err == nil && int64(len(text)) > size {
		err = fmt.Errorf("is longer than %d bytes", size)
	}
	return text, err
}

// oneMeaning asks that the text is JSON, once, nested no deeper than depth and without a key twice in one object.
func oneMeaning(text []byte, depth int) error {
	if !json.Valid(text) {
		return invalid(text)
	}
	return oneKeyEach(text, depth)
}

// invalid says why a text is not JSON.
func invalid(text []byte) error {
	if len(text) == 0 {
		return errors.New("is empty")
	}
	var value json.RawMessage
	switch err := json.NewDecoder(bytes.NewReader(text)).Decode(&value); {
	case err == nil:
		return errors.New("goes on after its end")
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return errors.New("ends before its end")
	default:
		return fmt.Errorf("is not well formed: %w", err)
	}
}

// level is an object or a list that is open.
type level struct {
	object bool
	key    bool            // a string that comes is a key
	few    [][]byte        // the keys so far
	many   map[string]bool // the keys so far, once they are more
}

// fewKeys are compared one by one: most objects have no more, and need no map.
const fewKeys = 16

// oneKeyEach reads a text that is known to be JSON, by its brackets, commas and strings.
func oneKeyEach(text []byte, depth int) error {
	var open []level // those beyond the end are kept for their memory
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '{', '[':
			if len(open) == depth {
				return fmt.Errorf("nests more than %d deep", depth)
			}
			if len(open) < cap(open) {
				open = open[:len(open)+1]
			} else {
				open = append(open, level{})
			}
			open[len(open)-1].begin(c == '{')
		case '}', ']':
			open = open[:len(open)-1]
		case ',':
			top := &open[len(open)-1]
			top.key = top.object
		case '"':
			end := i + 1
			for ; text[end] != '"'; end++ {
				if text[end] == '\\' {
					end++
				}
			}
			if len(open) > 0 && open[len(open)-1].key {
				if err := open[len(open)-1].name(text[i : end+1]); err != nil {
					return err
				}
			}
			i = end
		}
	}
	return nil
}

func (l *level) begin(object bool) {
	l.object, l.key, l.few = object, object, l.few[:0]
	l.many = nil
}

// name notes a key, which is given as it is written.
func (l *level) name(raw []byte) error {
	l.key = false
	key := raw[1 : len(raw)-1]
	if bytes.IndexByte(key, '\\') >= 0 {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
		key = []byte(text)
	}
	if l.many[string(key)] || slices.ContainsFunc(l.few, func(k []byte) bool { return bytes.Equal(k, key) }) {
		return fmt.Errorf("has the key %.60q twice in one object", key)
	}
	if l.many == nil && len(l.few) < fewKeys {
		l.few = append(l.few, key)
		return nil
	}
	if l.many == nil {
		l.many = map[string]bool{}
	}
	l.many[string(key)] = true
	return nil
}
