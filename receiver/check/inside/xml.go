package inside

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// xmlEngine asks for one well-formed document in UTF-8. A document type is refused: it is where entities that expand to gigabytes, or to
// other files, come from. encoding/xml takes more than XML is; what it lets by is asked here, or two programs read two documents.
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
	text, err := short(content, e.size)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(text) {
		return nil, errors.New("is not UTF-8")
	}
	in := xml.NewDecoder(bytes.NewReader(text))
	in.CharsetReader = func(label string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("is in %.40q and not in UTF-8", label)
	}
	depth, roots := 0, 0
	for {
		begin := in.InputOffset()
		token, err := in.Token()
		switch {
		case err == io.EOF && roots == 1:
			return nil, nil
		case err == io.EOF:
			return nil, errors.New("has no element")
		case err != nil:
			return nil, fmt.Errorf("is not well formed: %w", err)
		}
		raw := text[begin:in.InputOffset()]
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			if depth++; depth > e.depth {
				return nil, fmt.Errorf("nests more than %d deep", e.depth)
			}
			err = soundTag(raw, t.Attr)
		case xml.EndElement:
			depth--
		case xml.Directive:
			err = errors.New("has a document type")
		case xml.CharData:
			if depth == 0 && !blank(raw) {
				err = errors.New("has text outside its element")
			}
		case xml.ProcInst:
			if strings.EqualFold(t.Target, "xml") && (t.Target != "xml" || begin != 0 || !declaration.Match(t.Inst)) {
				err = errors.New("has an XML declaration that is not of XML 1.0 in UTF-8, or not at its beginning")
			}
		}
		if err == nil && roots > 1 {
			err = errors.New("has more than one element at the top")
		}
		if err != nil {
			return nil, err
		}
	}
}

// declaration is what an XML declaration may say (XML 1.0, 2.8). encoding/xml overlooks an encoding whose "=" has blanks around it.
var declaration = regexp.MustCompile(`^version[ \t\r\n]*=[ \t\r\n]*("1\.0"|'1\.0')` +
	`([ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?i:"utf-8"|'utf-8'))?` +
	`([ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*("yes"|"no"|'yes'|'no'))?[ \t\r\n]*$`)

// soundTag asks that no attribute is there twice and that blanks are between them.
func soundTag(raw []byte, attributes []xml.Attr) error {
	if len(attributes) == 0 {
		return nil
	}
	var quote byte
	for i, b := range raw {
		switch {
		case quote == 0 && (b == '"' || b == '\''):
			quote = b
		case quote != 0 && b == quote:
			quote = 0
			if i+1 < len(raw) && !blank(raw[i+1:i+2]) && raw[i+1] != '/' && raw[i+1] != '>' {
				return errors.New("is not well formed: no blank between two attributes")
			}
		}
	}
	if len(attributes) == 1 {
		return nil
	}
	seen := make(map[xml.Name]bool, len(attributes))
	for _, a := range attributes {
		if seen[a.Name] {
			return fmt.Errorf("has the attribute %.60q twice in one element", a.Name.Local)
		}
		seen[a.Name] = true
	}
	return nil
}

func blank(text []byte) bool {
	for _, b := range text {
		if b != ' ' && b != '\t' && b != '\n' && b != '\r' {
			return false
		}
	}
	return true
}
