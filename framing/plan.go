package framing

import (
	"fmt"
	"io"
	"strings"
)

// planMagic and planVersion begin a plan's head.
const (
	planMagic   = "pawl-plan"
	planVersion = 1
)

// Kinds of entry on the wire.
const (
	kindFile = 0
	kindDir  = 1
)

// PlanHead is the first item of a plan: what is coming, in sum.
type PlanHead struct {
	Channel  uint16 // >= 1
	Transfer uint64 // >= 1
	Created  int64  // low side's clock, Unix seconds; information only
	Name     string // the one top-level name: a file, or the directory that holds all
	Entries  uint64 // entries that follow, >= 1
	Content  uint64 // octets of all files together, <= MaxLength
}

// Entry is one file or directory of a plan.
type Entry struct {
	Path    string // from the top-level name down, slashes between
	Dir     bool
	Size    uint64 // octets; 0 for a directory
	ModTime int64  // Unix nanoseconds
	Exec    bool   // executable bit of the owner; false for a directory
}

// wirePlanHead and wireEntry are the CBOR arrays of docs/wire.md.
type wirePlanHead struct {
	_        struct{} `cbor:",toarray"`
	Magic    string
	Version  uint64
	Channel  uint16
	Transfer uint64
	Created  int64
	Name     string
	Entries  uint64
	Content  uint64
}

type wireEntry struct {
	_       struct{} `cbor:",toarray"`
	Path    string
	Kind    uint8
	Size    uint64
	ModTime int64
	Exec    bool
}

func (h *PlanHead) check() error {
	switch {
	case h.Channel == 0:
		return fmt.Errorf("%w: channel of the plan is zero", ErrField)
	case h.Transfer == 0:
		return fmt.Errorf("%w: transfer of the plan is zero", ErrField)
	case h.Entries == 0:
		return fmt.Errorf("%w: plan has no entries", ErrField)
	case h.Content > MaxLength:
		return fmt.Errorf("%w: content of %d octets", ErrField, h.Content)
	}
	return CheckName(h.Name)
}

func (e *Entry) check() error {
	switch {
	case e.Size > MaxLength:
		return fmt.Errorf("%w: file of %d octets", ErrField, e.Size)
	case e.Dir && (e.Size != 0 || e.Exec):
		return fmt.Errorf("%w: directory with a size or an executable bit", ErrField)
	}
	return CheckPath(e.Path)
}

// AppendPlanHead appends the head of a plan to dst. A head that a reader would
// refuse is an error (ErrField, ErrName).
func AppendPlanHead(dst []byte, h *PlanHead) ([]byte, error) {
	if err := h.check(); err != nil {
		return dst, err
	}
	return appendItem(dst, &wirePlanHead{
		Magic: planMagic, Version: planVersion, Channel: h.Channel, Transfer: h.Transfer,
		Created: h.Created, Name: h.Name, Entries: h.Entries, Content: h.Content,
	})
}

// AppendEntry appends one entry of a plan to dst. An entry that a reader would
// refuse by itself is an error (ErrField, ErrName); order, parents and sums are
// the caller's to keep: the top first, then in the order of ComparePaths.
func AppendEntry(dst []byte, e *Entry) ([]byte, error) {
	if err := e.check(); err != nil {
		return dst, err
	}
	w := wireEntry{Path: e.Path, Size: e.Size, ModTime: e.ModTime, Exec: e.Exec}
	if e.Dir {
		w.Kind = kindDir
	}
	return appendItem(dst, &w)
}

// PlanLimits bounds what a reader accepts; zero means no bound but the
// format's. A plan beyond them is ErrLimit, found in its head.
type PlanLimits struct {
	Entries uint64 // entries
	Content uint64 // octets of all files together
}

// PlanReader reads a plan entry by entry, in memory that does not grow with
// the plan.
type PlanReader struct {
	items *sequence
	head  PlanHead
	entry wireEntry // reused: one entry at a time

	read    uint64 // entries read
	content uint64 // octets of the files read
	last    Entry  // entry before
	err     error  // first error, which stays
}

