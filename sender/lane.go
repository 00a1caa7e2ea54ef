package sender

// A lane is one way from the disk to the lines: a schedule's goroutine and a pipeline with
// memory of its own. Urgent transfers have their own, so that nothing that was read and
// coded before is in their way: the line looks for their groups between any two batches.
// Two lanes, whatever the number of channels: twice the memory of one pipeline is the bound.
const (
	laneCommon = iota // normal, bulk when nothing normal is there, then the carousel
	laneUrgent
	lanes
)

// laneClasses are the classes of each lane, in the order in which they go.
var laneClasses = [lanes][]Class{laneCommon: {Normal, Bulk, idle}, laneUrgent: {Urgent}}

// lane is the one that a class takes.
func (c Class) lane() int {
	if c == Urgent {
		return laneUrgent
	}
	return laneCommon
}

// lot is what the next step of a trip puts on the link.
type lot struct {
	wire    uint64 // octets on the wire, all copies
	content uint64 // octets of content in it
}
