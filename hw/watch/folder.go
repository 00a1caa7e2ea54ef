// Package watch says what comes into one folder.
//
//	outbox/ ── inotify (Linux) ──┐
//	        ── census each 500 ms┴─ Folder.Next ─ Event{Moved|Closed|Created|Rescan, Name}
//
// Events are hints, never the truth: a name may be gone when its event is read, an event may
// come twice, and after [Rescan] some were lost. Open the folder first and list it after, so
// that nothing falls in between; list it again at each Rescan.
//
// Sub-folders are not watched, only seen to come.
package watch

import (
	"errors"
	"fmt"
)

// Kind is what happened.
type Kind uint8

const (
	// Created: a name came to be. A file may still be written.
	Created Kind = iota + 1
	// Closed: a file that was open for writing was closed. One writer may have more to come.
	Closed
	// Moved: a name was moved into the folder, whole.
	Moved
	// Rescan: events were lost; list the folder. Name is "".
	Rescan
)

// String names the kind in lower case.
func (k Kind) String() string {
	switch k {
	case Created:
		return "created"
	case Closed:
		return "closed"
	case Moved:
		return "moved"
	case Rescan:
		return "rescan"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Event is one thing that happened in the folder.
type Event struct {
	Kind Kind
	Name string // last element of the path, as the file system has it: any bytes but '/' and NUL
	Dir  bool   // it is a folder
}

// ErrGone says that the folder was deleted, moved away or unmounted; nothing more will come.
var ErrGone = errors.New("folder is gone")
