package merkle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf16"
)

// maxInteger is the largest integer that canonical JSON can carry: numbers are IEEE 754 doubles there (RFC 7493).
const maxInteger = 1<<53 - 1

// AppendJSON appends v as canonical JSON (RFC 8785): keys in order, no white space, each text in one spelling.
// Of numbers it takes integers of up to 53 bits only. Errors wrap [ErrCanonical].
func AppendJSON(dst []byte, v any) ([]byte, error) {
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrCanonical, err)
	}
	dec := json.NewDecoder(&plain)
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrCanonical, err)
	}
	return appendValue(dst, tree)
}

// ParseJSON reads canonical JSON into v, and refuses everything that AppendJSON would not write of it: unknown and
// doubled keys, another order, white space, another spelling. Errors wrap [ErrCanonical].
func ParseJSON(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrCanonical, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the value", ErrCanonical)
	}
	again, err := AppendJSON(nil, v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return fmt.Errorf("%w: not in its one encoding", ErrCanonical)
	}
	return nil
}

func appendValue(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case string:
		return appendText(dst, v), nil
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil || n > maxInteger || n < -maxInteger {
			return dst, fmt.Errorf("%w: %s is not an integer of 53 bits", ErrCanonical, v)
		}
		return strconv.AppendInt(dst, n, 10), nil
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendValue(dst, item); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case map[string]any:
		return appendObject(dst, v)
	}
	panic(fmt.Sprintf("merkle: json of %T", v)) // encoding/json makes no other
}

func appendObject(dst []byte, v map[string]any) ([]byte, error) {
	keys := make([]string, 0, len(v))
	for key := range v {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		// RFC 8785, 3.2.3: by UTF-16 code units; two texts that are the same there are the same.
		return cmp.Or(slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b))), cmp.Compare(a, b))
	})
	dst = append(dst, '{')
	for i, key := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendText(dst, key), ':')
		var err error
		if dst, err = appendValue(dst, v[key]); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendText writes a text as RFC 8785, 3.2.2.2 has it: two-letter escapes where there are any, \u00xx for the other
// controls, everything else as it is.
func appendText(dst []byte, text string) []byte {
	dst = append(dst, '"')
	for i := range len(text) {
		switch c := text[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			if c < 0x20 {
				dst = fmt.Appendf(dst, "\\u%04x", c)
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}
