package audit

import "errors"

// Restored says that a person accepted a log which does not go on from the checkpoint that pawl-release kept: it was put back from a
// backup, or is another one. What was between the two is told by nothing in the log.
type Restored struct {
	Kept     uint64 `json:"kept"`                // entries that the log had when pawl-release last entered something
	KeptRoot string `json:"kept_root,omitempty"` // their root, hexadecimal; "": what was kept was damaged, or of a log with another key
	Size     uint64 `json:"size"`                // entries that it was found with
	Root     string `json:"root"`
	Reason   string `json:"reason"`
}

func (b *Restored) Kind() string   { return "restored" } // Kind implements Body.
func (b *Restored) About() string  { return "" }         // About implements Body.
func (b *Restored) enter(e *Entry) { e.Restored = b }

func (b *Restored) check() error {
	return errors.Join(digestOr(b.KeptRoot), isDigest(b.Root), given("reason", b.Reason), texts(b.Reason))
}
