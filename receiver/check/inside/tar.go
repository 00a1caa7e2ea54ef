package inside

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// isTar adds up the header's octets with the sum's field as spaces, as every tar does. What the field may look like is what the most lenient of
// them, GNU tar, takes: a header that only some would know for one must not pass as something else.
func isTar(head []byte) bool {
	if len(head) < 512 {
		return false
	}
	field := head[148:156]
	var plain, signed int64
	for i, b := range head[:512] {
		if i >= 148 && i < 156 {
			b = ' '
		}
		plain += int64(b)
		signed += int64(int8(b)) // of old programs
	}
	for _, want := range []int64{tarOctal(field), tarBinary(field), tarBase64(field)} {
		if want == plain || want == signed {
			return true
		}
	}
	return false
}

const noSum = -1 << 62

func tarOctal(field []byte) int64 {
	field = bytes.TrimLeft(bytes.TrimPrefix(field, []byte{0}), " \t\n\v\f\r")
	sum, digits := int64(0), 0
	for _, b := range field {
		if b < '0' || b > '7' {
			break
		}
		sum, digits = sum<<3|int64(b-'0'), digits+1
	}
	if digits == 0 {
		return noSum
	}
	return sum
}

// tarBinary is a number to the base of 256, whose first octet is 0x80.
func tarBinary(field []byte) int64 {
	if field[0] != 0x80 {
		return noSum
	}
	sum := int64(0)
	for _, b := range field[1:] {
		sum = sum<<8 | int64(b)
	}
	return sum
}

// tarBase64 is what some tar of the nineties wrote and GNU tar still reads: a sign and digits.
func tarBase64(field []byte) int64 {
	if field[0] != '+' && field[0] != '-' {
		return noSum
	}
	sum := int64(0)
	for _, b := range field[1:] {
		digit := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", b)
		if digit < 0 {
			break
		}
		sum = sum<<6 | int64(digit)
	}
	if field[0] == '-' {
		return -sum
	}
	return sum
}

func (w *walker) tar(in *bufio.Reader, at string, depth int) error {
	archive := tar.NewReader(in)
	links := map[string]bool{}
	for {
		head, err := archive.Next()
		if err == io.EOF {
			return zeros(in)
		}
		if err != nil {
			return err
		}
		place, err := w.member(at, head.Name)
		if err != nil {
			return err
		}
		if err := oneReading(head); err != nil {
			return &memberError{place, err}
		}
		if through(links, head.Name) {
			return &memberError{place, errors.New("path goes through a link of the archive")}
		}
		switch head.Typeflag {
		case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
			err = w.walk(unpacked{archive, w}, place, depth)
		case tar.TypeDir, tar.TypeXGlobalHeader:
		case tar.TypeSymlink, tar.TypeLink:
			err = w.tarLink(head, place, links)
		default:
			err = &memberError{place, fmt.Errorf("is neither file nor folder but of type %q", head.Typeflag)}
		}
		if err != nil {
			return err
		}
	}
}

// tarLink asks where a link leads and notes a symbolic one.
func (w *walker) tarLink(head *tar.Header, place string, links map[string]bool) error {
	hard := head.Typeflag == tar.TypeLink
	if !w.limits.Links {
		return &memberError{place, errors.New("is a link")}
	}
	if err := checkLink(head.Name, head.Linkname, hard); err != nil {
		return &memberError{place, err}
	}
	if hard {
		// A second name of a symbolic link is one too, and leads elsewhere where it lies elsewhere.
		if through(links, head.Linkname) {
			return &memberError{place, errors.New("is a second name of a link")}
		}
		return nil
	}
	if len(links) == maxLinks {
		return limitError(fmt.Sprintf("holds more than %d links", maxLinks))
	}
	links[path.Clean(head.Name)] = true
	return nil
}

// through says whether the path is a link of the archive or goes through one.
func through(links map[string]bool, name string) bool {
	for dir := path.Clean(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if links[dir] {
			return true
		}
	}
	return false
}

// oneReading refuses a header that two programs read in two ways, so that what one of them unpacks is not what was looked at here.
func oneReading(head *tar.Header) error {
	kind := head.Typeflag
	if kind == tar.TypeXGlobalHeader {
		// What it says is for all that follow, for some programs and not for others. git writes a comment.
		for key := range head.PAXRecords {
			switch key {
			case "comment", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname":
			default:
				return fmt.Errorf("a global header says %.40q", key)
			}
		}
		return nil
	}
	if head.Size != 0 && (kind == tar.TypeDir || kind == tar.TypeSymlink || kind == tar.TypeLink) {
		return errors.New("a folder or link with a size")
	}
	// Of two names, that of a PAX header and a long one of GNU tar's, each program takes another.
	for key, used := range map[string]string{"path": head.Name, "linkpath": head.Linkname} {
		said := head.PAXRecords[key]
		if _, sparse := head.PAXRecords["GNU.sparse.name"]; said == "" || said == used || sparse && key == "path" && checkInside(said) == nil {
			continue
		}
		return errors.New("has two names")
	}
	return nil
}

// zeros reads the padding after a tar archive; anything else there is hidden content.
func zeros(in *bufio.Reader) error {
	for {
		if _, err := in.Peek(1); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		p, err := in.Peek(in.Buffered())
		if err != nil {
			return err
		}
		for _, b := range p {
			if b != 0 {
				return errors.New("content after its end")
			}
		}
		if _, err := in.Discard(len(p)); err != nil {
			return err
		}
	}
}
