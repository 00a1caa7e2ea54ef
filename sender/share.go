package sender

import (
	"fmt"
	"slices"
)

// Class is how urgent a transfer is. A class goes ahead of all below it; within a class the
// channels share the link by their weights.
type Class uint8

// The classes. Urgent has a path of its own to the line and goes ahead between two batches
// of packets; bulk is what is sent when nothing else is there.
const (
	Normal Class = iota
	Urgent
	Bulk
	idle    // rounds of the carousel: nobody can ask for it
	classes = 4
)

var classNames = [classes]string{"normal", "urgent", "bulk", "idle"}

// String is the name of the class in configurations and commands.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// ParseClass reads what String writes.
func ParseClass(name string) (Class, error) {
	if i := slices.Index(classNames[:idle], name); i >= 0 {
		return Class(i), nil
	}
	return 0, fmt.Errorf("%q is no class: write \"urgent\", \"normal\" or \"bulk\"", name)
}

// MarshalText writes String's.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what ParseClass does.
func (c *Class) UnmarshalText(text []byte) (err error) {
	*c, err = ParseClass(string(text))
	return err
}

// Weights of channels.
const (
	DefaultWeight = 1
	maxWeight     = 1_000_000 // as unequal as shares may be
)

// shares divides the link among the channels of each class: start-time fair queueing (Goyal,
// Vin, Cheng 1996) at the granularity of a group of blocks. Each channel has a virtual time
// that advances by what it sends over its weight; the channel that is least far goes next.
// One that had nothing to send begins at the time of the class: what it did not use is not
// made up.
type shares struct {
	clock [classes]float64
}

// account is one channel's place in each class.
type account struct {
	weight float64
	tag    [classes]float64
}

// start is the virtual time at which a channel's next group begins.
func (s *shares) start(a *account, c Class) float64 { return max(a.tag[c], s.clock[c]) }

// charge books what a channel sends in a class, in octets on the wire.
func (s *shares) charge(a *account, c Class, octets uint64) {
	begin := s.start(a, c)
	s.clock[c] = begin
	a.tag[c] = begin + float64(octets)/a.weight
}
