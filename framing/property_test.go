package framing

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// naiveCompare is what ComparePaths means.
func naiveCompare(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "/"), strings.Split(b, "/"), cmp.Compare)
}

func TestHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Header{
			Type:    rapid.SampledFrom([]Type{TypeSession, TypeBeat, TypeSymbol}).Draw(t, "type"),
			Session: rapid.Uint64Min(1).Draw(t, "session"),
			Packet:  rapid.Uint64().Draw(t, "packet"),
		}
		if h.Type == TypeSymbol {
			h.Channel = rapid.Uint16Min(1).Draw(t, "channel")
			h.Object = Object(rapid.IntRange(1, 3).Draw(t, "object"))
			h.Code = uint8(rapid.IntRange(1, 4).Draw(t, "code"))
			h.Transfer = rapid.Uint64Min(1).Draw(t, "transfer")
			h.Length = rapid.Uint64Range(1, MaxLength).Draw(t, "length")
			h.Block = rapid.Uint32().Draw(t, "block")
			h.MaxK = rapid.Uint16Min(1).Draw(t, "maxk")
			if h.Code != codeNone {
				h.R = rapid.Uint16().Draw(t, "r")
			}
			h.ESI = uint16(rapid.IntRange(0, min(int(h.MaxK)+int(h.R)-1, 1<<16-1)).Draw(t, "esi"))
		}
		payload := make([]byte, MinSymbolSize+TagSize)
		datagram := append(AppendHeader(nil, &h), payload...)
		var got Header
		if err := ParseHeader(datagram, &got); err != nil {
			t.Fatal(err)
		}
		if got != h {
			t.Fatalf("%+v came back as %+v", h, got)
		}
	})
}

func TestSessionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Session{Mode: 2, Link: rapid.Uint8().Draw(t, "link"), Issued: rapid.Int64().Draw(t, "issued")}
		if rapid.Bool().Draw(t, "sealed") {
			s.Mode = 1
			copy(s.Enc[:], rapid.SliceOfN(rapid.Byte(), 1, encSize).Draw(t, "enc"))
			copy(s.Sender[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "sender"))
			copy(s.Signature[:], rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "signature"))
		}
		symbolSize := 64 * rapid.IntRange(20, 1022).Draw(t, "symbol size")
		payload := AppendSession(nil, &s, symbolSize)
		got, err := ParseSession(payload)
		if err != nil || got != s || len(payload) != symbolSize {
			t.Fatalf("%+v came back as %+v: %v", s, got, err)
		}
	})
}

// name draws a name that may be carried.
func name() *rapid.Generator[string] {
	runes := rapid.SampledFrom([]rune("abcxyz019-. ~_+é名🙂"))
	return rapid.StringOfN(runes, 1, 12, 255).Filter(func(s string) bool { return CheckName(s) == nil })
}

func TestBeatRoundTrip(t *testing.T) {
	flight := rapid.Custom(func(t *rapid.T) Flight {
		return Flight{
			Channel: rapid.Uint16Min(1).Draw(t, "channel"), Transfer: rapid.Uint64Min(1).Draw(t, "transfer"),
			State: FlightState(rapid.IntRange(1, 3).Draw(t, "state")), Pass: rapid.Uint8().Draw(t, "pass"),
			Passes: rapid.Uint8().Draw(t, "passes"), Length: rapid.Uint64Max(MaxLength).Draw(t, "length"),
			Sent: rapid.Uint64().Draw(t, "sent"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Uint64()
		b := Beat{
			Clock:  rapid.Int64().Draw(t, "clock"),
			Uptime: time.Duration(rapid.Uint64Max(maxSpan).Draw(t, "uptime")) * time.Millisecond,
			Queue:  number.Draw(t, "queue"), QueueBytes: number.Draw(t, "queue bytes"), Packets: number.Draw(t, "packets"),
			Bytes: number.Draw(t, "bytes"), Sent: number.Draw(t, "sent"), Aborted: number.Draw(t, "aborted"),
			Rate: number.Draw(t, "rate"), Version: name().Draw(t, "version"),
			Flights: rapid.SliceOfN(flight, 0, MaxFlights).Draw(t, "flights"),
		}
		span := rapid.Uint64Max(maxSpan)
		b.Oldest = time.Duration(span.Draw(t, "oldest")) * time.Millisecond
		b.Burst = time.Duration(span.Draw(t, "burst")) * time.Millisecond
		b.FaultAge = time.Duration(span.Draw(t, "fault age")) * time.Millisecond
		b.Refused, b.Room, b.LogSize = number.Draw(t, "refused"), number.Draw(t, "room"), number.Draw(t, "log size")
		b.Loss, b.Fault = rapid.Uint32Max(million).Draw(t, "loss"), name().Filter(func(s string) bool { return len(s) <= maxFault }).Draw(t, "fault")
		copy(b.LogRoot[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "log root"))
		copy(b.Config[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "config"))
		payload, err := AppendBeat(nil, &b, MinSymbolSize)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseBeat(payload)
		if err != nil {
			t.Fatal(err)
		}
		same := slices.Equal(got.Flights, b.Flights)
		again, err := AppendBeat(nil, &got, MinSymbolSize)
		if !same || err != nil || !bytes.Equal(again, payload) {
			t.Fatalf("%+v came back as %+v: %v", b, got, err)
		}
	})
}

func TestProofRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := ProofHead{
			Channel: rapid.Uint16Min(1).Draw(t, "channel"), Transfer: rapid.Uint64Min(1).Draw(t, "transfer"),
			Aborted: rapid.Bool().Draw(t, "aborted"), PlanSize: rapid.Uint64Range(1, MaxLength).Draw(t, "plan size"),
			Content: rapid.Uint64Max(MaxLength).Draw(t, "content"),
		}
		if h.Aborted {
			h.Path, h.Reason = name().Draw(t, "path"), rapid.String().Draw(t, "reason")+"."
		} else {
			h.Files = uint64(rapid.IntRange(0, 50).Draw(t, "files"))
		}
		octets, err := AppendProofHead(nil, &h)
		if err != nil {
			t.Fatal(err)
		}
		for i := range h.Files {
			octets = AppendDigest(octets, [32]byte{byte(i)})
		}
		_, again, p, err := reencodeProof(sign(octets))
		if err != nil || !bytes.Equal(again, sign(octets)) {
			t.Fatalf("%+v came back otherwise: %v", h, err)
		}
		h.Reason = fitReason(h.Reason)
		if p.Head() != h {
			t.Fatalf("%+v came back as %+v", h, p.Head())
		}
	})
}

