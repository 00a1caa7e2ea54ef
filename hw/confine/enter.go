//go:build linux && (amd64 || arm64)

package confine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// libraries are what a program of this system needs to start, and shared data; nothing in them is secret.
var libraries = []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share", "/etc/ld.so.cache", "/dev/null"}

// Enter confines this process as the text of a spec says, tries that it is, and becomes the spec's program. It returns only an error, and then the process must
// end. hidden is the command of this program that [Start] was given; it is put before the arguments when the program is this one.
//
// It must be called before the process does anything else.
func Enter(hidden, text string) error {
	spec, err := parseSpec(text)
	if err != nil {
		return err
	}
	runtime.LockOSThread() // never unlocked: what is set here belongs to this thread until exec makes it the only one
	applied := Applied{Landlock: Landlock()}
	if applied.Landlock == 0 && !spec.Best {
		return fmt.Errorf("%w: no Landlock (CONFIG_SECURITY_LANDLOCK, lsm=): enable it or say confine = \"best\"", ErrAbsent)
	}
	program, args := spec.Program, append([]string{spec.Program}, spec.Args...)
	read := append(slices.Clone(libraries), spec.Read...)
	if program == "" {
		program = self
		args = slices.Concat([]string{os.Args[0], hidden}, spec.Args, []string{applied.argument()})
	}
	real, err := filepath.EvalSymlinks(program)
	if err != nil && program != self { // the file of a replaced program has no name any more
		return fmt.Errorf("confine: %w", err)
	}
	read = append(read, program)
	if real != "" {
		read = append(read, real)
	}
	if err := limit(spec); err != nil {
		return err
	}
	if err := disarm(); err != nil {
		return err
	}
	if applied.Landlock > 0 {
		if err := landlock(applied.Landlock, Reach{Read: read}); err != nil {
			return err
		}
	}
	if err := noOutside(applied.Landlock, os.Getpid()).install(allow); err != nil {
		return err
	}
	if err := tryOutside(applied); err != nil {
		return err
	}
	return fmt.Errorf("confine: run %s: %w", program, unix.Exec(program, args, os.Environ()))
}

// limit sets the limits that the kernel counts.
func limit(spec Spec) error {
	seconds := uint64((spec.CPU + time.Second - 1) / time.Second)
	limits := []struct {
		name  string
		which int
		most  uint64
	}{
		{"RLIMIT_CORE", unix.RLIMIT_CORE, 0},   // content must not be left in a dump
		{"RLIMIT_FSIZE", unix.RLIMIT_FSIZE, 0}, // no file grows
		{"RLIMIT_NOFILE", unix.RLIMIT_NOFILE, 32},
		{"RLIMIT_MEMLOCK", unix.RLIMIT_MEMLOCK, 0},
		{"RLIMIT_MSGQUEUE", unix.RLIMIT_MSGQUEUE, 0},
		{"RLIMIT_CPU", unix.RLIMIT_CPU, seconds},
		{"RLIMIT_DATA", unix.RLIMIT_DATA, spec.Memory},
	}
	for _, l := range limits {
		if l.which == unix.RLIMIT_DATA && (!boundMemory || spec.Program == "") {
			continue // for this program Seal sets it, once the second start is over
		}
		var now unix.Rlimit
		if err := unix.Getrlimit(l.which, &now); err != nil {
			return fmt.Errorf("confine: %s: %w", l.name, err)
		}
		most := min(l.most, now.Max)
		if err := unix.Setrlimit(l.which, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("confine: %s: %w", l.name, err)
		}
	}
	return nil
}

// disarm gives up every capability, and every way to get one back.
func disarm() error {
	for c := range uintptr(64) {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			break // past the last one that the kernel knows
		}
		// Who may not drop one from the bounding set is not root; no_new_privs keeps him from getting one by exec.
		if err != nil && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("confine: capability %d: %w", c, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("confine: ambient capabilities: %w", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var empty [2]unix.CapUserData
	if err := unix.Capset(&header, &empty[0]); err != nil {
		return fmt.Errorf("confine: capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("confine: no_new_privs: %w", err)
	}
	return nil
}

// Seal takes everything but computing from a process that came through [Enter] as this program: it can read and write what is open and use memory, octets of
// it at most, and no more. It tries that, and the process must end when there is an error.
func Seal(applied Applied, memory uint64) error {
	if err := tryOutside(applied); err != nil { // what Enter did must have survived the exec
		return err
	}
	if memory == 0 {
		memory = defaultMemory
	}
	if boundMemory {
		if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: memory, Max: memory}); err != nil {
			return fmt.Errorf("confine: RLIMIT_DATA: %w", err)
		}
	}
	if err := onlyCompute(os.Getpid()).install(deny); err != nil {
		return err
	}
	return trySealed()
}
