package inside

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

var limits = ArchiveLimits{Entries: 100, Depth: 4, Ratio: 200, Total: 64 << 20}

func zipOf(t testing.TB, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		f, err := w.Create(members[i])
		if err == nil {
			_, err = io.WriteString(f, members[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipLink(t testing.TB) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "link", Method: zip.Deflate}
	h.SetMode(os.ModeSymlink | 0o777)
	f, err := w.CreateHeader(h)
	if err == nil {
		_, err = io.WriteString(f, "/etc/passwd")
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		text := h.Uname // the content, for brevity
		h.Uname, h.Size, h.Mode = "", int64(len(text)), 0o644
		err := w.WriteHeader(&h)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packed(t testing.TB, open func(io.Writer) (io.WriteCloser, error), data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	if err == nil {
		_, err = w.Write(data)
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gz(t testing.TB, data []byte) []byte {
	return packed(t, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }, data)
}

func zst(t testing.TB, data []byte) []byte {
	return packed(t, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }, data)
}

func xzOf(t testing.TB, data []byte) []byte {
	return packed(t, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }, data)
}

func file(name, text string) tar.Header { return tar.Header{Name: name, Uname: text} }

func spoil(data []byte, at int) []byte {
	data = bytes.Clone(data)
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 0x20
	return data
}

// archives are what the walker is asked, with what it must say; "" is a yes.
func archives(t testing.TB) map[string]struct {
	data []byte
	want string
} {
	good := zipOf(t, "a.txt", "hello", "d/", "", "d/b.txt", strings.Repeat("text ", 1000))
	zeros := make([]byte, 4<<20)
	nested := []byte("core")
	for range 5 {
		nested = zipOf(t, "n", string(nested))
	}
	many := []string{}
	for i := range 101 {
		many = append(many, fmt.Sprint(i), "")
	}
	link := func(kind byte, name, to string) tar.Header {
		return tar.Header{Typeflag: kind, Name: name, Linkname: to}
	}
	return map[string]struct {
		data []byte
		want string
	}{
		"text":           {[]byte("no archive"), ""},
		"empty":          {nil, ""},
		"zip":            {good, ""},
		"empty zip":      {zipOf(t), ""},
		"tar":            {tarOf(t, file("a", "x"), file("b/c", "y")), ""},
		"tar.gz":         {gz(t, tarOf(t, file("a", "x"))), ""},
		"tar.xz":         {xzOf(t, tarOf(t, file("a", "x"))), ""},
		"tar.zst":        {zst(t, tarOf(t, file("a", "x"))), ""},
		"zip in tar.gz":  {gz(t, tarOf(t, file("z.zip", string(good)))), ""},
		"zip up":         {zipOf(t, "../x", ""), "../x: path leads out of the archive"},
		"zip up windows": {zipOf(t, `a\..\..\x`, ""), "path leads out"},
		"zip absolute":   {zipOf(t, "/etc/cron.d/x", ""), "absolute path"},
		"zip drive":      {zipOf(t, "C:/x", ""), "drive letter"},
		"zip link":       {zipLink(t), "link: is a link"},
		"up, nested":     {gz(t, tarOf(t, file("in.zip", string(zipOf(t, "../x", ""))))), "in.zip!../x: path leads out"},
		"tar up":         {tarOf(t, file("a/../../x", "")), "path leads out"},
		"tar link":       {tarOf(t, link(tar.TypeSymlink, "l", "a")), "l: is a link"},
		"tar hard link":  {tarOf(t, link(tar.TypeLink, "l", "/etc/passwd")), "is a link"},
		"tar device":     {tarOf(t, link(tar.TypeChar, "l", "")), "neither file nor folder"},
		"zip bomb":       {zipOf(t, "0", string(zeros)), "more than 200 times its size"},
		"gzip bomb":      {gz(t, gz(t, zeros)), "more than 200 times its size"},
		"many":           {zipOf(t, many...), "more than 100 entries"},
		"deep":           {nested, "nested more than 4 deep"},
		"zip flipped":    {spoil(good, 40), "flate"},
		"directory lies": {spoil(good, -30), "different things"},
		"zip cut":        {good[:len(good)-30], "is not a sound zip"},
		"zip tail":       {append(bytes.Clone(good), "tail"...), "follow the end"},
		"tar tail":       {append(tarOf(t, file("a", "x")), "tail"...), "content after its end"},
		"gzip tail":      {append(gz(t, []byte("x")), "tail"...), "gzip"},
		"7z":             {[]byte("7z\xbc\xaf\x27\x1c rest"), "kind 7z, which can't be looked into"},
		"rar in zip":     {zipOf(t, "x", "Rar!\x1a\x07\x00"), "x: is an archive of kind rar"},
	}
}

func walk(l ArchiveLimits, data []byte) error {
	_, err := (&archiveEngine{limits: l}).file("", bytes.NewReader(data))
	return err
}

func TestArchives(t *testing.T) {
	for name, tc := range archives(t) {
		err := walk(limits, tc.data)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func TestLinksInside(t *testing.T) {
	l := limits
	l.Links = true
	link := func(kind byte, name, to string) tar.Header {
		return tar.Header{Typeflag: kind, Name: name, Linkname: to}
	}
	for want, headers := range map[string][]tar.Header{
		"":                   {file("a/b", "x"), link(tar.TypeSymlink, "a/l", "../a/b"), link(tar.TypeLink, "h", "a/b")},
		"leads out":          {link(tar.TypeSymlink, "a/l", "../../x")},
		"link leads out":     {link(tar.TypeSymlink, "l", "/etc")},
		"absolute path":      {link(tar.TypeLink, "l", "/etc/passwd")},
		"goes through":       {link(tar.TypeSymlink, "l", "."), file("l/x", "")},
		"path goes through":  {link(tar.TypeSymlink, "l", "d"), link(tar.TypeSymlink, "l/m", "../..")},
		"path leads out of ": {link(tar.TypeLink, "l", "../x")},
	} {
		if err := walk(l, tarOf(t, headers...)); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	l.Opaque = []string{"7z"}
	if err := walk(l, []byte("7z\xbc\xaf\x27\x1c rest")); err != nil {
		t.Error(err)
	}
}

// TestZipsThatSayTwoThings: what one program sees and another does not is refused.
func TestZipsThatSayTwoThings(t *testing.T) {
	one, two := zipOf(t, "good.txt", "good"), zipOf(t, "evil.exe", "evil")
	for name, data := range map[string][]byte{
		"two archives":       append(bytes.Clone(one), two...),
		"hidden member":      append(bytes.Clone(two[:bytes.Index(two, []byte("PK\x01\x02"))]), one...),
		"other name":         bytes.Replace(one, []byte("good.txt"), []byte("evil.exe"), 1),
		"encrypted":          spoilFlag(one, 1),
		"directory is empty": append(bytes.Clone(one[:bytes.Index(one, []byte("PK\x01\x02"))]), zipOf(t)...),
	} {
		if err := walk(limits, data); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func spoilFlag(data []byte, flag byte) []byte {
	data = bytes.Clone(data)
	data[6] |= flag
	return data
}

// TestOtherWriters: what the programs of this machine write is read.
func TestOtherWriters(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f.txt"), bytes.Repeat([]byte("some text\n"), 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, args := range [][]string{
		{"zip", "-q", "o", "f.txt"}, {"zip", "-q0", "o", "f.txt"}, {"tar", "cf", "o", "f.txt"}, {"tar", "czf", "o", "f.txt"}, {"tar", "cjf", "o", "f.txt"},
		{"tar", "cJf", "o", "f.txt"}, {"tar", "--zstd", "-cf", "o", "f.txt"}, {"tar", "--format=v7", "-cf", "o", "f.txt"}, {"ar", "r", "o", "f.txt"},
		{"python3", "-c", "import zipfile\nwith zipfile.ZipFile('o','w',zipfile.ZIP_BZIP2) as z:\n z.write('f.txt')\n with z.open('big','w',force_zip64=True) as f: f.write(b'x')"},
		{"jar", "cf", "o", "f.txt"},
	} {
		if _, err := exec.LookPath(args[0]); err != nil {
			continue
		}
		os.Remove(filepath.Join(dir, "o"))
		os.Remove(filepath.Join(dir, "o.zip"))
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Logf("%v: %v: %s", args, err, out)
			continue
		}
		ran++
		data, err := os.ReadFile(filepath.Join(dir, "o"))
		if err != nil {
			data, err = os.ReadFile(filepath.Join(dir, "o.zip"))
		}
		if err != nil {
			t.Fatal(err)
		}
		if sniff(data[:min(len(data), sniffed)]) == "" {
			t.Errorf("%v is taken for no archive", args)
		}
		if err := walk(limits, data); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	if ran == 0 {
		t.Skip("no program that makes archives is here")
	}
}

// TestBombIsCheap: a bomb is refused long before it is unpacked, in memory that does not grow.
func TestBombIsCheap(t *testing.T) {
	data := gz(t, make([]byte, 64<<20))
	if n := testing.AllocsPerRun(1, func() {
		if err := walk(limits, data); err == nil {
			t.Error("a bomb passes")
		}
	}); n > 1000 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzArchive(f *testing.F) {
	for _, tc := range archives(f) {
		if len(tc.data) < 64<<10 {
			f.Add(tc.data)
		}
	}
	l := limits
	l.Total = 4 << 20
	f.Fuzz(func(t *testing.T, data []byte) {
		err := walk(l, data)
		if err != nil && len(clean(err.Error())) > maxReason {
			t.Error("a reason that no reply takes")
		}
		// What the walker passes the library reads, and to the same members.
		if r, zipErr := zip.NewReader(bytes.NewReader(data), int64(len(data))); err == nil && sniff(data[:min(len(data), sniffed)]) == "zip" {
			if zipErr != nil && zipErr != zip.ErrInsecurePath {
				t.Errorf("archive/zip: %v", zipErr)
			}
			_ = r
		}
	})
}