// drawEntries draws a tree's entries in the order of a plan, and then perhaps
// spoils it.
func drawEntries(t *rapid.T) []Entry {
	few := rapid.SampledFrom([]string{"a", "b", "a-", "a b", "a.b", "ab", "~", "é"})
	entries := []Entry{{Path: "top", Dir: true}}
	for range rapid.IntRange(0, 12).Draw(t, "entries") {
		var dirs []string
		for _, e := range entries {
			if e.Dir {
				dirs = append(dirs, e.Path)
			}
		}
		e := Entry{
			Path: rapid.SampledFrom(dirs).Draw(t, "parent") + "/" + few.Draw(t, "name"),
			Dir:  rapid.Bool().Draw(t, "dir"), ModTime: rapid.Int64().Draw(t, "mtime"),
		}
		if !e.Dir {
			e.Size, e.Exec = rapid.Uint64Max(1<<40).Draw(t, "size"), rapid.Bool().Draw(t, "exec")
		}
		if !slices.ContainsFunc(entries, func(o Entry) bool { return o.Path == e.Path }) {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return naiveCompare(a.Path, b.Path) })
	i := rapid.IntRange(0, len(entries)-1).Draw(t, "i")
	j := rapid.IntRange(0, len(entries)-1).Draw(t, "j")
	switch rapid.IntRange(0, 4).Draw(t, "spoil") {
	case 0:
		entries[i], entries[j] = entries[j], entries[i]
	case 1:
		entries = slices.Delete(entries, i, i+1)
	case 2:
		entries[i].Dir, entries[i].Size, entries[i].Exec = false, 0, false
	case 3:
		entries = append(entries, entries[i])
	}
	return entries
}

// naivePlan says whether entries are a plan, by remembering all of them.
func naivePlan(entries []Entry) bool {
	if len(entries) == 0 || entries[0].Path != "top" {
		return false
	}
	dirs := map[string]bool{}
	for i, e := range entries {
		if i > 0 {
			slash := strings.LastIndex(e.Path, "/")
			if slash < 0 || !dirs[e.Path[:slash]] || naiveCompare(entries[i-1].Path, e.Path) >= 0 {
				return false
			}
		}
		dirs[e.Path] = e.Dir
	}
	return true
}

// TestPlanAgainstModel holds the reader, which remembers one entry, to a model
// that remembers all.
func TestPlanAgainstModel(t *testing.T) {
	good, bad := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		entries := drawEntries(t)
		head := PlanHead{Channel: 1, Transfer: 1, Name: "top", Entries: uint64(len(entries))}
		for _, e := range entries {
			head.Content += e.Size
		}
		octets, err := AppendPlanHead(nil, &head)
		if err != nil && len(entries) > 0 {
			t.Fatal(err)
		}
		for _, e := range entries {
			if octets, err = AppendEntry(octets, &e); err != nil {
				t.Fatal(err)
			}
		}
		_, again, err := planMessage.parse(octets)
		if len(entries) > 0 && naivePlan(entries) {
			good++
			if err != nil || !bytes.Equal(again, octets) {
				t.Fatalf("refused %+v: %v", entries, err)
			}
		} else {
			bad++
			if err == nil || len(entries) > 0 && !errors.Is(err, ErrOrder) {
				t.Fatalf("accepted %+v: %v", entries, err)
			}
		}
	})
	if good == 0 || bad == 0 {
		t.Errorf("%d good and %d bad plans: want some of both", good, bad)
	}
}

// TestReadersGoOnRefusing holds that an error, or the end, is final.
func TestReadersGoOnRefusing(t *testing.T) {
	p, err := NewPlanReader(bytes.NewReader(planOf(t, dir("x"), file("x/b", 1), file("x/a", 1), file("x/c", 1))), PlanLimits{})
	if err != nil {
		t.Fatal(err)
	}
	var first error
	for range 3 {
		_, first = p.Next()
	}
	if _, again := p.Next(); !errors.Is(first, ErrOrder) || again != first {
		t.Errorf("%v, then %v", first, again)
	}
	q, err := NewProofReader(bytes.NewReader(sign(testItem(t, &wireProofHead{
		Magic: proofMagic, Version: 1, Channel: 1, Transfer: 1, PlanSize: 1,
	}))))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := q.Next(); err != io.EOF {
			t.Error(err)
		}
	}
}
