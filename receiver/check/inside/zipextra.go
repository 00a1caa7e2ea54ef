package inside

import (
	"errors"
	"iter"
)

// Fields of the extra part of a head (4.5, 4.6) that change what a member is. Others are not looked at.
const (
	fieldWide   = 0x0001 // sizes of 64 bits, 4.5.3
	fieldName   = 0x7075 // another name, in UTF-8, 4.6.9
	fieldKind   = 0x6c78 // libarchive's own: mode and system, before the member
	nameFieldAt = 5      // after its version and the sum of the name that it stands for
)

// fields are the extra part's. What comes after one that is longer than what is left is padding of some writers.
func fields(extra []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(extra) >= 4 {
			id, size := le.Uint16(extra), int(le.Uint16(extra[2:]))
			if size > len(extra)-4 || !yield(id, extra[4:4+size]) {
				return
			}
			extra = extra[4+size:]
		}
	}
}

// widen takes the sizes of 64 bits. It says whether there is such a field.
func (m *zipMember) widen(extra []byte, offset *uint64) (bool, error) {
	found := false
	for id, body := range fields(extra) {
		if id != fieldWide {
			continue
		}
		if found {
			return true, errors.New("has its size twice")
		}
		found = true
		for _, value := range []*uint64{&m.unpacked, &m.packed, offset} {
			if value == nil || *value != max32 {
				continue
			}
			if len(body) < 8 {
				return true, errors.New("has no size")
			}
			*value, body = le.Uint64(body), body[8:]
		}
	}
	return found, nil
}

// oneName refuses fields by which some programs make something else of a member than others: they take its name, or that it is a link, from
// there. A name in UTF-8 beside one of another alphabet is fine when it may be used.
func (m *zipMember) oneName(extra []byte) error {
	for id, body := range fields(extra) {
		switch id {
		case fieldKind:
			return errors.New("says by an extra field what kind of file it is")
		case fieldName:
			if len(body) < nameFieldAt {
				return errors.New("has a damaged second name")
			}
			second := string(body[nameFieldAt:])
			if err := checkInside(second); err != nil {
				return err
			}
			if second != m.name && isASCII(m.name) {
				return errors.New("has two names")
			}
		}
	}
	return nil
}

func isASCII(name string) bool {
	for i := range len(name) {
		if name[i] >= 0x80 {
			return false
		}
	}
	return true
}
