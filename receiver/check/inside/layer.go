package inside

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// sniffed is how much a kind is judged by: a tar header.
const sniffed = 512

// magics begin the kinds that have such a thing. Those without a [layer] can't be looked into.
var magics = []struct {
	kind, magic string
}{
	{"zip", "PK\x03\x04"}, {"zip", "PK\x05\x06"}, {"zip", "PK\x07\x08"}, {"zip", "PK00PK"}, {"gzip", "\x1f\x8b"}, {"xz", "\xfd7zXZ\x00"}, {"zstd", "\x28\xb5\x2f\xfd"}, {"ar", "!<arch>\n"},
	{"bzip2", "BZh"},
	{"7z", "7z\xbc\xaf\x27\x1c"}, {"rar", "Rar!\x1a\x07"}, {"cab", "MSCF\x00\x00\x00\x00"}, {"lz4", "\x04\x22\x4d\x18"}, {"lzip", "LZIP\x01"},
	{"compress", "\x1f\x9d"}, {"cpio", "070701"}, {"cpio", "070702"}, {"cpio", "070707"}, {"rpm", "\xed\xab\xee\xdb"}, {"xar", "xar!\x00\x1c"},
	{"lzma", "\x5d\x00\x00"}, {"squashfs", "hsqs"}, {"lzop", "\x89LZO\x00"}, {"lrzip", "LRZI"}, {"wim", "MSWIM\x00\x00\x00"}, {"arj", "\x60\xea\x20\x00"}, {"ace", "\x00\x00\x00**ACE**"},
}

// OpaqueKinds are the archives that are known and can't be looked into.
func OpaqueKinds() []string {
	var all []string
	for _, m := range magics {
		if layer(m.kind) == nil && !slices.Contains(all, m.kind) {
			all = append(all, m.kind)
		}
	}
	return all
}

// sniff names the kind of archive that content begins as, "" for what is none.
func sniff(head []byte) string {
	for _, m := range magics {
		if !bytes.HasPrefix(head, []byte(m.magic)) {
			continue
		}
		// A text may begin with BZh: a block or the end must follow.
		if m.kind == "bzip2" && (len(head) < 10 || string(head[4:10]) != "\x31\x41\x59\x26\x53\x59" && string(head[4:10]) != "\x17\x72\x45\x38\x50\x90") {
			continue
		}
		return m.kind
	}
	if len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18" {
		return "zstd" // begins with a skippable frame
	}
	if isTar(head) {
		return "tar"
	}
	return ""
}

// layer opens the kinds that can be looked into, nil for the others; what it gives reads its layer to the end.
func layer(kind string) func(w *walker, in *bufio.Reader, at string, depth int) error {
	switch kind {
	case "zip":
		return (*walker).zip
	case "tar":
		return (*walker).tar
	case "ar":
		return (*walker).ar
	case "gzip":
		return single(func(in io.Reader) (io.Reader, error) { return gzip.NewReader(in) })
	case "bzip2":
		return single(func(in io.Reader) (io.Reader, error) { return bzip2.NewReader(in), nil })
	case "xz":
		return single(func(in io.Reader) (io.Reader, error) { return xz.NewReader(in) })
	case "zstd":
		return single(func(in io.Reader) (io.Reader, error) {
			return zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		})
	}
	return nil
}

// maxWindow bounds what a zstd stream may have us keep, in octets: what zstd -T0 --ultra -22 needs.
const maxWindow = 128 << 20

// single is the layer of a compressor, which holds one thing without a name.
func single(open func(io.Reader) (io.Reader, error)) func(*walker, *bufio.Reader, string, int) error {
	return func(w *walker, in *bufio.Reader, at string, depth int) error {
		out, err := open(in)
		if err != nil {
			return err
		}
		if closer, ok := out.(interface{ Close() }); ok {
			defer closer.Close()
		}
		return w.walk(unpacked{out, w}, at, depth)
	}
}

// ar reads the archive that a Debian package is: heads of 60 octets and content at even places.
func (w *walker) ar(in *bufio.Reader, at string, depth int) error {
	if _, err := in.Discard(len("!<arch>\n")); err != nil {
		return err
	}
	for {
		var head [60]byte
		_, err := io.ReadFull(in, head[:])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		size, err := strconv.ParseUint(strings.TrimRight(string(head[48:58]), " "), 10, 63)
		if err != nil || string(head[58:]) != "`\n" {
			return errors.New("damaged head")
		}
		name := strings.TrimRight(string(head[:16]), " ")
		if name != "/" && name != "//" {
			name = strings.TrimSuffix(name, "/")
			if strings.HasPrefix(name, "/") || strings.HasPrefix(name, "#1/") {
				return errors.New("long names are not read")
			}
		} else {
			name = "(index)"
		}
		place, err := w.member(at, name)
		if err != nil {
			return err
		}
		body := &io.LimitedReader{R: in, N: int64(size)}
		if err := w.walk(unpacked{body, w}, place, depth); err != nil {
			return err
		}
		if body.N > 0 {
			return io.ErrUnexpectedEOF
		}
		if size%2 == 1 {
			if _, err := in.Discard(1); err != nil && err != io.EOF {
				return err
			}
		}
	}
}
