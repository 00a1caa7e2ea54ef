package audit

import (
	"errors"
	"fmt"
	"time"
)

// Ledger is the byte ledger of one day: every octet that came is in exactly one column.
//
//	received = delivered + repair + duplicate + control + rejected by reason + dropped by the kernel + off
//
// Off is what does not fit, and it must be said: a ledger whose off is not exactly that is refused.
type Ledger struct {
	Day       string            `json:"day"` // UTC, as 2026-11-23
	Received  uint64            `json:"received"`
	Delivered uint64            `json:"delivered"`
	Repair    uint64            `json:"repair"`
	Duplicate uint64            `json:"duplicate"`
	Control   uint64            `json:"control"`
	Rejected  map[string]uint64 `json:"rejected"` // by reason
	Dropped   uint64            `json:"dropped"`  // by the kernel, before the program saw it
	Off       int64             `json:"off"`      // 0 in a balanced ledger
}

// dayForm is how a day is written.
const dayForm = "2006-01-02"

// maxOctets bounds a column (canonical JSON carries no more than 53 bits), and maxReasons their number: sums stay far
// from the end of 64 bits.
const (
	maxOctets  = 1<<53 - 1
	maxReasons = 64
)

// ErrUnbalanced is wrapped by the refusal of a ledger that hides what does not fit.
var ErrUnbalanced = errors.New("byte ledger is not balanced")

// Difference is what was received and is in no column; it is below 0 when there is more in the columns. The right value for Off.
func (b *Ledger) Difference() int64 {
	sum := b.Delivered + b.Repair + b.Duplicate + b.Control + b.Dropped
	for _, n := range b.Rejected {
		sum += n
	}
	return int64(b.Received - sum)
}

func (b *Ledger) Kind() string   { return "ledger" } // Kind implements Body.
func (b *Ledger) About() string  { return "" }       // About implements Body.
func (b *Ledger) enter(e *Entry) { e.Ledger = b }

func (b *Ledger) check() error {
	if day, err := time.Parse(dayForm, b.Day); err != nil || day.Format(dayForm) != b.Day {
		return fmt.Errorf("%.40q is not a day", b.Day)
	}
	if b.Rejected == nil || len(b.Rejected) > maxReasons {
		return fmt.Errorf("rejected has no reasons, or %d", len(b.Rejected))
	}
	columns := []uint64{b.Received, b.Delivered, b.Repair, b.Duplicate, b.Control, b.Dropped}
	for reason, n := range b.Rejected {
		columns = append(columns, n)
		if err := errors.Join(given("reason", reason), texts(reason)); err != nil {
			return err
		}
	}
	for _, n := range columns {
		if n > maxOctets {
			return fmt.Errorf("%d bytes in a column", n)
		}
	}
	if d := b.Difference(); d != b.Off {
		return fmt.Errorf("%w: %d bytes are in no column, and off says %d", ErrUnbalanced, d, b.Off)
	}
	return nil
}
