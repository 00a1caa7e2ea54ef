package person

import (
	"bytes"
	"fmt"
)

// AppendFiled appends the file of a decision to dst: the decision in its one encoding, and on a second line the key that verifies it, so that it
// can be checked when the person has long left. The error wraps [ErrSignature] when the key does not.
func AppendFiled(dst []byte, s Signed, key Public) ([]byte, error) {
	if err := key.Verify(s); err != nil {
		return dst, err
	}
	dst, err := s.Append(dst)
	if err != nil {
		return dst, err
	}
	return fmt.Appendf(dst, "\n%s\n", key), nil
}

// ParseFiled reads what AppendFiled writes and nothing else, signature included. Whose key it is, the reader must know from
// elsewhere. Errors are those of [ParseSigned], [ParsePublic] and [Public.Verify].
func ParseFiled(data []byte) (Signed, Public, error) {
	text, rest, _ := bytes.Cut(data, []byte("\n"))
	line, tail, whole := bytes.Cut(rest, []byte("\n"))
	if !whole || len(tail) != 0 {
		return Signed{}, Public{}, fmt.Errorf("%w: its file has two lines", ErrDecision)
	}
	s, err := ParseSigned(text)
	if err != nil {
		return Signed{}, Public{}, err
	}
	key, err := ParsePublic(string(line))
	if err != nil {
		return Signed{}, Public{}, err
	}
	if key.String() != string(line) {
		return Signed{}, Public{}, fmt.Errorf("%w: the key is not in its one encoding", ErrDecision)
	}
	return s, key, key.Verify(s)
}
