package inside

import (
	"bytes"
	"errors"
	"fmt"
)

var (
	errTwoWays   = errors.New("its directory and its members say different things")
	errSecondEnd = errors.New("a second end is hidden in it")
)

// hidesEnd says whether text holds what programs look for, from the end of the file, to find the directory: they could find another one there.
func hidesEnd(text []byte) bool {
	for _, sig := range []uint32{sigEnd, sigEnd64, sigLocator64} {
		if bytes.Contains(text, le.AppendUint32(nil, sig)) {
			return true
		}
	}
	return false
}

// directory reads the directory, whose first signature is given, and the end of the archive, and holds both against the members.
func (z *zipReader) directory(sig uint32, start uint64) error {
	for i := range z.members {
		if sig != sigDirectory {
			return errTwoWays
		}
		if err := z.entry(&z.members[i]); err != nil {
			return err
		}
		var err error
		if sig, err = z.u32(); err != nil {
			return err
		}
	}
	if sig == sigDirectory {
		return errTwoWays
	}
	return z.end(sig, start, z.pos-4-start)
}

// entry compares one entry of the directory, after its signature.
func (z *zipReader) entry(m *zipMember) error {
	head, err := z.bytes(42)
	if err != nil {
		return err
	}
	name, err := z.bytes(int(le.Uint16(head[24:])))
	if err != nil {
		return err
	}
	extra, err := z.bytes(int(le.Uint16(head[26:])))
	if err != nil {
		return err
	}
	comment, err := z.bytes(int(le.Uint16(head[28:])))
	if err != nil {
		return err
	}
	if hidesEnd(name) || hidesEnd(extra) || hidesEnd(comment) {
		return errSecondEnd
	}
	said := zipMember{name: string(name), method: le.Uint16(head[6:]), crc: le.Uint32(head[12:]), packed: uint64(le.Uint32(head[16:])),
		unpacked: uint64(le.Uint32(head[20:])), offset: uint64(le.Uint32(head[38:]))}
	if _, err := said.widen(extra, &said.offset); err != nil {
		return fmt.Errorf("%w: %w", errTwoWays, err)
	}
	if said != *m {
		return errTwoWays
	}
	if err := m.oneName(extra); err != nil {
		return &memberError{z.shown(m.name), err}
	}
	// The mode of a Unix system (4.4.15). A link's content is where it points. Which systems (4.4.2) have such modes each program decides for itself.
	if kind := le.Uint32(head[34:]) >> 16 & 0o170000; kind != 0 && kind != 0o100000 && kind != 0o040000 {
		what := errors.New("is neither file nor folder")
		if kind == 0o120000 {
			what = errors.New("is a link")
		}
		return &memberError{z.shown(m.name), what}
	}
	return nil
}

// shown names a member again, as walker.member did, without counting it.
func (z *zipReader) shown(name string) string {
	counting := walker{limits: ArchiveLimits{Entries: 1}}
	place, _ := counting.member(z.at, name)
	return place
}

// end reads what follows the directory of the given start and size.
func (z *zipReader) end(sig uint32, start, size uint64) error {
	count := uint64(len(z.members))
	if sig == sigEnd64 {
		if err := z.end64(count, start, size); err != nil {
			return err
		}
		z.wideEnd = true
		var err error
		if sig, err = z.u32(); err != nil {
			return err
		}
	}
	if sig != sigEnd {
		return fmt.Errorf("octets that belong to nothing at %d", z.pos-4)
	}
	tail, err := z.bytes(18)
	if err != nil {
		return err
	}
	comment, err := z.bytes(int(le.Uint16(tail[16:])))
	if err != nil {
		return err
	}
	if hidesEnd(comment) {
		return errSecondEnd
	}
	// The largest value stands for "see the wide end", which has been compared if it is there.
	fits := func(said, is, wide uint64) bool { return said == is || said == wide && z.wideEnd }
	switch {
	case le.Uint16(tail) != 0 && le.Uint16(tail) != 0xffff, le.Uint16(tail[2:]) != 0 && le.Uint16(tail[2:]) != 0xffff:
		return errors.New("is one of several volumes")
	case !fits(uint64(le.Uint16(tail[4:])), count, 0xffff), !fits(uint64(le.Uint16(tail[6:])), count, 0xffff), !fits(uint64(le.Uint32(tail[8:])), size, max32), !fits(uint64(le.Uint32(tail[12:])), start, max32):
		return errTwoWays
	}
	return nil
}

// end64 reads the wide end and its locator.
func (z *zipReader) end64(count, start, size uint64) error {
	at := z.pos - 4
	head, err := z.bytes(52)
	if err != nil {
		return err
	}
	if le.Uint64(head) != 44 || le.Uint64(head[20:]) != count || le.Uint64(head[28:]) != count || le.Uint64(head[36:]) != size || le.Uint64(head[44:]) != start {
		return errTwoWays
	}
	sig, err := z.u32()
	if err != nil {
		return err
	}
	locator, err := z.bytes(16)
	if err != nil {
		return err
	}
	if sig != sigLocator64 || le.Uint64(locator[4:]) != at {
		return errTwoWays
	}
	return nil
}
