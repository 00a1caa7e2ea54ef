package audit_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"pawl/receiver/audit"
)

// TestNothingRidesAlong: a pack is its members and nothing else. Whatever is put before, between, behind or inside of them is refused, though the
// members are whole.
func TestNothingRidesAlong(t *testing.T) {
	m := newMany(t, 1000)
	data := m.pack(t)
	if _, err := verifyPack(data, m.key.Public()); err != nil {
		t.Fatal(err)
	}
	names, files := unzip(t, data)
	central := bytes.Index(data, []byte("PK\x01\x02"))
	second := 1 + bytes.Index(data[1:], []byte("PK\x03\x04"))
	for name, changed := range map[string][]byte{
		"before":                  append([]byte("#!/bin/sh\n"), data...),
		"behind":                  append(bytes.Clone(data), 0),
		"a comment":               comment(data),
		"between members":         wedge(data, second, central, []byte("junk")),
		"before the directory":    wedge(data, central, central, []byte("junk")),
		"by Go's writer":          plainZip(t, names, files),
		"a date in the directory": flip(data, central+14),
		"a date in a member":      flip(data, 12),
		"attributes":              flip(data, central+38),
		"who made it":             flip(data, central+5),
		"an extra field":          extra(t, names, files),
		"behind a stream's end":   slack(t, names, files),
	} {
		if _, err := verifyPack(changed, m.key.Public()); !errors.Is(err, audit.ErrPack) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, f := range read(t, data).File {
		if f.ModifiedDate != 1<<5|1 {
			t.Errorf("%s has no valid date: %v", f.Name, f.Modified)
		}
		if got := f.Modified.Format(time.DateOnly); got != "1980-01-01" {
			t.Errorf("%s is of %s", f.Name, got)
		}
	}
}

func read(t testing.TB, data []byte) *zip.Reader {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func flip(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 1
	return data
}

func comment(data []byte) []byte {
	data = append(bytes.Clone(data), "hi"...)
	data[len(data)-4] = 2
	return data
}

// wedge puts octets into the file at a place, and mends all offsets so that zip readers see the same members.
func wedge(data []byte, at, central int, junk []byte) []byte {
	data = append(append(bytes.Clone(data[:at]), junk...), data[at:]...)
	move := func(where int) {
		if was := binary.LittleEndian.Uint32(data[where:]); int(was) >= at {
			binary.LittleEndian.PutUint32(data[where:], was+uint32(len(junk)))
		}
	}
	entry := central + len(junk)
	for bytes.HasPrefix(data[entry:], []byte("PK\x01\x02")) {
		move(entry + 42)
		entry += 46 + int(binary.LittleEndian.Uint16(data[entry+28:]))
	}
	move(entry + 16)
	return data
}

func plainZip(t testing.TB, names []string, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range names {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func extra(t testing.TB, names []string, files map[string][]byte) []byte {
	return rezipWith(t, names, files, func(h *zip.FileHeader, packed []byte) []byte {
		h.Extra = []byte{0xfe, 0xca, 2, 0, 'h', 'i'}
		return packed
	})
}

func slack(t testing.TB, names []string, files map[string][]byte) []byte {
	return rezipWith(t, names, files, func(h *zip.FileHeader, packed []byte) []byte {
		packed = append(packed, strings.Repeat("junk", 100)...)
		h.CompressedSize64 = uint64(len(packed))
		return packed
	})
}
