package killtest

import "pawl/hw/confine"

// machineShapes and machineOpening are for calls that only this machine has: none.
var (
	machineShapes  map[uint32]shape
	machineOpening []confine.Bits
)
