package inside

import (
	"bufio"
	"compress/bzip2"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// A zip archive says everything twice: before each member and in the directory at its end. Programs differ in which they believe, and
// archives that say two things are how content gets past a scanner. So the archive is read as a stream, member after
// member without gaps, and then the directory must say the same about the same members in the same order, and nothing else
// may be there. What honest writers make is so. Layout: APPNOTE.TXT 6.3.10, by section.

const (
	sigMember     = 0x04034b50 // 4.3.7
	sigDescriptor = 0x08074b50 // 4.3.9
	sigDirectory  = 0x02014b50 // 4.3.12
	sigEnd        = 0x06054b50 // 4.3.16
	sigEnd64      = 0x06064b50 // 4.3.14
	sigLocator64  = 0x07064b50 // 4.3.15

	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3
	flagPatch      = 1 << 5
	flagStrong     = 1 << 6
	flagMasked     = 1 << 13

	methodStored  = 0
	methodDeflate = 8
	methodBzip2   = 12

	max32 = 0xffffffff
)

// zipMember is what both places say of a member.
type zipMember struct {
	name             string
	method           uint16
	crc              uint32
	packed, unpacked uint64
	offset           uint64
}

// zipReader is a zip archive as a stream.
type zipReader struct {
	w       *walker
	in      *bufio.Reader
	pos     uint64
	at      string
	depth   int
	members []zipMember // bounded by the limit of entries
	wideEnd bool
}

func (w *walker) zip(in *bufio.Reader, at string, depth int) error {
	z := &zipReader{w: w, in: in, at: at, depth: depth}
	for {
		offset := z.pos
		sig, err := z.u32()
		if err != nil {
			return err
		}
		if sig != sigMember {
			return z.directory(sig, offset)
		}
		if err := z.member(offset); err != nil {
			return err
		}
	}
}

func (z *zipReader) bytes(n int) ([]byte, error) {
	p := make([]byte, n)
	read, err := io.ReadFull(z.in, p)
	z.pos += uint64(read)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return p, err
}

func (z *zipReader) u32() (uint32, error) {
	p, err := z.bytes(4)
	return binary.LittleEndian.Uint32(p), err
}

// Read and ReadByte count what a decompressor takes, which is not one octet too many.
func (z *zipReader) Read(p []byte) (int, error) {
	n, err := z.in.Read(p)
	z.pos += uint64(n)
	return n, err
}

func (z *zipReader) ReadByte() (byte, error) {
	b, err := z.in.ReadByte()
	if err == nil {
		z.pos++
	}
	return b, err
}

var le = binary.LittleEndian

// member reads a member's head (after its signature), content and descriptor.
func (z *zipReader) member(offset uint64) error {
	head, err := z.bytes(26)
	if err != nil {
		return err
	}
	flags := le.Uint16(head[2:])
	m := zipMember{method: le.Uint16(head[4:]), crc: le.Uint32(head[10:]), packed: uint64(le.Uint32(head[14:])), unpacked: uint64(le.Uint32(head[18:])), offset: offset}
	name, err := z.bytes(int(le.Uint16(head[22:])))
	if err != nil {
		return err
	}
	extra, err := z.bytes(int(le.Uint16(head[24:])))
	if err != nil {
		return err
	}
	m.name = string(name)
	place, err := z.w.member(z.at, m.name)
	if err != nil {
		return err
	}
	wide, err := m.widen(extra, nil)
	if err == nil {
		err = m.oneName(extra)
	}
	if err != nil {
		return &memberError{place, err}
	}
	if flags&(flagEncrypted|flagStrong|flagMasked) != 0 {
		return &memberError{place, errors.New("is encrypted and can't be looked into")}
	}
	if flags&flagPatch != 0 {
		return &memberError{place, errors.New("is patched data")}
	}
	if err := z.content(&m, flags&flagDescriptor != 0, wide, place); err != nil {
		return err
	}
	z.members = append(z.members, m)
	return nil
}

// content lets a member's content go by and makes sure that it is what the head and the descriptor say.
func (z *zipReader) content(m *zipMember, described, wide bool, place string) error {
	bad := func(format string, args ...any) error { return &memberError{place, fmt.Errorf(format, args...)} }
	start := z.pos
	var packed io.Reader = z
	if !described {
		packed = &exact{z, m.packed}
	} else if m.method != methodDeflate && (m.method != methodStored || !strings.HasSuffix(m.name, "/")) {
		return bad("its end can't be found: written as a stream without compression")
	}
	var out io.Reader
	switch m.method {
	case methodStored:
		if out = packed; described {
			out = strings.NewReader("")
		}
	case methodDeflate:
		inflate := flate.NewReader(packed)
		defer inflate.Close()
		out = inflate
	case methodBzip2:
		out = bzip2.NewReader(packed)
	default:
		return bad("is compressed by method %d, which can't be looked into", m.method)
	}
	sum := &summed{r: unpacked{out, z.w}, crc: crc32.NewIEEE()}
	if err := z.w.walk(sum, place, z.depth); err != nil {
		return inside(place, err)
	}
	used := z.pos - start
	if described {
		if err := z.descriptor(m, wide); err != nil {
			return inside(place, err)
		}
	}
	switch {
	case used != m.packed:
		return bad("%d bytes in the archive, %d in its head", used, m.packed)
	case sum.n != m.unpacked:
		return bad("unpacks to %d bytes, %d in its head", sum.n, m.unpacked)
	case sum.crc.Sum32() != m.crc:
		return bad("checksum mismatch")
	}
	return nil
}

// exact gives n octets of a member, by the byte where the decompressor asks so.
type exact struct {
	z    *zipReader
	left uint64
}

func (e *exact) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.z.Read(p[:min(uint64(len(p)), e.left)])
	e.left -= uint64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (e *exact) ReadByte() (byte, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	b, err := e.z.ReadByte()
	if err == nil {
		e.left--
	}
	return b, err
}

type summed struct {
	r   io.Reader
	crc interface {
		io.Writer
		Sum32() uint32
	}
	n uint64
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += uint64(n)
	s.crc.Write(p[:n])
	return n, err
}

// descriptor reads what follows a member whose writer did not know its size before. The signature is optional by the letter, and
// written by everybody.
func (z *zipReader) descriptor(m *zipMember, wide bool) error {
	sig, err := z.u32()
	if err != nil {
		return err
	}
	if sig != sigDescriptor {
		return errors.New("no descriptor after its content")
	}
	size := 12
	if wide {
		size = 20
	}
	body, err := z.bytes(size)
	if err != nil {
		return err
	}
	m.crc = le.Uint32(body)
	if wide {
		m.packed, m.unpacked = le.Uint64(body[4:]), le.Uint64(body[12:])
	} else {
		m.packed, m.unpacked = uint64(le.Uint32(body[4:])), uint64(le.Uint32(body[8:]))
	}
	return nil
}
