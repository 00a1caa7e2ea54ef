package ticket

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"pawl/framing"
)

// The payload of a ticket, in bits:
//
//	version 3 | transfer 40 | for plan, content, proof: need 2
//	for each need = runs: count gamma | rice parameter 5 | for each run: gap rice, length gamma
//	zero bits up to a character
const (
	version      = 1
	versionBits  = 3
	digestBits   = 40
	needBits     = 2
	riceBitsBits = 5
	maxRice      = 1<<riceBitsBits - 1
	checkChars   = 4 // overall check of 20 bits, the first of a SHA-256

	// maxChars is what the groups of the longest ticket carry without their check characters and the overall check.
	maxChars = MaxGroups*(GroupSize-1) - checkChars

	// MaxBits is the most bits of a ticket that do not follow from others: all that the high side can say with one.
	MaxBits = maxChars * charBits
)

// What a ticket says of an object, on the wire.
const (
	needNothing = 0
	needWhole   = 1
	needRuns    = 2
)

// ErrLong is wrapped when a ticket would have more than MaxGroups groups.
var ErrLong = errors.New("longer than a ticket may be")

// The contexts of the hashes.
const (
	transferContext = "pawl-ticket-transfer-1"
	checkContext    = "pawl-ticket-check-1"
)

// Digest names a transfer, by its first 40 bits of a SHA-256: of a million transfers that a sender still has, the chance that
// another one than the right one is meant is one in a million, and the sender refuses a ticket that fits two.
type Digest uint64

// DigestOf is the digest of a channel's transfer.
func DigestOf(channel uint16, transfer uint64) Digest {
	text := binary.BigEndian.AppendUint16([]byte(transferContext), channel)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(text, transfer))
	return Digest(binary.BigEndian.Uint64(sum[:]) >> (64 - digestBits))
}

// Run is consecutive source blocks, First to Last inclusive.
type Run struct {
	First uint32 `json:"first"`
	Last  uint32 `json:"last"`
}

// Need is what an object lacks: all of it, some runs of blocks in rising order and with something between them, or nothing.
type Need struct {
	Whole bool  `json:"whole,omitempty"`
	Runs  []Run `json:"runs,omitempty"`
}

// None says that nothing is lacking.
func (n Need) None() bool { return !n.Whole && len(n.Runs) == 0 }

// Blocks is how many blocks the runs have.
func (n Need) Blocks() (sum uint64) {
	for _, r := range n.Runs {
		sum += uint64(r.Last-r.First) + 1
	}
	return sum
}

// check refuses a need that has no encoding.
func (n Need) check() error {
	if n.Whole && len(n.Runs) > 0 {
		return fmt.Errorf("%w: a whole object has no runs", framing.ErrField)
	}
	for i, r := range n.Runs {
		if r.Last < r.First || i > 0 && uint64(r.First) < uint64(n.Runs[i-1].Last)+2 {
			return fmt.Errorf("%w: run %d-%d is out of order", framing.ErrOrder, r.First, r.Last)
		}
	}
	return nil
}

// Ticket is a repair ticket.
type Ticket struct {
	Transfer Digest `json:"transfer_digest"`
	Plan     Need   `json:"plan,omitzero"`
	Content  Need   `json:"content,omitzero"`
	Proof    Need   `json:"proof,omitzero"`
}

// Needs lists the objects and what they lack, in the order of a pass.
func (t *Ticket) Needs() [3]struct {
	Object framing.Object
	Need   *Need
} {
	return [3]struct {
		Object framing.Object
		Need   *Need
	}{{framing.ObjectPlan, &t.Plan}, {framing.ObjectContent, &t.Content}, {framing.ObjectProof, &t.Proof}}
}

// payload encodes the ticket.
func (t *Ticket) payload() (*writer, error) {
	if t.Transfer>>digestBits != 0 {
		return nil, fmt.Errorf("%w: digest of more than %d bits", framing.ErrField, digestBits)
	}
	w := new(writer)
	w.put(version, versionBits)
	w.put(uint64(t.Transfer), digestBits)
	nothing := true
	for _, n := range t.Needs() {
		if err := n.Need.check(); err != nil {
			return nil, err
		}
		nothing = nothing && n.Need.None()
		switch {
		case n.Need.Whole:
			w.put(needWhole, needBits)
		case len(n.Need.Runs) > 0:
			w.put(needRuns, needBits)
		default:
			w.put(needNothing, needBits)
		}
	}
	if nothing {
		return nil, fmt.Errorf("%w: a ticket that asks for nothing", framing.ErrField)
	}
	for _, n := range t.Needs() {
		w.runs(n.Need.Runs)
		if w.bits > MaxBits {
			return nil, fmt.Errorf("%w: %d bits, at most %d", ErrLong, w.bits, MaxBits)
		}
	}
	return w, nil
}

