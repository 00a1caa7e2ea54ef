package quarantine

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestParseIDTable(t *testing.T) {
	good := map[string]ID{
		"1-019a2b3c4d5e6f70":     {1, 0x019a2b3c4d5e6f70},
		"65535-ffffffffffffffff": {65535, 0xffffffffffffffff},
		"7-0000000000000001":     {7, 1},
	}
	for text, want := range good {
		if got, err := ParseID(text); err != nil || got != want {
			t.Errorf("ParseID(%q) = %v, %v", text, got, err)
		}
	}
	bad := []string{
		"", "-", "1-", "1", "0-0000000000000001", "1-0000000000000000", "01-0000000000000001",
		"+1-0000000000000001", "1-000000000000000A", "1-00000000000000001", "1-000000000000001",
		"65536-0000000000000001", "1_0000000000000001", "1--000000000000001", "1-0000000000000001 ",
		" 1-0000000000000001", "1-+000000000000001", "../1-0000000000000001", "-1-0000000000000001",
		"1-0x00000000000001", "1-0_00000000000001",
	}
	for _, text := range bad {
		if got, err := ParseID(text); !errors.Is(err, ErrID) {
			t.Errorf("ParseID(%q) = %v, %v, want ErrID", text, got, err)
		}
	}
}

func TestParseIDReadsWhatStringWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := ID{rapid.Uint16Min(1).Draw(t, "channel"), rapid.Uint64Min(1).Draw(t, "transfer")}
		if got, err := ParseID(id.String()); err != nil || got != id {
			t.Fatalf("ParseID(%q) = %v, %v", id, got, err)
		}
	})
}

func FuzzParseID(f *testing.F) {
	f.Add("1-019a2b3c4d5e6f70")
	f.Add("65535-ffffffffffffffff")
	f.Add("01-0000000000000001")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseID(s); err == nil && (id.String() != s || !id.Valid()) {
			t.Fatalf("%q read as %q", s, id)
		}
	})
}
