package framing

import (
	"bytes"
	"encoding/hex"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestHeaderByHand holds the layout to docs/wire.md with octets written by hand.
func TestHeaderByHand(t *testing.T) {
	h := Header{
		Type: TypeSymbol, Channel: 0x0405, Object: ObjectContent, Code: 3, Session: 0x08090a0b0c0d0e0f,
		Packet: 0x1011121314151617, Transfer: 0x18191a1b1c1d1e1f, Length: 0x202122232425, Block: 0x26272829,
		MaxK: 0x2a2b, R: 0x2c2d, ESI: 0x2e2f,
	}
	want := "50570103" + "0405" + "02" + "03" + "08090a0b0c0d0e0f" + "1011121314151617" +
		"18191a1b1c1d1e1f" + "202122232425" + "26272829" + "2a2b" + "2c2d" + "2e2f"
	if got := hex.EncodeToString(AppendHeader(nil, &h)); got != want {
		t.Errorf("header is\n%s, want\n%s", got, want)
	}
}

func TestParseHeaderDoesNotAllocate(t *testing.T) {
	good := append(AppendHeader(nil, symbolHeader(func(*Header) {})), make([]byte, 1408+TagSize)...)
	bad := append(AppendHeader(nil, symbolHeader(func(h *Header) { h.ESI = 1000 })), make([]byte, 1408+TagSize)...)
	var h Header
	var errGood, errBad, errShort error
	n := testing.AllocsPerRun(1000, func() {
		errGood = ParseHeader(good, &h)
		errBad = ParseHeader(bad, &h)
		errShort = ParseHeader(good[:100], &h)
	})
	if n != 0 || errGood != nil || !errors.Is(errBad, ErrField) || !errors.Is(errShort, ErrSize) {
		t.Errorf("%v allocations; %v, %v, %v", n, errGood, errBad, errShort)
	}
	if h.ESI != 219 {
		t.Error("a refused header was written")
	}
	buffer := make([]byte, 0, HeaderSize)
	if n := testing.AllocsPerRun(1000, func() { buffer = AppendHeader(buffer[:0], &h) }); n != 0 {
		t.Errorf("AppendHeader: %v allocations", n)
	}
}

func TestSymbolSize(t *testing.T) {
	for _, c := range []struct {
		mtu  int
		ipv6 bool
		want int
	}{
		{1500, false, 1408}, {1500, true, 1344}, {9000, false, 8896}, {9000, true, 8832},
		{1372, false, 1280}, {1392, true, 1280}, {65535, false, 65408}, {65535, true, 65408}, {1 << 20, false, 65408},
		{1371, false, 0}, {1391, true, 0}, {0, false, 0}, {-1, true, 0},
	} {
		got, err := SymbolSize(c.mtu, c.ipv6)
		if got != c.want || (c.want == 0) != errors.Is(err, ErrSize) {
			t.Errorf("SymbolSize(%d, %v) = %d, %v; want %d", c.mtu, c.ipv6, got, err, c.want)
		}
	}
}

func TestSignedSessionCoversHeaderAndKeys(t *testing.T) {
	header := AppendHeader(nil, &Header{Type: TypeSession, Session: 7})
	payload := AppendSession(nil, testSessionMessage(), 1280)
	want := "pawl session v1\x00" + string(header) + string(payload[:1164])
	if got := SignedSession(header, payload); string(got) != want {
		t.Errorf("signed octets are %x, want %x", got, want)
	}
}

func TestLongestMessagesFit(t *testing.T) {
	payload, err := AppendBeat(nil, longestBeat(), MinSymbolSize)
	if err != nil || len(payload) != MinSymbolSize {
		t.Fatalf("%d octets: %v", len(payload), err)
	}
	head, err := AppendProofHead(nil, &ProofHead{
		Channel: 1<<16 - 1, Transfer: 1<<64 - 1, Aborted: true, PlanSize: MaxLength, Content: MaxLength,
		Path: longestPath()[len(longestPath())-1].Path, Reason: strings.Repeat("r", maxReason),
	})
	if err != nil || len(head) > maxItem {
		t.Fatalf("%d octets: %v", len(head), err)
	}
}

func TestAppendRefusesWhatParseRefuses(t *testing.T) {
	_, err := AppendBeat(nil, &Beat{Flights: make([]Flight, MaxFlights+1)}, 1280)
	if !errors.Is(err, ErrField) {
		t.Error(err)
	}
	if _, err = AppendBeat(nil, &Beat{Uptime: -time.Second}, 1280); !errors.Is(err, ErrField) {
		t.Error(err)
	}
	if _, err = AppendBeat(nil, &Beat{}, 1300); !errors.Is(err, ErrSize) {
		t.Error(err)
	}
	if _, err = AppendPlanHead(nil, &PlanHead{Channel: 1, Transfer: 1, Entries: 1, Name: "a/b"}); !errors.Is(err, ErrName) {
		t.Error(err)
	}
	if _, err = AppendEntry(nil, &Entry{Path: "a", Dir: true, Size: 1}); !errors.Is(err, ErrField) {
		t.Error(err)
	}
	if _, err = AppendProofHead(nil, &ProofHead{Channel: 1, Transfer: 1, PlanSize: 1, Aborted: true}); !errors.Is(err, ErrField) {
		t.Error(err)
	}
}

func TestAbortsReasonIsMadeFit(t *testing.T) {
	reason := "open \"a\nb\u202e\xff\"" + strings.Repeat("é", 1000)
	head, err := AppendProofHead(nil, &ProofHead{Channel: 1, Transfer: 1, PlanSize: 1, Aborted: true, Reason: reason})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProofReader(bytes.NewReader(head))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Head().Reason; !strings.HasPrefix(got, `open "a?b??"é`) || len(got) > maxReason {
		t.Errorf("reason is %q", got)
	}
}

func TestPlanLimits(t *testing.T) {
	plan := planOf(t, dir("x"), file("x/a", 5), file("x/b", 5))
	for _, c := range []struct {
		lim PlanLimits
		ok  bool
	}{
		{PlanLimits{}, true}, {PlanLimits{Entries: 3, Content: 10}, true},
		{PlanLimits{Entries: 2}, false}, {PlanLimits{Content: 9}, false},
	} {
		if _, err := readPlan(iotest.OneByteReader(bytes.NewReader(plan)), c.lim); (err == nil) != c.ok || !c.ok && !errors.Is(err, ErrLimit) {
			t.Errorf("limits %+v: %v", c.lim, err)
		}
	}
}

// TestClaimsAllocateNothing throws items at the readers that claim to be large:
// what is allocated is the window and no more.
func TestClaimsAllocateNothing(t *testing.T) {
	claims := []string{
		"9bffffffffffffffff", "9b0000000100000000", "887bffffffffffffffff", "887b0000000100000000", "887a7fffffff",
		"5b7fffffffffffffff", "bb0000000100000000", "89697061776c2d706c616e019a00ffffff", "8b" + "5a40000000", "9a00100000",
	}
	for _, claim := range claims {
		octets, err := hex.DecodeString(claim)
		if err != nil {
			t.Fatal(err)
		}
		octets = append(octets, bytes.Repeat([]byte{0x81}, 3*window)...)
		for name, read := range map[string]func() error{
			"plan":  func() error { _, err := NewPlanReader(bytes.NewReader(octets), PlanLimits{}); return err },
			"proof": func() error { _, err := NewProofReader(bytes.NewReader(octets)); return err },
			"beat": func() error {
				payload := append([]byte{0x04, 0xfe}, octets[:1278]...)
				_, err := ParseBeat(payload)
				return err
			},
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := read()
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; err == nil || grown > 4*window {
				t.Errorf("%s of %s: %d octets allocated, %v", name, claim, grown, err)
			}
			classOf(t, err)
		}
	}
}

func BenchmarkParseHeader(b *testing.B) {
	datagram := append(AppendHeader(nil, symbolHeader(func(*Header) {})), make([]byte, 1408+TagSize)...)
	var h Header
	b.ReportAllocs()
	for b.Loop() {
		if err := ParseHeader(datagram, &h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendHeader(b *testing.B) {
	h := symbolHeader(func(*Header) {})
	buffer := make([]byte, 0, HeaderSize)
	b.ReportAllocs()
	for b.Loop() {
		buffer = AppendHeader(buffer[:0], h)
	}
}