// runs writes the runs of an object; none are not written.
func (w *writer) runs(runs []Run) {
	if len(runs) == 0 {
		return
	}
	if len(runs) > MaxBits { // each takes more than a bit: it is too long, whatever they are
		w.put(0, MaxBits+1)
		return
	}
	k, cost := riceFor(runs)
	if cost > MaxBits {
		w.put(0, MaxBits+1)
		return
	}
	w.gamma(uint64(len(runs)))
	w.put(uint64(k), riceBitsBits)
	next := uint64(0)
	for _, r := range runs {
		w.rice(uint64(r.First)-next, k)
		w.gamma(uint64(r.Last-r.First) + 1)
		next = uint64(r.Last) + 2
	}
}

// riceFor is the parameter that takes the fewest bits for the gaps, the smallest of those that do: the only one permitted.
func riceFor(runs []Run) (best int, cost uint64) {
	cost = math.MaxUint64
	for k := range maxRice + 1 {
		sum, next := uint64(0), uint64(0)
		for _, r := range runs {
			sum += riceBits(uint64(r.First)-next, k)
			next = uint64(r.Last) + 2
		}
		if sum < cost {
			best, cost = k, sum
		}
	}
	return best, cost
}

// overall is the check over all characters of the payload.
func overall(chars []byte) (check [checkChars]byte) {
	sum := sha256.Sum256(append([]byte(checkContext), chars...))
	all := binary.BigEndian.Uint32(sum[:]) >> (32 - checkChars*charBits)
	for i := range check {
		check[i] = byte(all>>(charBits*(checkChars-1-i))) & 31
	}
	return check
}

// Text writes a ticket in groups, as in "3M7Q2-9ZK0A-…". The error wraps [ErrLong] when there are too many.
func (t *Ticket) Text() (string, error) {
	w, err := t.payload()
	if err != nil {
		return "", fmt.Errorf("write ticket: %w", err)
	}
	check := overall(w.chars)
	return ofTicket.spell(append(w.chars, check[:]...)), nil
}

// Bits is how many bits a ticket says: those of its text that do not follow from others. The error is Text's.
func (t *Ticket) Bits() (int, error) {
	w, err := t.payload()
	if err != nil {
		return 0, err
	}
	return w.bits, nil
}

// Parse reads a ticket that a person typed or a file holds. Errors about the typing wrap [ErrTyped] and name the place;
// the others wrap the classes of package framing and mean that no Pawl wrote it.
func Parse(text string) (*Ticket, error) {
	data, err := ofTicket.read(text)
	if err != nil {
		return nil, fmt.Errorf("ticket: %w", err)
	}
	if len(data) <= checkChars {
		return nil, fmt.Errorf("ticket: %w", misplaced("its end is missing"))
	}
	chars, check := data[:len(data)-checkChars], [checkChars]byte(data[len(data)-checkChars:])
	if overall(chars) != check {
		return nil, fmt.Errorf("ticket: %w", misplaced("each group is right by itself but they do not belong together: is a group missing, doubled or of another ticket?"))
	}
	t, err := parse(chars)
	if err != nil {
		return nil, fmt.Errorf("ticket: %w", err)
	}
	return t, nil
}

// parse reads a payload, and refuses one that would be written in another way.
func parse(chars []byte) (*Ticket, error) {
	r := &reader{chars: chars}
	if v := r.get(versionBits); r.err == nil && v != version {
		return nil, fmt.Errorf("%w: %d, this program knows %d", framing.ErrVersion, v, version)
	}
	t := &Ticket{Transfer: Digest(r.get(digestBits))}
	var runs [3]bool
	for i, n := range t.Needs() {
		switch r.get(needBits) {
		case needNothing:
		case needWhole:
			n.Need.Whole = true
		case needRuns:
			runs[i] = true
		default:
			return nil, fmt.Errorf("%w: need of the %v", framing.ErrField, n.Object)
		}
	}
	for i, n := range t.Needs() {
		if !runs[i] {
			continue
		}
		var err error
		if n.Need.Runs, err = r.runs(); err != nil {
			return nil, fmt.Errorf("%w: runs of the %v", err, n.Object)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	again, err := t.payload()
	if err != nil {
		return nil, err
	}
	if string(again.chars) != string(chars) {
		return nil, framing.ErrCanonical
	}
	return t, nil
}

// runs reads the runs of one object.
func (r *reader) runs() ([]Run, error) {
	count, k := r.gamma(), int(r.get(riceBitsBits))
	if r.err != nil || count > uint64(r.left()) {
		return nil, framing.ErrSize // each takes more than one bit
	}
	runs := make([]Run, 0, count)
	next := uint64(0)
	for range count {
		first := next + r.rice(k)
		last := first + r.gamma() - 1
		if r.err != nil {
			return nil, r.err
		}
		if last > math.MaxUint32 {
			return nil, framing.ErrField
		}
		runs = append(runs, Run{uint32(first), uint32(last)})
		next = last + 2
	}
	return runs, nil
}
