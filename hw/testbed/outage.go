//go:build linux

package testbed

import (
	"errors"
	"fmt"
	"net"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// outage drops every packet of one device during the first part of each
// period, by a BPF program behind the nft rules on the device's way out (TCX, Linux 6.6).
// Measured: see TestOutageLength.
//
// Why not nftables: its `meta time` counts nanoseconds, but the command takes whole
// seconds only and has no modulo; and a process that toggles a rule is late by the
// scheduler's 1 to 3 ms. The program reads the kernel's monotonic clock for each packet.
type outage struct {
	lost int // map of one uint64: packets dropped
	prog int
	link int
}

// setOutages replaces the programs on all links. Those that have ended stay
// in the list, detached, for their counts.
func (b *Bed) setOutages(loss Loss) error {
	for _, o := range b.outages {
		o.detach()
	}
	if loss.Outage == 0 {
		return nil
	}
	for p := range b.cfg.Pairs {
		err := b.Do(Low, func() error {
			device, err := net.InterfaceByName(wireDevice(p))
			if err != nil {
				return err
			}
			o, err := newOutage(device.Index, loss.Outage, loss.Every)
			if err == nil {
				b.outages = append(b.outages, o)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("testbed: outages on %s: %w", wireDevice(p), err)
		}
	}
	return nil
}

// newOutage attaches a program to a device of the calling thread's namespace.
func newOutage(device int, length, every time.Duration) (_ *outage, err error) {
	o := &outage{lost: -1, prog: -1, link: -1}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.Close())
		}
	}()
	// The first members of union bpf_attr of <linux/bpf.h>, for each command; its
	// pointers are 64 bits wide, as those of the machines this runs on.
	create := struct{ kind, key, value, entries uint32 }{unix.BPF_MAP_TYPE_ARRAY, 4, 8, 1}
	if o.lost, err = bpf(unix.BPF_MAP_CREATE, unsafe.Pointer(&create), unsafe.Sizeof(create)); err != nil {
		return nil, fmt.Errorf("bpf map: %w", err)
	}
	code := outageProgram(o.lost, length, every)
	licence := [1]byte{} // none: the program calls no function that asks for one
	load := struct {
		kind, count   uint32
		code, licence unsafe.Pointer
	}{unix.BPF_PROG_TYPE_SCHED_CLS, uint32(len(code)), unsafe.Pointer(&code[0]), unsafe.Pointer(&licence[0])}
	if o.prog, err = bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&load), unsafe.Sizeof(load)); err != nil {
		return nil, fmt.Errorf("bpf program: %w", err)
	}
	attach := struct{ prog, device, point, flags uint32 }{uint32(o.prog), uint32(device), unix.BPF_TCX_EGRESS, 0}
	if o.link, err = bpf(unix.BPF_LINK_CREATE, unsafe.Pointer(&attach), unsafe.Sizeof(attach)); err != nil {
		return nil, fmt.Errorf("bpf link (needs Linux 6.6): %w", err)
	}
	return o, nil
}

// Lost is the number of packets dropped.
func (o *outage) Lost() (n uint64, err error) {
	var key uint32
	look := struct {
		lost       uint64
		key, value unsafe.Pointer
	}{uint64(o.lost), unsafe.Pointer(&key), unsafe.Pointer(&n)}
	if _, err = bpf(unix.BPF_MAP_LOOKUP_ELEM, unsafe.Pointer(&look), unsafe.Sizeof(look)); err != nil {
		return 0, fmt.Errorf("testbed: outage counter: %w", err)
	}
	return n, nil
}

// detach lets packets pass again; the count stays.
func (o *outage) detach() {
	for _, fd := range []*int{&o.link, &o.prog} {
		if *fd >= 0 {
			_ = unix.Close(*fd) // closing a BPF descriptor has no failure to tell
			*fd = -1
		}
	}
}

func (o *outage) Close() error {
	o.detach()
	if o.lost < 0 {
		return nil
	}
	err := unix.Close(o.lost)
	o.lost = -1
	return err
}

// instruction is struct bpf_insn (RFC 9669, section 3).
type instruction struct {
	code      uint8
	registers uint8 // source in the high nibble, destination in the low one
	offset    int16
	immediate int32
}

// Numbers of <linux/bpf.h> and RFC 9669 that the program below is made of.
const (
	callMonotonic = 5  // bpf_ktime_get_ns
	tcxPass       = -1 // TCX_NEXT
	tcxDrop       = 2  // TCX_DROP
	opLoad64      = unix.BPF_LD | unix.BPF_IMM | unix.BPF_DW
	opMove        = unix.BPF_ALU64 | 0xb0 // MOV of an immediate
	opModulo      = unix.BPF_ALU64 | unix.BPF_MOD | unix.BPF_X
	opJumpIfLess  = unix.BPF_JMP | unix.BPF_JLT | unix.BPF_X
	opAtomicAdd   = unix.BPF_STX | unix.BPF_ATOMIC | unix.BPF_DW
	opCall        = unix.BPF_JMP | 0x80
	opExit        = unix.BPF_JMP | 0x90
)

// outageProgram is:
//
//	r0 = monotonic clock, ns; r0 %= every
//	if r0 < length: *lost++ (atomic); return TCX_DROP
//	return TCX_NEXT
func outageProgram(lost int, length, every time.Duration) []instruction {
	registers := func(source, destination uint8) uint8 { return source<<4 | destination }
	load64 := func(destination, source uint8, value uint64) []instruction {
		return []instruction{
			{code: opLoad64, registers: registers(source, destination), immediate: int32(uint32(value))},
			{immediate: int32(uint32(value >> 32))},
		}
	}
	code := []instruction{{code: opCall, immediate: callMonotonic}}
	code = append(code, load64(1, 0, uint64(every))...)
	code = append(code, instruction{code: opModulo, registers: registers(1, 0)})
	code = append(code, load64(1, 0, uint64(length))...)
	code = append(code,
		instruction{code: opJumpIfLess, registers: registers(1, 0), offset: 2},
		instruction{code: opMove, registers: registers(0, 0), immediate: tcxPass},
		instruction{code: opExit})
	// Source register BPF_PSEUDO_MAP_VALUE: the address of the map's value, offset 0.
	code = append(code, load64(1, unix.BPF_PSEUDO_MAP_VALUE, uint64(lost))...)
	return append(code,
		instruction{code: opMove, registers: registers(0, 2), immediate: 1},
		instruction{code: opAtomicAdd, registers: registers(2, 1)},
		instruction{code: opMove, registers: registers(0, 0), immediate: tcxDrop},
		instruction{code: opExit})
}

func bpf(command int, attributes unsafe.Pointer, size uintptr) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(command), uintptr(attributes), size)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}
