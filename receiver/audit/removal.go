package audit

import "errors"

// Removal is the removal of a transfer's content from the quarantine, after its release or its rejection; plan and proof stay.
type Removal struct {
	Transfer string `json:"transfer"`
	Bytes    uint64 `json:"bytes"`
	Reason   string `json:"reason"`
}

func (b *Removal) Kind() string   { return "removal" }  // Kind implements Body.
func (b *Removal) About() string  { return b.Transfer } // About implements Body.
func (b *Removal) enter(e *Entry) { e.Removal = b }

func (b *Removal) check() error {
	return errors.Join(isTransfer(b.Transfer), given("reason", b.Reason), texts(b.Reason))
}
