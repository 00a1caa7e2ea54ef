package inside

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// oneMeaning reads the text token by token.
func oneMeaning(text []byte, depth int) error {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	type level struct {
		keys  map[string]bool // nil for a list
		value bool            // a key was read: its value comes
	}
	var open []level
	for {
		token, err := in.Token()
		if err != nil {
			return wellFormed(err, len(text) == 0)
		}
		top := len(open) - 1
		switch {
		case token == json.Delim('{') || token == json.Delim('['):
			if top >= 0 {
				open[top].value = false
			}
			next := level{}
			if token == json.Delim('{') {
				next.keys = map[string]bool{}
			}
			if open = append(open, next); len(open) > depth {
				return fmt.Errorf("nests more than %d deep", depth)
			}
		case token == json.Delim('}') || token == json.Delim(']'):
			open = open[:top]
		case top >= 0 && open[top].keys != nil && !open[top].value:
			key, _ := token.(string)
			if open[top].keys[key] {
				return fmt.Errorf("has the key %.60q twice in one object", key)
			}
			open[top].keys[key], open[top].value = true, true
		case top >= 0:
			open[top].value = false
		}
		if len(open) == 0 {
			break
		}
	}
	if _, err := in.Token(); err != io.EOF {
		return errors.New("goes on after its end")
	}
	return nil
}

// wellFormed names what was met where a token should be.
func wellFormed(err error, empty bool) error {
	switch {
	case empty:
		return errors.New("is empty")
	case err == io.EOF:
		return errors.New("ends before its end")
	}
	return fmt.Errorf("is not well formed: %w", err)
}
