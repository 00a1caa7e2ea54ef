package framing

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// testItem encodes v, whatever its shape, in deterministic CBOR.
func testItem(t testing.TB, v any) []byte {
	item, err := appendItem(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return item
}

var planMessage = message{
	name:  "plan",
	about: "Plan objects.",
	cases: planCases,
	parse: func(octets []byte) (map[string]any, []byte, error) {
		p, err := NewPlanReader(bytes.NewReader(octets), PlanLimits{})
		if err != nil {
			return nil, nil, err
		}
		head := p.Head()
		fields := say(head)
		again, err := AppendPlanHead(nil, &head)
		if err != nil {
			return nil, nil, err
		}
		var list []any
		for {
			e, err := p.Next()
			if err == io.EOF {
				fields["list"] = list
				return fields, again, nil
			} else if err != nil {
				return nil, nil, err
			}
			list = append(list, say(e))
			if again, err = AppendEntry(again, &e); err != nil {
				return nil, nil, err
			}
		}
	},
}

const testTime = 1_760_000_000_123_456_789

// planOf returns the octets of a plan of these entries, with a head that fits.
func planOf(t testing.TB, entries ...Entry) []byte {
	head := PlanHead{Channel: 1, Transfer: testTransfer, Created: 1_760_000_000, Name: entries[0].Path, Entries: uint64(len(entries))}
	for _, e := range entries {
		head.Content += e.Size
	}
	octets, err := AppendPlanHead(nil, &head)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if octets, err = AppendEntry(octets, &e); err != nil {
			t.Fatal(err)
		}
	}
	return octets
}

func dir(path string) Entry { return Entry{Path: path, Dir: true, ModTime: testTime} }

func file(path string, size uint64) Entry { return Entry{Path: path, Size: size, ModTime: testTime} }

// treeEntries is a tree in which the order of a plan differs from the order of
// the octets of the paths: '-', '.' and ' ' are below '/'.
func treeEntries() []Entry {
	return []Entry{
		dir("tree"), dir("tree/a"), file("tree/a/deep", 3), file("tree/a/empty", 0), file("tree/a b", 1),
		file("tree/a-b", 1), file("tree/a.b", 1), dir("tree/a~"), dir("tree/empty"),
		{Path: "tree/zz-run", Size: 1 << 40, ModTime: -1, Exec: true}, file("tree/ünïcödé 名前 🙂", 9),
	}
}

