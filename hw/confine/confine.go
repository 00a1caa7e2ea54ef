// Package confine runs a program's own code, or another program, in a child process that can do almost nothing, and holds a server of ours to what it needs.
//
//	parent ─ Start ─> this program again, hidden command, one thread
//	                  │ Enter: rlimits, capabilities away, no_new_privs, Landlock, seccomp; tried
//	                  └─ exec ─> this program once more ─ Seal: only reads, writes, memory; tried ─> checker's code
//	                          or another program, which may read libraries and what the spec names, and write and connect nowhere
//
// What Enter sets is set before the second exec, on the only thread there is, so that every thread of what runs afterwards has
// it: nothing depends on reaching the threads of a running Go program. Both steps try what they have forbidden and
// end the process when something of it is still allowed.
//
//	server ─ Hold: capabilities away, no_new_privs, Landlock ─ exec ─> this program anew ─ Held: no programs, no datagrams; tried ─> serves
//	                                                                  a program on a link keeps capabilities and datagrams
//
// Content comes in by standard input and answers leave by standard output, both pipes. A child has no other way in or out.
package confine

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

var (
	// ErrAbsent is wrapped when the kernel lacks something that was required.
	ErrAbsent = errors.New("the kernel can't confine a process as required")
	// ErrLoose is wrapped when something is still allowed after it was forbidden.
	ErrLoose = errors.New("still allowed after it was forbidden")
)

// Spec says what a child may do and what it runs.
type Spec struct {
	// Best goes on where the kernel lacks Landlock; otherwise the child refuses to run there. Seccomp, the limits and the lost
	// capabilities are never optional.
	Best bool `json:"best,omitempty"`
	// Memory bounds the private memory that the process may write to, in octets (RLIMIT_DATA), at least LeastMemory; 0 is 256 MiB.
	Memory uint64 `json:"memory,omitempty"`
	// CPU bounds the processor time of the process, rounded up to seconds (RLIMIT_CPU); 0 is an hour.
	CPU time.Duration `json:"cpu,omitempty"`
	// Program is the absolute path of what runs; "" is this program.
	Program string `json:"program,omitempty"`
	// Args are its arguments, without its name.
	Args []string `json:"args,omitempty"`
	// Read lists files and folders that another program may read and execute beside itself and the system's libraries
	// and shared data.
	Read []string `json:"read,omitempty"`
}

// Reach is what is left to a server of ours that [Hold] confines: what it reads, where it writes and where it listens. A path that is not there is left out.
type Reach struct {
	Read    []string // files, and folders with all that is below them, beside the system's libraries and shared data
	Write   []string // folders in which it makes, reads, writes, moves and removes files and folders; needs Landlock 2
	Sockets []string // folders in which it may make and remove Unix sockets
	Listen  []uint16 // TCP ports; 0 is one that the kernel chooses. It connects to nothing by TCP. Unix sockets Landlock knows nothing of
	// Datagrams is for a program on a link: it keeps datagrams, netlink and its capabilities, and TCP is not held.
	Datagrams bool
}

// LeastMemory is the least that Spec.Memory may be. Go's runtime has mapped 40 MiB when it starts and takes 64 MiB more with its next piece of
// heap: of 300 children with 96 MiB three died of it before they had done anything, of 300 with this none.
const LeastMemory = 128 << 20

const (
	defaultMemory = 256 << 20
	defaultCPU    = time.Hour
)

// Applied is what holds a process.
type Applied struct {
	Landlock int // version of the kernel's Landlock, 0 where there is none
}

// String names what is set, for verdicts and logs.
func (a Applied) String() string {
	if a.Landlock == 0 {
		return "seccomp without Landlock"
	}
	return "seccomp, Landlock " + strconv.Itoa(a.Landlock)
}

// appliedPrefix begins the last argument that Enter hands to this program: what is in force.
const appliedPrefix = "confined-by-landlock="

func (a Applied) argument() string { return appliedPrefix + strconv.Itoa(a.Landlock) }

// ParseApplied reads the argument that Enter adds at the end for this program's own children.
func ParseApplied(arg string) (Applied, error) {
	text, ok := strings.CutPrefix(arg, appliedPrefix)
	version, err := strconv.ParseUint(text, 10, 16)
	if !ok || err != nil {
		return Applied{}, fmt.Errorf("confined child: argument %.40q", arg)
	}
	return Applied{Landlock: int(version)}, nil
}

func parseSpec(text string) (Spec, error) {
	var s Spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fmt.Errorf("confine: %w", err)
	}
	if s.Memory == 0 {
		s.Memory = defaultMemory
	}
	if s.Memory < LeastMemory {
		return s, fmt.Errorf("confine: %d octets of memory are too few", s.Memory)
	}
	if s.CPU == 0 {
		s.CPU = defaultCPU
	}
	return s, nil
}
