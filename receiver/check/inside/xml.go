package inside

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// xmlEngine asks for one well-formed document. A document type is refused: it is where entities that expand to gigabytes, or to
// other files, come from.
type xmlEngine struct {
	depth int
	size  int64
}

func newXMLEngine(job Job) (engine, error) {
	if job.Depth <= 0 || job.Size <= 0 {
		return nil, errLimits
	}
	return xmlEngine{job.Depth, job.Size}, nil
}

func (xmlEngine) version() string { return "encoding/xml" }

func (e xmlEngine) file(_ string, content io.Reader) ([]string, error) {
	bounded := &io.LimitedReader{R: content, N: e.size + 1}
	in := xml.NewDecoder(bounded)
	in.CharsetReader = func(label string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("is in %.40q and not in UTF-8", label)
	}
	depth, roots := 0, 0
	for {
		token, err := in.Token()
		switch {
		case bounded.N <= 0:
			return nil, fmt.Errorf("is longer than %d bytes", e.size)
		case err == io.EOF && roots == 1:
			return nil, nil
		case err == io.EOF:
			return nil, errors.New("has no element")
		case err != nil:
			return nil, fmt.Errorf("is not well formed: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			if depth++; depth > e.depth {
				return nil, fmt.Errorf("nests more than %d deep", e.depth)
			}
		case xml.EndElement:
			depth--
		case xml.Directive:
			return nil, errors.New("has a document type")
		case xml.CharData:
			if depth == 0 && !blank(t) {
				return nil, errors.New("has text outside its element")
			}
		}
		if roots > 1 {
			return nil, errors.New("has more than one element at the top")
		}
	}
}

func blank(text []byte) bool {
	for _, b := range text {
		if b != ' ' && b != '\t' && b != '\n' && b != '\r' {
			return false
		}
	}
	return true
}
