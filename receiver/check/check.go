// Package check looks at quarantined transfers and says yes or no.
//
//	proof ── signature, of this transfer, not aborted ──┐ no: Verdict
//	plan  ── digest of the proof, agrees with it ───────┤
//	content ─ in plan order ─> names ─> digest ─> sink ─┴─> Pass
//
// Everything is re-read from disk. The content is read once: the bytes that are digested are the
// bytes that the sink gets, and the Pass at the end is for what that sink was given. Until
// then the sink must show nothing to anybody.
//
// Checks that follow a transfer entry by entry are a [Check] each, one file each.
package check

import (
	"io"

	"pawl/framing"
)

// Check is one test that watches a transfer go by, entry by entry in plan order. An error is a
// "no" with the reason; its maker need not name itself or the path.
type Check interface {
	// Name is the name that verdicts carry.
	Name() string
	// Entry is asked before anything is made of the entry. Of a file, the bytes follow.
	Entry(e *framing.Entry) error
	// Content gets the next bytes of the file, never more than its size; p is not kept.
	Content(p []byte) error
	// EndFile is asked when the file's last byte went by.
	EndFile() error
	// End is asked after the last entry.
	End() error
}

// Sink receives a transfer while it is checked, in plan order: a folder before what it
// holds. What it got is worth nothing before Verify returned the Pass.
type Sink interface {
	Begin(head framing.PlanHead) error
	Dir(e framing.Entry) error
	// File gives where the file's bytes go; it is closed after the last of them.
	File(e framing.Entry) (io.WriteCloser, error)
}
