// Package killtest runs a program and kills it at one of its system calls, chosen by number, before that is carried out.
//
//	test ─ Run ─> launcher ─ filter, listener to the test, exec ─> program under test
//	  │                                                              │ before each call that can change something: wait
//	  └─ is it about something in the folder? no: go on <────────────┤
//	     yes, and not the one: count, Before, go on <────────────────┤
//	     the one: SIGKILL for all of it; the call is never made <────┘
//
// The kernel asks (seccomp_unotify(2)) before every call by which a process can change what outlasts it: files and folders, their names,
// modes, times, attributes and bytes, and the calls that make those last. What the program starts has the same filter. Calls that are
// not about the folder, such as those between threads, are not counted: so a number means the same in each run, as far as
// the program itself does the same. Not seen are writes through a mapping and by io_uring; no program of ours makes them.
package killtest

import "errors"

// Launcher is the command of the test's own program that must call [Launch], as in
//
//	testscript.Main(m, map[string]func(){"pawl-release": main, killtest.Launcher: killtest.Launch})
const Launcher = "killtest-launcher"

// ErrAbsent is wrapped when this system can't be asked about a program's calls.
var ErrAbsent = errors.New("a program's system calls can't be watched here: it takes Linux 5.19 on amd64 or arm64, and seccomp")

// Watch says what counts, and what is done then.
type Watch struct {
	Folder string     // absolute, without links: calls about it or something in it count
	At     int        // the program is killed before the At-th that counts; 0: not at all
	Before func(Call) // is told of each that counts before it is carried out, also of the one that isn't; nil: nobody
}

// Call is a system call that counts.
type Call struct {
	Name string // as in the manual
	Path string // what it is about, from the folder
	To   string // of a call with two names, the second; else ""
}

// String is a line for people.
func (c Call) String() string {
	if c.To == "" {
		return c.Name + " " + c.Path
	}
	return c.Name + " " + c.Path + " -> " + c.To
}
