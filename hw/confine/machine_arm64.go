//go:build linux

package confine

import "golang.org/x/sys/unix"

const (
	machine = unix.AUDIT_ARCH_AARCH64
	// foreignCalls: there are none; no call has so high a number.
	foreignCalls = 0x40000000
)

var machineCompute = []uint32{}

var machineKept = []uint32{}
