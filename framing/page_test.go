package framing

import (
	"encoding/binary"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func wirePage(t *testing.T) string {
	page, err := os.ReadFile("../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// section returns what docs/wire.md says under a heading.
func section(t *testing.T, heading string) string {
	_, rest, found := strings.Cut(wirePage(t), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/wire.md has no section %q", heading)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// TestPageHeaderTable holds the page's table to the code: each field fills
// exactly its octets.
func TestPageHeaderTable(t *testing.T) {
	set := map[string]func(h *Header){
		"type":     func(h *Header) { h.Type = 1<<8 - 1 },
		"channel":  func(h *Header) { h.Channel = 1<<16 - 1 },
		"object":   func(h *Header) { h.Object = 1<<8 - 1 },
		"code":     func(h *Header) { h.Code = 1<<8 - 1 },
		"session":  func(h *Header) { h.Session = 1<<64 - 1 },
		"packet":   func(h *Header) { h.Packet = 1<<64 - 1 },
		"transfer": func(h *Header) { h.Transfer = 1<<64 - 1 },
		"length":   func(h *Header) { h.Length = MaxLength },
		"block":    func(h *Header) { h.Block = 1<<32 - 1 },
		"maxk":     func(h *Header) { h.MaxK = 1<<16 - 1 },
		"r":        func(h *Header) { h.R = 1<<16 - 1 },
		"esi":      func(h *Header) { h.ESI = 1<<16 - 1 },
	}
	end, seen := 0, 0
	row := regexp.MustCompile(`(?m)^\| (\d+) \| (\d+) \| (\w+) \|`)
	for _, m := range row.FindAllStringSubmatch(section(t, "Header"), -1) {
		offset, _ := strconv.Atoi(m[1])
		size, _ := strconv.Atoi(m[2])
		if offset != end {
			t.Errorf("%s is at %d, the field before ends at %d", m[3], offset, end)
		}
		end = offset + size
		change := set[m[3]]
		if change == nil {
			continue // magic and version: in every vector
		}
		seen++
		var h Header
		change(&h)
		octets := AppendHeader(nil, &h)
		for i := 3; i < len(octets); i++ {
			if inside := offset <= i && i < end; inside != (octets[i] == 0xff) {
				t.Errorf("%s: octet %d is %#x", m[3], i, octets[i])
			}
		}
	}
	if seen != len(set) || end != HeaderSize {
		t.Errorf("the table has %d of %d fields and ends at %d", seen, len(set), end)
	}
}

func TestPageSessionTable(t *testing.T) {
	text := section(t, "Session")
	for _, want := range []string{
		"| 4 | 8 | issued", "| 12 | 1120 | enc", "| 1132 | 32 | sender", "| 1164 | 64 | signature", "| 1228 | T - 1228 | padding",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q", want)
		}
	}
	s := testSessionMessage()
	payload := AppendSession(nil, s, 1280)
	if [encSize]byte(payload[12:1132]) != s.Enc || [32]byte(payload[1132:1164]) != s.Sender ||
		[64]byte(payload[1164:1228]) != s.Signature || binary.BigEndian.Uint64(payload[4:]) != testSession {
		t.Error("the code has another layout")
	}
}

// TestPageClasses holds that every class of the code and of the vectors is on
// the page as one that has vectors.
func TestPageClasses(t *testing.T) {
	text := section(t, "Rejecting")
	for _, class := range classes {
		if !regexp.MustCompile(`(?m)^\| ` + class.Error() + ` \| .* \| yes \|$`).MatchString(text) {
			t.Errorf("class %v is not in the table", class)
		}
		found := false
		for _, m := range messages() {
			for _, v := range loadVectors(t, m.name) {
				found = found || v.Class == class.Error()
			}
		}
		if !found {
			t.Errorf("class %v has no vector", class)
		}
	}
}

// TestPageSymbolSizes holds the table of MTUs to SymbolSize.
func TestPageSymbolSizes(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| (\d+) \| (\d+|too small) \|$`).FindAllStringSubmatch(section(t, "Datagram"), -1)
	if len(rows) < 4 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, m := range rows {
		mtu, _ := strconv.Atoi(m[1])
		for i, ipv6 := range []bool{false, true} {
			want := m[2+i]
			got, err := SymbolSize(mtu, ipv6)
			if (err != nil) != (want == "too small") || err == nil && strconv.Itoa(got) != want {
				t.Errorf("mtu %d, ipv6 %v: %d, %v; the page says %s", mtu, ipv6, got, err, want)
			}
		}
	}
}
