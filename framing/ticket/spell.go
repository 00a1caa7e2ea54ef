package ticket

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// alphabet are the 32 characters of Crockford's base32: no I, L, O and U, which are read as 1, 1 and 0 or not at all.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// The shape of a text.
const (
	// GroupSize is how many characters a group has, its check character included; the last one may have less.
	GroupSize = 5
	// MaxGroups bounds a text. The check characters tell 31 groups apart, and a person can still type as many.
	MaxGroups = 30

	maxTyped = 4096 // octets that are looked at: a text of MaxGroups with generous spaces
)

// ErrTyped is wrapped by errors about a text that was not typed as it was shown; most are a [*PlaceError].
var ErrTyped = errors.New("not typed as it was shown")

// PlaceError says where a text is wrong.
type PlaceError struct {
	Groups []int  // counted from 1, rising; empty: all of them together
	Reason string // what is wrong there, in the words of the one who typed
}

// Error names the place first.
func (e *PlaceError) Error() string {
	switch len(e.Groups) {
	case 0:
		return e.Reason
	case 1:
		return fmt.Sprintf("group %d: %s", e.Groups[0], e.Reason)
	}
	list := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(e.Groups)), ", "), "[]")
	return fmt.Sprintf("groups %s: %s", list, e.Reason)
}

// Unwrap makes every place an ErrTyped.
func (e *PlaceError) Unwrap() error { return ErrTyped }

func misplaced(reason string, groups ...int) error {
	return &PlaceError{Groups: groups, Reason: reason}
}

// power[i] is the i-th power of x in GF(32) with x^5 + x^2 + 1, of which x is a generator.
var power = func() (p [31]byte) {
	v := byte(1)
	for i := range p {
		p[i] = v
		if v <<= 1; v&32 != 0 {
			v ^= 0b100101
		}
	}
	return p
}()

// times multiplies in GF(32).
func times(a, b byte) (product byte) {
	for ; b != 0; b >>= 1 {
		if b&1 != 0 {
			product ^= a
		}
		if a <<= 1; a&32 != 0 {
			a ^= 0b100101
		}
	}
	return product
}

// kind sets the texts apart whose groups must not be taken for each other's.
type kind func(group int) byte

// The start of each group's check: another one for each group and kind, so that groups that changed places are found.
var (
	ofTicket  kind = func(group int) byte { return power[group] }
	ofReceipt kind = func(group int) byte { return power[30-group] }
)

// check is the check character of a group's data: start + x d1 + x^2 d2 + x^3 d3 + x^4 d4. All weights differ, that of the check
// itself (1) included: any one wrong character and any two that changed places are found, with certainty.
func (k kind) check(group int, data []byte) byte {
	c := k(group)
	for i, d := range data {
		c ^= times(power[i+1], d)
	}
	return c
}

// spell writes characters (values below 32) in groups.
func (k kind) spell(data []byte) string {
	var out strings.Builder
	group := 0
	for part := range slices.Chunk(data, GroupSize-1) {
		if group > 0 {
			out.WriteByte('-')
		}
		for _, d := range part {
			out.WriteByte(alphabet[d])
		}
		out.WriteByte(alphabet[k.check(group, part)])
		group++
	}
	return out.String()
}

// read is the reverse of spell, for what a person typed: case, spaces and hyphens do not matter, O is 0, I and L are 1.
func (k kind) read(text string) ([]byte, error) {
	if len(text) > maxTyped {
		return nil, misplaced(fmt.Sprintf("%d characters are more than any has", len(text)))
	}
	typed, err := values(text)
	if err != nil {
		return nil, err
	}
	groups := (len(typed) + GroupSize - 1) / GroupSize
	switch {
	case groups == 0:
		return nil, misplaced("nothing was typed")
	case groups > MaxGroups:
		return nil, misplaced(fmt.Sprintf("%d groups of %d characters, there are at most %d", groups, GroupSize, MaxGroups))
	}
	var data []byte
	var wrong []int
	at := 0
	for part := range slices.Chunk(typed, GroupSize) {
		at++
		last := len(part) - 1
		if last == 0 || k.check(at-1, part[:last]) != part[last] {
			wrong = append(wrong, at)
		}
		data = append(data, part[:last]...)
	}
	if len(wrong) > 0 {
		return nil, place(text, wrong, groups)
	}
	return data, nil
}

// values are the characters of a text as numbers.
func values(text string) ([]byte, error) {
	var out []byte
	for _, r := range text {
		if r == '-' || unicode.IsSpace(r) {
			continue
		}
		v := strings.IndexRune(alphabet, unicode.ToUpper(r))
		switch r {
		case 'o', 'O':
			v = 0
		case 'i', 'I', 'l', 'L':
			v = 1
		}
		if v < 0 {
			return nil, misplaced(fmt.Sprintf("its character %d, %q, is none of %s", len(out)%GroupSize+1, r, alphabet), len(out)/GroupSize+1)
		}
		out = append(out, byte(v))
	}
	return out, nil
}

// place says where a text is wrong whose groups in wrong do not fit their check characters.
func place(text string, wrong []int, groups int) error {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '-' || unicode.IsSpace(r) })
	odd, odds := 0, 0 // parts that are no group, in a text that is written in groups
	for i, part := range parts[:len(parts)-1] {
		if len(part) != GroupSize {
			odd, odds = i+1, odds+1
		}
	}
	if odds == 1 && len(parts) > 2 {
		part := parts[odd-1]
		return misplaced(fmt.Sprintf("%.20q has %d characters, each group but the last has %d", part, len(part), GroupSize), odd)
	}
	const typed = "a character is wrong, or two changed places"
	if first := wrong[0]; len(wrong) > 2 && len(wrong) >= (groups-first+1)*3/4 {
		return misplaced(fmt.Sprintf("from here on almost nothing fits: is a character missing here, or one too many? wrong are %d of %d groups", len(wrong), groups), first)
	}
	return misplaced(typed, wrong...)
}
