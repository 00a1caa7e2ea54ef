package audit

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"io"
)

// The zip file has one form: the members and nothing before, between or after them, no comment, no extra fields, one date. What is read is written again
// from the same compressed bytes, and must come out the same: so that nobody carries something else along in a file that verifies.

const (
	// zipDate is 1980-01-01, the first day of the format: when the files of a pack were made is in their entries. In MS-DOS form.
	zipDate = 1<<5 | 1
	// zipVersion is what unpacks deflated members, 2.0 (APPNOTE 4.4.3).
	zipVersion = 20
)

// member makes the one header that a member can have.
func member(name string, data []byte, compressed int) *zip.FileHeader {
	return &zip.FileHeader{
		Name: name, Method: zip.Deflate, ReaderVersion: zipVersion, CRC32: crc32.ChecksumIEEE(data), CompressedSize64: uint64(compressed), UncompressedSize64: uint64(len(data)),
		ModifiedDate: zipDate, //lint:ignore SA1019 a raw member has no other date
	}
}

// writeZip writes the files of a pack.
func writeZip(w io.Writer, files map[string][]byte) error {
	out := zip.NewWriter(w)
	for _, f := range packFiles {
		data, there := files[f.name]
		if !there {
			continue
		}
		var small bytes.Buffer
		squeeze, err := flate.NewWriter(&small, flate.DefaultCompression)
		if err != nil {
			return err
		}
		if _, err := squeeze.Write(data); err != nil {
			return err
		}
		if err := squeeze.Close(); err != nil {
			return err
		}
		if err := putRaw(out, member(f.name, data, small.Len()), &small); err != nil {
			return err
		}
	}
	return out.Close()
}

func putRaw(out *zip.Writer, head *zip.FileHeader, compressed io.Reader) error {
	into, err := out.CreateRaw(head)
	if err != nil {
		return err
	}
	_, err = io.Copy(into, compressed)
	return err
}

// readZip reads a pack's files: the known ones, each once, in order, within bounds, and nothing else.
func readZip(r io.ReaderAt, size int64) (map[string][]byte, error) {
	in, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: not a zip file: %w", ErrPack, err)
	}
	if in.Comment != "" || len(in.File) > len(packFiles) {
		return nil, fmt.Errorf("%w: it has a comment or too many files", ErrPack)
	}
	files, rest := map[string][]byte{}, packFiles
	same := &comparer{with: r}
	again := zip.NewWriter(same)
	for _, f := range in.File {
		for len(rest) > 0 && rest[0].name != f.Name && !rest[0].must {
			rest = rest[1:]
		}
		if len(rest) == 0 || rest[0].name != f.Name {
			return nil, fmt.Errorf("%w: %.80q has no place there", ErrPack, f.Name)
		}
		if files[f.Name], err = readMember(f, rest[0].limit, again); err != nil {
			return nil, err
		}
		rest = rest[1:]
	}
	for _, f := range rest {
		if f.must {
			return nil, fmt.Errorf("%w: %s is missing", ErrPack, f.name)
		}
	}
	if err := again.Close(); err != nil || same.differs || same.at != size {
		return nil, fmt.Errorf("%w: something is in the zip file beside its members, or an earlier version wrote it: then have it written again", ErrPack)
	}
	return files, nil
}

// readMember reads a member, and writes it again.
func readMember(f *zip.File, limit int64, again *zip.Writer) ([]byte, error) {
	wrong := func(err error) error { return fmt.Errorf("%w: %s: %w", ErrPack, f.Name, err) }
	if f.Method != zip.Deflate || f.CompressedSize64 > uint64(limit)+maxSlack {
		return nil, fmt.Errorf("%w: %s is larger than %d bytes, or packed in another way", ErrPack, f.Name, limit)
	}
	raw, err := f.OpenRaw()
	if err != nil {
		return nil, wrong(err)
	}
	small, err := io.ReadAll(raw)
	if err != nil {
		return nil, wrong(err)
	}
	from := bytes.NewReader(small) // a ByteReader: nothing is read beyond the end of the stream
	data, err := io.ReadAll(io.LimitReader(flate.NewReader(from), limit+1))
	switch {
	case err != nil:
		return nil, wrong(err)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("%w: %s is larger than %d bytes", ErrPack, f.Name, limit)
	case from.Len() > 0:
		return nil, fmt.Errorf("%w: %s: something follows its end", ErrPack, f.Name)
	}
	return data, putRaw(again, member(f.Name, data, len(small)), bytes.NewReader(small))
}

// maxSlack is by how much a member that can't be compressed may grow: a few octets for each stored block.
const maxSlack = 1 << 20

// comparer is given what a file must be, from its beginning, and compares.
type comparer struct {
	with    io.ReaderAt
	at      int64
	differs bool
	buf     []byte
}

// Write never fails: whether all was the same is asked at the end.
func (c *comparer) Write(p []byte) (int, error) {
	if cap(c.buf) < len(p) {
		c.buf = make([]byte, len(p))
	}
	n, err := c.with.ReadAt(c.buf[:len(p)], c.at)
	c.differs = c.differs || n < len(p) || n == len(p) && err != nil && err != io.EOF || !bytes.Equal(c.buf[:n], p)
	c.at += int64(len(p))
	return len(p), nil
}
