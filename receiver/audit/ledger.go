package audit

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Ledger is the byte ledger of a day, or of a part of it: every octet of UDP payload that the interfaces took is in exactly one column.
//
//	received = delivered + repair + duplicate + control + rejected by reason + dropped + off
//
// Dropped is what the interfaces took and the program was never given: the kernel had no room for it, or it was not for
// the link. Where what the interfaces took is not known, Unknown says why; received is then what the program was given, and dropped
// is 0 because nobody knows it. Off is what does not fit, and it must be said: a ledger whose off is not exactly that is refused.
type Ledger struct {
	Day       string            `json:"day"` // UTC, as 2026-11-23: of From
	Received  uint64            `json:"received"`
	Delivered uint64            `json:"delivered"`
	Repair    uint64            `json:"repair"`
	Duplicate uint64            `json:"duplicate"`
	Control   uint64            `json:"control"`
	Rejected  map[string]uint64 `json:"rejected"` // by reason
	Dropped   uint64            `json:"dropped"`  // see above
	Off       int64             `json:"off"`      // 0 in a balanced ledger

	From       time.Time `json:"from,omitzero"`         // high side's clock
	To         time.Time `json:"to,omitzero"`           // the next one begins here
	Drops      uint64    `json:"drops,omitempty"`       // times that a socket had no room
	DropsExact bool      `json:"drops_exact,omitempty"` // each of them was one datagram; else one or several
	Strays     uint64    `json:"strays,omitempty"`      // frames in Dropped that were not the sockets' drops; known where those are exact
	Missed     uint64    `json:"missed,omitempty"`      // frames that an interface had no room for: nobody knows their octets
	Unsettled  bool      `json:"unsettled,omitempty"`   // up to a socket's buffer of Dropped was on its way, and is in the next one's columns
	Unknown    string    `json:"unknown,omitempty"`
	Gaps       []Gap     `json:"gaps,omitempty"` // when nobody looked: what came then is in no ledger
	Mark       *Mark     `json:"mark,omitempty"` // where the next one goes on
}

// Gap is a time in which nobody counted.
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Mark is what pawl-receive had counted since its start, when a ledger was entered.
type Mark struct {
	Started   time.Time         `json:"started"` // of pawl-receive
	Received  uint64            `json:"received"`
	Delivered uint64            `json:"delivered"`
	Repair    uint64            `json:"repair"`
	Duplicate uint64            `json:"duplicate"`
	Control   uint64            `json:"control"`
	Rejected  map[string]uint64 `json:"rejected"`
	Frames    uint64            `json:"frames"` // that the interfaces took
	Octets    uint64            `json:"octets"` // of payload in them
	Packets   uint64            `json:"packets"`
	Drops     uint64            `json:"drops"`
	Missed    uint64            `json:"missed"`
}

// MaxGaps bounds the gaps of a ledger.
const MaxGaps = 16

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

// add adds the columns of another ledger.
func (b *Ledger) add(d *Ledger) {
	b.Received, b.Delivered, b.Repair = b.Received+d.Received, b.Delivered+d.Delivered, b.Repair+d.Repair
	b.Duplicate, b.Control, b.Dropped, b.Off = b.Duplicate+d.Duplicate, b.Control+d.Control, b.Dropped+d.Dropped, b.Off+d.Off
	b.Drops, b.Strays, b.Missed = b.Drops+d.Drops, b.Strays+d.Strays, b.Missed+d.Missed
	b.Unsettled = d.Unsettled
	if d.Unknown != "" {
		b.Unknown = d.Unknown
	}
	b.Gaps = append(b.Gaps, d.Gaps...)
	rejected := maps.Clone(b.Rejected)
	for reason, n := range d.Rejected {
		rejected[reason] += n
	}
	b.Rejected = rejected
}

func (b *Ledger) Kind() string   { return "ledger" } // Kind implements Body.
func (b *Ledger) About() string  { return "" }       // About implements Body.
func (b *Ledger) enter(e *Entry) { e.Ledger = b }

func (b *Ledger) check() error {
	if day, err := time.Parse(dayForm, b.Day); err != nil || day.Format(dayForm) != b.Day {
		return fmt.Errorf("%.40q is not a day", b.Day)
	}
	if b.From.IsZero() != b.To.IsZero() || b.To.Before(b.From) || !b.From.IsZero() && b.From.UTC().Format(dayForm) != b.Day {
		return errors.New("from and to are not a time of its day on")
	}
	if len(b.Gaps) > MaxGaps {
		return fmt.Errorf("%d gaps", len(b.Gaps))
	}
	err := errors.Join(texts(b.Unknown), columns(b.Rejected, b.Received, b.Delivered, b.Repair, b.Duplicate, b.Control, b.Dropped, b.Drops, b.Strays, b.Missed))
	if m := b.Mark; m != nil {
		err = errors.Join(err, columns(m.Rejected, m.Received, m.Delivered, m.Repair, m.Duplicate, m.Control, m.Frames, m.Octets, m.Packets, m.Drops, m.Missed))
	}
	if err != nil {
		return err
	}
	if b.Unknown != "" && b.Dropped != 0 {
		return errors.New("what was dropped is not known, and yet there")
	}
	if d := b.Difference(); d != b.Off {
		return fmt.Errorf("%w: %d bytes are in no column, and off says %d", ErrUnbalanced, d, b.Off)
	}
	return nil
}

// columns refuses columns that could not be added up.
func columns(rejected map[string]uint64, all ...uint64) error {
	if rejected == nil || len(rejected) > maxReasons {
		return fmt.Errorf("rejected has no reasons, or %d", len(rejected))
	}
	for reason, n := range rejected {
		all = append(all, n)
		if err := errors.Join(given("reason", reason), texts(reason)); err != nil {
			return err
		}
	}
	for _, n := range all {
		if n > maxOctets {
			return fmt.Errorf("%d bytes in a column", n)
		}
	}
	return nil
}
