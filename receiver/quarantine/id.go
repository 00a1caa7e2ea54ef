package quarantine

import (
	"errors"
	"fmt"
	"strconv"
)

// ErrID is wrapped by [ParseID] for every text that [ID.String] does not write.
var ErrID = errors.New("not a transfer id")

// idDigits is the fixed number of hexadecimal digits of the transfer's number in an id:
// fixed, so that ids of one channel sort by name in the order of their numbers.
const idDigits = 16

// ID names one transfer on the high side, and is the name of its folder.
type ID struct {
	Channel  uint16 // >= 1
	Transfer uint64 // >= 1, the sender's number
}

// String gives the one written form: the channel in decimal, a hyphen and the transfer's
// number in 16 lower-case hexadecimal digits, as in "1-019a2b3c4d5e6f70".
func (id ID) String() string {
	return fmt.Sprintf("%d-%0*x", id.Channel, idDigits, id.Transfer)
}

// Valid says whether both numbers are ones that a packet may carry.
func (id ID) Valid() bool { return id.Channel != 0 && id.Transfer != 0 }

// ParseID reads exactly what String writes for a valid id: no sign, no leading zero of the
// channel, no upper-case digit. Errors wrap [ErrID].
func ParseID(s string) (ID, error) {
	var id ID
	// The shortest is one digit and the longest five digits before the hyphen.
	if len(s) < 2+idDigits || len(s) > 6+idDigits || s[len(s)-idDigits-1] != '-' {
		return ID{}, fmt.Errorf("%w: %.40q", ErrID, s)
	}
	channel, err1 := strconv.ParseUint(s[:len(s)-idDigits-1], 10, 16)
	transfer, err2 := strconv.ParseUint(s[len(s)-idDigits:], 16, 64)
	id = ID{Channel: uint16(channel), Transfer: transfer}
	if err1 != nil || err2 != nil || !id.Valid() || id.String() != s {
		return ID{}, fmt.Errorf("%w: %.40q", ErrID, s)
	}
	return id, nil
}