// NewPlanReader reads the head of a plan from r, which it reads ahead.
func NewPlanReader(r io.Reader, lim PlanLimits) (*PlanReader, error) {
	p := &PlanReader{items: newSequence(r)}
	var w wirePlanHead
	if _, err := p.items.next(&w); err == io.EOF {
		return nil, fmt.Errorf("plan head: %w: plan is empty", ErrSize)
	} else if err != nil {
		return nil, fmt.Errorf("plan head: %w", err)
	}
	switch {
	case w.Magic != planMagic:
		return nil, fmt.Errorf("plan head: %w: begins with %.80q", ErrMagic, w.Magic)
	case w.Version != planVersion:
		return nil, fmt.Errorf("plan head: %w: %d is not %d", ErrVersion, w.Version, planVersion)
	}
	p.head = PlanHead{
		Channel: w.Channel, Transfer: w.Transfer, Created: w.Created,
		Name: w.Name, Entries: w.Entries, Content: w.Content,
	}
	if err := p.head.check(); err != nil {
		return nil, fmt.Errorf("plan head: %w", err)
	}
	if lim.Entries != 0 && p.head.Entries > lim.Entries {
		return nil, fmt.Errorf("plan head: %w: %d entries, %d allowed", ErrLimit, p.head.Entries, lim.Entries)
	}
	if lim.Content != 0 && p.head.Content > lim.Content {
		return nil, fmt.Errorf("plan head: %w: %d octets, %d allowed", ErrLimit, p.head.Content, lim.Content)
	}
	return p, nil
}

// Head returns the plan's head.
func (p *PlanReader) Head() PlanHead { return p.head }

// Next returns the next entry. It returns io.EOF after the last one, and only
// when the whole plan was right: number of entries, order, parents, sum of
// sizes, and nothing after them. Any error stays.
func (p *PlanReader) Next() (Entry, error) {
	if p.err != nil {
		return Entry{}, p.err
	}
	e, err := p.next()
	if err != nil {
		if err != io.EOF {
			err = fmt.Errorf("plan entry %d: %w", p.read, err)
		}
		p.err = err
		return Entry{}, err
	}
	p.read++
	p.content += e.Size
	p.last = e
	return e, nil
}

func (p *PlanReader) next() (Entry, error) {
	if p.read == p.head.Entries {
		if p.content != p.head.Content {
			return Entry{}, fmt.Errorf("%w: files of %d octets, %d promised", ErrCount, p.content, p.head.Content)
		}
		return Entry{}, p.items.end()
	}
	p.entry = wireEntry{}
	if _, err := p.items.next(&p.entry); err == io.EOF {
		return Entry{}, fmt.Errorf("%w: plan ends before its %d entries", ErrCount, p.head.Entries)
	} else if err != nil {
		return Entry{}, err
	}
	w := &p.entry
	if w.Kind > kindDir {
		return Entry{}, fmt.Errorf("%w: kind %d", ErrField, w.Kind)
	}
	e := Entry{Path: w.Path, Dir: w.Kind == kindDir, Size: w.Size, ModTime: w.ModTime, Exec: w.Exec}
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	if err := p.checkPlace(e.Path); err != nil {
		return Entry{}, err
	}
	if e.Size > p.head.Content-p.content {
		return Entry{}, fmt.Errorf("%w: files of more than the %d octets promised", ErrCount, p.head.Content)
	}
	return e, nil
}

// checkPlace says whether path may follow the last entry. In the order of
// ComparePaths what a directory holds follows it without a gap, so the parent
// of path is an earlier entry exactly if it is the last entry, a directory, or
// one of the directories above the last entry. Nothing else need be remembered.
func (p *PlanReader) checkPlace(path string) error {
	if p.read == 0 {
		if path != p.head.Name {
			return fmt.Errorf("%w: first entry %.80q is not the top %.80q", ErrOrder, path, p.head.Name)
		}
		return nil
	}
	last := &p.last
	if ComparePaths(last.Path, path) >= 0 {
		return fmt.Errorf("%w: %.80q after %.80q", ErrOrder, path, last.Path)
	}
	slash := strings.LastIndexByte(path, '/')
	if slash < 0 {
		return fmt.Errorf("%w: second top %.80q", ErrOrder, path)
	}
	if !strings.HasPrefix(last.Path, path[:slash]) {
		return fmt.Errorf("%w: parent of %.80q is no entry before it", ErrOrder, path)
	}
	below := last.Path[slash:]
	if below == "" && !last.Dir || below != "" && below[0] != '/' {
		return fmt.Errorf("%w: parent of %.80q is no directory before it", ErrOrder, path)
	}
	return nil
}
