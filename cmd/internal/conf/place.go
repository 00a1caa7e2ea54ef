package conf

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// located is an error with its place in a file.
type located struct {
	path    string
	line    int // from 1
	key     []string
	cause   error
	excerpt string
}

func (e *located) Error() string {
	key := strings.Join(e.key, ".")
	if key != "" {
		key += ": "
	}
	return fmt.Sprintf("%s:%d: %s%v\n%s", e.path, e.line, key, e.cause, e.excerpt)
}

func (e *located) Unwrap() error { return e.cause }

var underline = regexp.MustCompile(`(?m)^ *\| *(~+)`)

// locate puts cause at the decoder's place. The width of the place is known only
// from the decoder's own drawing.
func locate(path string, text []byte, at *toml.DecodeError, cause error) error {
	line, column := at.Position()
	width := 1
	if m := underline.FindStringSubmatch(at.String()); m != nil {
		width = len(m[1])
	}
	return &located{path, line, at.Key(), cause, draw(text, line, column, width)}
}

// draw shows the line, underlined from column (from 1) for width bytes, below the two lines before it.
func draw(text []byte, line, column, width int) string {
	lines := strings.Split(string(text), "\n")
	first := max(1, line-2)
	margin := len(strconv.Itoa(line))
	var b strings.Builder
	for n := first; n <= line && n <= len(lines); n++ {
		fmt.Fprintf(&b, "%*d| %s\n", margin, n, strings.TrimRight(lines[n-1], "\r"))
	}
	fmt.Fprintf(&b, "%*s| %s%s", margin, "", strings.Repeat(" ", column-1), strings.Repeat("~", max(1, width)))
	return b.String()
}

// checkBare holds bare numbers and words to the rules of the unit types they are for.
// The decoder gives UnmarshalText only strings and stores numbers as they are, so that
// burst = 5 would mean five nanoseconds and loss = 5 five hundred per cent.
// Text that does not parse is left for the decoder to refuse.
func checkBare(path string, text []byte, root reflect.Type) error {
	var p unstable.Parser
	p.Reset(text)
	var table []string
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = parts(e)
		case unstable.KeyValue:
			if err := checkPair(&p, e, table, root); err != nil {
				err.path, err.excerpt = path, draw(text, err.line, err.column, err.width)
				return &err.located
			}
		}
	}
	return nil
}

// misfit is a located error that is still to be drawn.
type misfit struct {
	located
	column, width int
}

func checkPair(p *unstable.Parser, pair *unstable.Node, table []string, root reflect.Type) *misfit {
	return checkValue(p, pair.Value(), slices.Concat(table, parts(pair)), root)
}

func checkValue(p *unstable.Parser, value *unstable.Node, key []string, root reflect.Type) *misfit {
	switch value.Kind {
	case unstable.InlineTable:
		for it := value.Children(); it.Next(); {
			if err := checkPair(p, it.Node(), key, root); err != nil {
				return err
			}
		}
	case unstable.Array:
		for it := value.Children(); it.Next(); {
			if err := checkValue(p, it.Node(), key, root); err != nil {
				return err
			}
		}
	case unstable.Integer, unstable.Float, unstable.Bool:
		bare := strings.ReplaceAll(string(value.Data), "_", "")
		if err := readsAs(elem(tableAt(root, key)), bare); err != nil {
			shape := p.Shape(p.Range(value.Data))
			return &misfit{located{line: shape.Start.Line, key: key, cause: err}, shape.Start.Column, len(value.Data)}
		}
	case unstable.String:
		// The decoder stores a string in a type of strings without asking it.
		t := elem(tableAt(root, key))
		if t == nil || t.Kind() != reflect.String {
			return nil
		}
		if err := readsAs(t, string(value.Data)); err != nil {
			shape := p.Shape(value.Raw)
			return &misfit{located{line: shape.Start.Line, key: key, cause: err}, shape.Start.Column, int(value.Raw.Length)}
		}
	}
	return nil
}

// readsAs is the error of reading the text as a t, nil if t reads no text.
func readsAs(t reflect.Type, text string) error {
	if t == nil {
		return nil
	}
	if v, ok := reflect.New(t).Interface().(encoding.TextUnmarshaler); ok {
		return v.UnmarshalText([]byte(text))
	}
	return nil
}

// parts is the dotted key of a table or a pair.
func parts(node *unstable.Node) []string {
	var all []string
	for it := node.Key(); it.Next(); {
		all = append(all, string(it.Node().Data))
	}
	return all
}