func planCases(t testing.TB) []vectorCase {
	var cases []vectorCase
	add := func(class, name, about string, parts ...[]byte) {
		cases = append(cases, vectorCase{name, about, class, bytes.Join(parts, nil), false})
	}
	head := func(i int, v any) []byte {
		a := []any{"pawl-plan", 1, 1, 5, 0, "x", 1, 1}
		a[i] = v
		return testItem(t, a)
	}
	entry := func(i int, v any) []byte {
		a := []any{"x", 0, 1, 0, false}
		a[i] = v
		return testItem(t, a)
	}
	goodHead, goodEntry := head(0, "pawl-plan"), entry(0, "x")
	good := append(bytes.Clone(goodHead), goodEntry...)

	add("", "one file", "", planOf(t, file("report.pdf", 1234)))
	add("", "one empty file", "there is no content object", planOf(t, file("empty", 0)))
	add("", "one empty directory", "", planOf(t, dir("empty")))
	add("", "tree", "order by components: what a directory holds comes before its longer neighbours", planOf(t, treeEntries()...))
	add("", "largest file", "", planOf(t, Entry{Path: "f", Size: MaxLength, ModTime: 1<<63 - 1}))
	add("", "longest path", "", planOf(t, longestPath()...))

	add("size", "nothing", "")
	add("size", "head cut off", "", goodHead[:len(goodHead)-1])
	add("size", "entry cut off", "", good[:len(good)-1])
	add("size", "item of 9000", "longer than an item may be", testItem(t, []any{strings.Repeat("x", 9000), 1, 1, 5, 0, "x", 1, 1}), goodEntry)
	add("size", "text of 4 GiB", "a length is only believed when the octets are there", []byte{0x88, 0x7a, 0xff, 0xff, 0xff, 0xff, 'p'})
	add("magic", "magic", "", head(0, "pawl-plaN"), goodEntry)
	add("version", "version 0", "", head(1, 0), goodEntry)
	add("version", "version 2", "", head(1, 2), goodEntry)
	add("field", "channel 0", "", head(2, 0), goodEntry)
	add("field", "transfer 0", "", head(3, 0), goodEntry)
	add("field", "no entries", "", head(6, 0))
	add("field", "content too long", "", head(7, uint64(1<<48)), goodEntry)
	add("name", "head with a path", "", head(5, "x/y"), goodEntry)
	add("name", "head with ..", "", head(5, ".."), goodEntry)
	add("field", "kind 2", "", goodHead, entry(1, 2))
	add("field", "file too long", "", goodHead, entry(2, uint64(1<<48)))
	add("field", "directory with a size", "", goodHead, entry(1, 1))
	add("field", "executable directory", "", head(7, 0), testItem(t, []any{"x", 1, 0, 0, true}))
	add("name", "absolute", "", goodHead, entry(0, "/x"))
	add("name", "up and out", "", head(6, 2), testItem(t, []any{"x", 1, 0, 0, false}), entry(0, "x/../../etc/passwd"))

	badItems(t, goodEntry, func(name, about string, item []byte) {
		add("canonical", "entry: "+name, about, goodHead, item)
	})
	badItems(t, goodHead, func(name, about string, item []byte) {
		add("canonical", "head: "+name, about, item, goodEntry)
	})
	add("canonical", "channel 65536", "", head(2, 65536), goodEntry)
	add("canonical", "kind 256", "", goodHead, entry(1, 256))
	add("canonical", "negative size", "", goodHead, entry(2, -1))
	add("canonical", "modification time 2^63", "", goodHead, entry(3, uint64(1<<63)))
	add("canonical", "0 for false", "", goodHead, entry(4, 0))
	add("canonical", "null for false", "", goodHead, entry(4, nil))
	add("canonical", "octets for a text", "", goodHead, entry(0, []byte("x")))

	add("order", "first is not the top", "", goodHead, entry(0, "y"))
	add("order", "second top", "", planOf(t, dir("x"), file("y", 1)))
	add("order", "twice", "", planOf(t, dir("x"), file("x/a", 1), file("x/a", 1)))
	add("order", "file and directory of one name", "", planOf(t, dir("x"), file("x/a", 1), dir("x/a")))
	add("order", "descending", "", planOf(t, dir("x"), file("x/b", 1), file("x/a", 1)))
	add("order", "ordered by octets", "'-' is below '/', but a directory's own come first", planOf(t, dir("x"), dir("x/a"), file("x/a-b", 1), file("x/a/c", 1)))
	add("order", "parent is missing", "", planOf(t, dir("x"), file("x/a/b", 1)))
	add("order", "parent only looks like it", "", planOf(t, dir("x"), dir("x/ab"), file("x/ab/c", 1), file("x/abc/d", 1)))
	add("order", "parent is a file", "", planOf(t, dir("x"), file("x/a", 1), file("x/a/b", 1)))
	add("order", "top is a file", "", planOf(t, file("x", 1), file("x/a", 1)))
	add("order", "parent comes later", "", planOf(t, dir("x"), file("x/a/b", 1), dir("x/a")))

	add("count", "no entry", "", goodHead)
	add("count", "an entry less", "", head(6, 2), goodEntry)
	add("count", "an entry more", "", good, goodEntry)
	add("count", "an octet more", "", good, []byte{0})
	add("count", "content one less", "", head(7, 0), goodEntry)
	add("count", "content one more", "", head(7, 2), goodEntry)
	return cases
}

// longestPath is a path of 4096 octets with the directories above it.
func longestPath() []Entry {
	var entries []Entry
	path := strings.Repeat("d", 199)
	for len(path) < maxPath-256 {
		entries = append(entries, dir(path))
		path += "/" + strings.Repeat("d", 199)
	}
	entries = append(entries, dir(path))
	return append(entries, file(path+"/"+strings.Repeat("f", maxPath-len(path)-1), 1))
}

// badItems tells add ways to spoil good, an array whose last elements are one
// octet long each.
func badItems(t testing.TB, good []byte, add func(name, about string, item []byte)) {
	n := int(good[0] - 0x80)
	add("an element less", "", append([]byte{byte(0x80 + n - 1)}, good[1:len(good)-1]...))
	add("an element more", "", append([]byte{byte(0x80 + n + 1)}, append(bytes.Clone(good[1:]), 0)...))
	add("array length not shortest", "", append([]byte{0x98, byte(n)}, good[1:]...))
	add("array without a length", "", append(append([]byte{0x9f}, good[1:]...), 0xff))
	add("tag", "", append([]byte{0xc6}, good...))
	add("map", "", append([]byte{byte(0xa0 + n/2)}, good[1:]...))
	add("null", "", []byte{0xf6})
	add("break", "", []byte{0xff})
	add("nested", "deeper than any item is", bytes.Repeat([]byte{0x81}, 6000))
	text := bytes.LastIndexByte(good, 'x')
	if text < 0 {
		t.Fatal("no text x in the item")
	}
	with := func(octets ...byte) []byte {
		return bytes.Join([][]byte{good[:text-1], octets, good[text+1:]}, nil)
	}
	add("text length not shortest", "", with(0x78, 1, 'x'))
	add("text without a length", "", with(0x7f, 0x61, 'x', 0xff))
	add("text is not UTF-8", "", with(0x61, 0xff))
	last := good[:len(good)-1]
	add("last element null", "", append(bytes.Clone(last), 0xf6))
	add("last element a float", "", append(bytes.Clone(last), 0xf9, 0x3c, 0))
	add("last element not shortest", "", append(bytes.Clone(last), 0x18, 1))
	add("last element a bignum", "", append(bytes.Clone(last), 0xc2, 0x41, 1))
}
