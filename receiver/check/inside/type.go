package inside

import (
	"errors"
	"io"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// TypeHead is how much of a file its type is judged by, in octets: only so much need be sent.
const TypeHead = 64 << 10

// Empty is the type of a file without content.
const Empty = "inode/x-empty"

// typeEngine names the media type of content. Whether that is allowed is decided outside.
type typeEngine struct{}

func (typeEngine) version() string { return "mimetype 1.4" }

func (typeEngine) file(_ string, content io.Reader) ([]string, error) {
	mimetype.SetLimit(TypeHead)
	head, err := io.ReadAll(io.LimitReader(content, TypeHead))
	if err != nil {
		return nil, err
	}
	if len(head) == 0 {
		return []string{Empty}, nil
	}
	var types []string
	for m := mimetype.Detect(head); m != nil; m = m.Parent() {
		name, _, _ := strings.Cut(m.String(), ";")
		types = append(types, name)
	}
	if len(types) > maxTypes {
		return nil, errors.New("a type with too many ancestors")
	}
	return types, nil
}
