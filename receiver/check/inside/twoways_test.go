package inside

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"
)

// zipWith is an archive of one member with what is set in its head, and a comment.
func zipWith(t *testing.T, h zip.FileHeader, comment string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	h.Method = zip.Deflate
	f, err := w.CreateHeader(&h)
	if err == nil {
		_, err = io.WriteString(f, "text")
	}
	if err == nil {
		err = w.SetComment(comment)
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func extra(id uint16, body []byte) []byte {
	return append(le.AppendUint16(le.AppendUint16(nil, id), uint16(len(body))), body...)
}

// named is the extra field of another name, as Info-ZIP writes it.
func named(name, second string) []byte {
	return extra(0x7075, append(le.AppendUint32([]byte{1}, crc32.ChecksumIEEE([]byte(name))), second...))
}

// TestSecondDirectory: a whole archive in the comment of another. Programs that look for the directory from the end see that one only.
func TestSecondDirectory(t *testing.T) {
	data := zipWith(t, zip.FileHeader{Name: "good.txt"}, string(zipOf(t, "evil program.exe", "evil")))
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(r.File) != 1 || r.File[0].Name != "evil program.exe" {
		t.Fatalf("archive/zip sees %+v, %v: this shows nothing", r, err)
	}
	wide := string(le.AppendUint32(nil, sigEnd64)) + strings.Repeat("\x00", 52) + string(le.AppendUint32(nil, sigLocator64)) + strings.Repeat("\x00", 16)
	for name, data := range map[string][]byte{
		"in the archive's comment": data,
		"in a member's comment":    zipWith(t, zip.FileHeader{Name: "good.txt", Comment: wide}, ""),
		"in an extra field":        zipWith(t, zip.FileHeader{Name: "good.txt", Extra: extra(0x9999, []byte(wide))}, ""),
	} {
		if err := walk(limits, data); err == nil || !strings.Contains(err.Error(), "a second end is hidden in it") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := walk(limits, zipWith(t, zip.FileHeader{Name: "good.txt", Comment: "a comment"}, "PK and no more")); err != nil {
		t.Errorf("comments: %v", err)
	}
	for name, at := range map[string]int{"members on this disk": 8, "disk": 4, "disk of the directory": 6} {
		data := zipOf(t, "a", "x")
		data[len(data)-22+at]++
		if err := walk(limits, data); err == nil {
			t.Errorf("%s: passes", name)
		}
	}
}

// TestZipExtraFields: a name or kind that some programs take from elsewhere.
func TestZipExtraFields(t *testing.T) {
	for _, tc := range []struct {
		name string
		h    zip.FileHeader
		want string
	}{
		{"same name", zip.FileHeader{Name: "a.txt", Extra: named("a.txt", "a.txt")}, ""},
		{"same name, other alphabet", zip.FileHeader{Name: "\x81bung.txt", NonUTF8: true, Extra: named("\x81bung.txt", "übung.txt")}, ""},
		{"leads out", zip.FileHeader{Name: "\x81.txt", NonUTF8: true, Extra: named("\x81.txt", "../../x")}, "path leads out"},
		{"another name", zip.FileHeader{Name: "a.txt", Extra: named("a.txt", "a.exe")}, "a.txt: has two names"},
		{"cut", zip.FileHeader{Name: "a.txt", Extra: extra(0x7075, []byte{1, 2})}, "damaged second name"},
		{"libarchive's kind", zip.FileHeader{Name: "a.txt", Extra: extra(0x6c78, make([]byte, 9))}, "what kind of file it is"},
		{"times", zip.FileHeader{Name: "a.txt", Extra: extra(0x5455, make([]byte, 5))}, ""},
	} {
		if err := walk(limits, zipWith(t, tc.h, "")); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
	// Info-ZIP makes links also of what Atari and BeOS wrote.
	for _, system := range []uint16{0, 3, 5, 16, 19, 30} {
		h := zip.FileHeader{Name: "l", ExternalAttrs: 0o120777 << 16, CreatorVersion: system << 8}
		if err := walk(limits, zipWith(t, h, "")); err == nil || !strings.Contains(err.Error(), "l: is a link") {
			t.Errorf("link of system %d: %v", system, err)
		}
	}
}

// rawTar is a header as it stands on a tape, with a right sum.
func rawTar(name, link string, kind byte, size int) []byte {
	head := make([]byte, 512)
	copy(head, name)
	copy(head[100:], "0000644\x000000000\x000000000\x00")
	copy(head[124:], fmt.Sprintf("%011o\x0000000000000\x00", size))
	head[156] = kind
	copy(head[157:], link)
	copy(head[257:], "ustar\x0000")
	return sumTar(head, "%06o\x00 ")
}

func sumTar(head []byte, format string) []byte {
	copy(head[148:], "        ")
	sum := 0
	for _, b := range head {
		sum += int(b)
	}
	copy(head[148:156], fmt.Sprintf(format, sum))
	return head
}

func pad(text string) []byte { return append([]byte(text), make([]byte, (512-len(text)%512)%512)...) }

func record(key, value string) string {
	n := len(key) + len(value) + 3
	for len(fmt.Sprint(n))+len(key)+len(value)+3 != n {
		n = len(fmt.Sprint(n)) + len(key) + len(value) + 3
	}
	return fmt.Sprintf("%d %s=%s\n", n, key, value)
}

// TestTarsInTwoWays: headers of which each program makes something else.
func TestTarsInTwoWays(t *testing.T) {
	end := make([]byte, 1024)
	pax := func(kind byte, records ...string) []byte {
		text := strings.Join(records, "")
		return slices.Concat(rawTar("pax", "", kind, len(text)), pad(text))
	}
	long := func(name string) []byte {
		return slices.Concat(rawTar("././@LongLink", "", 'L', len(name)+1), pad(name+"\x00"))
	}
	plain := slices.Concat(rawTar("a", "", '0', 1), pad("x"))
	sparse := slices.Concat(rawTar("GNUSparseFile.0/a", "", '0', 513), pad("1\n0\n1\n"), pad("x"))
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"plain":                   {slices.Concat(plain, end), ""},
		"a comment, as git's":     {slices.Concat(pax('g', record("comment", "0123")), plain, end), ""},
		"path":                    {slices.Concat(pax('x', record("path", "b")), plain, end), ""},
		"path for all":            {slices.Concat(pax('g', record("path", "b")), plain, end), `global header says "path"`},
		"size for all":            {slices.Concat(pax('g', record("size", "0")), plain, end), `global header says "size"`},
		"folder with a size":      {slices.Concat(rawTar("d/", "", '5', 512), plain, plain, end), "d/: a folder or link with a size"},
		"long name and path":      {slices.Concat(pax('x', record("path", "../evil")), long("good"), plain, end), "good: has two names"},
		"long name":               {slices.Concat(long("good"), plain, end), ""},
		"path that leads out":     {slices.Concat(pax('x', record("path", "../evil")), plain, end), "path leads out"},
		"sparse that leads out":   {slices.Concat(pax('x', record("GNU.sparse.major", "1"), record("GNU.sparse.minor", "0"), record("GNU.sparse.name", "../evil"), record("GNU.sparse.realsize", "1")), sparse, end), "../evil"},
		"sparse":                  {slices.Concat(pax('x', record("GNU.sparse.major", "1"), record("GNU.sparse.minor", "0"), record("GNU.sparse.name", "b"), record("GNU.sparse.realsize", "1")), sparse, end), ""},
		"two blocks of one entry": {slices.Concat(plain, end[:512], plain, end), "tar"},
	} {
		if err := walk(limits, tc.data); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// TestTarsAreKnown: what some tar takes for an archive is looked into, however its first header is written.
func TestTarsAreKnown(t *testing.T) {
	head := func() []byte { return rawTar("", "", 'L', 8) }
	rest := slices.Concat(pad("../evil\x00"), rawTar("a", "", '0', 0), make([]byte, 1024))
	signed := rawTar("\xff\xfe", "", '0', 0)
	sum := 0
	for i, b := range signed {
		if i >= 148 && i < 156 {
			b = ' '
		}
		sum += int(int8(b))
	}
	copy(signed[148:], fmt.Sprintf("%06o\x00 ", sum))
	binary := head()
	sum = 0
	copy(binary[148:], "        ")
	for _, b := range binary {
		sum += int(b)
	}
	copy(binary[148:], []byte{0x80, 0, 0, 0, 0, 0, byte(sum >> 8), byte(sum)})
	digits := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	base64 := head()
	copy(base64[148:], []byte{'+', 'A', 'A', 'A', 'A', digits[sum>>12], digits[sum>>6&63], digits[sum&63]})
	for name, first := range map[string][]byte{
		"no name": head(), "words after the sum": sumTar(head(), "%o\x00zz"), "a blank before": sumTar(head(), " %06o\x00"), "NUL before": sumTar(head(), "\x00%06o\x00"),
		"signed sum": signed, "binary sum": binary, "sum to the base of 64": base64,
	} {
		if !isTar(first) {
			t.Errorf("%s: is taken for no tar", name)
		}
		if name != "signed sum" {
			if err := walk(limits, slices.Concat(first, rest)); err == nil {
				t.Errorf("%s: passes", name)
			}
		}
	}
	for _, text := range []string{strings.Repeat("\x00", 512), strings.Repeat("7", 512), strings.Repeat("+/", 256), strings.Repeat(" ", 512)} {
		if isTar([]byte(text)) {
			t.Errorf("%.10q is taken for a tar", text)
		}
	}
	if got := sniff([]byte("PK00PK\x03\x04")); got != "zip" {
		t.Errorf("an archive of one volume is %q", got)
	}
}

// TestLinksThatLeadOutByLinks: each of them leads inside by its words.
func TestLinksThatLeadOutByLinks(t *testing.T) {
	l := limits
	l.Links = true
	symlink := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	hard := func(name, to string) tar.Header { return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: to} }
	for _, tc := range []struct {
		want    string
		headers []tar.Header
	}{
		{"c: is a second name of a link", []tar.Header{symlink("d/e/a", "../.."), hard("c", "d/e/a")}},
		{"c: is a second name of a link", []tar.Header{symlink("a", "d"), hard("c", "a/x")}},
		{"l: link leads down and up again", []tar.Header{symlink("p/q/a", "../.."), symlink("l", "p/q/a/..")}},
		{"", []tar.Header{file("d/x", "x"), symlink("d/e/l", "../x"), hard("c", "d/x"), symlink("m", "./d//x")}},
	} {
		if err := walk(l, tarOf(t, tc.headers...)); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, want %q", err, tc.want)
		}
	}
}

// TestSiblingsShareNoBuffer: members of members are read to their own end.
func TestSiblingsShareNoBuffer(t *testing.T) {
	inner := func(name string) string {
		return string(gz(t, tarOf(t, file(name, strings.Repeat(name, 100_000)), file("b", "x"))))
	}
	data := tarOf(t, file("1", inner("one")), file("2", inner("two")), file("3", inner("../three")))
	if err := walk(limits, data); err == nil || !strings.Contains(err.Error(), "3!../three: path leads out") {
		t.Errorf("%v", err)
	}
}
