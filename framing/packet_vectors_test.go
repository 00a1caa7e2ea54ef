package framing

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Values the vectors of packets are made of.
const (
	testSession  = 0x0000_0199_f3a1_b2c3 // Unix milliseconds in October 2025
	testTransfer = 0x199f_3a1b_2c35_e6f7
	testSize     = 1344 // datagram with the smallest T
)

var headerMessage = message{
	name: "header",
	about: "Whole datagrams; the header is in hex, payload and tag are the zero octets up to size. " +
		"Only the header is looked at.",
	cases: headerCases,
	parse: func(octets []byte) (map[string]any, []byte, error) {
		var h Header
		if err := ParseHeader(octets, &h); err != nil {
			return nil, nil, err
		}
		return say(h), append(AppendHeader(nil, &h), octets[HeaderSize:]...), nil
	},
}

// symbolHeader is a good header, changed by change.
func symbolHeader(change func(h *Header)) *Header {
	h := &Header{
		Type: TypeSymbol, Channel: 1, Object: ObjectContent, Code: 2, Session: testSession, Packet: 4711,
		Transfer: testTransfer, Length: 1 << 30, Block: 17, MaxK: 200, R: 20, ESI: 219,
	}
	change(h)
	return h
}

func headerCases(testing.TB) []vectorCase {
	var cases []vectorCase
	add := func(class, name, about string, h *Header) {
		octets := append(AppendHeader(nil, h), make([]byte, testSize-HeaderSize)...)
		cases = append(cases, vectorCase{name, about, class, octets, true})
	}
	symbol := func(class, name, about string, change func(h *Header)) {
		add(class, name, about, symbolHeader(change))
	}
	raw := func(class, name, about string, size int, change func(b []byte)) {
		octets := append(AppendHeader(nil, symbolHeader(func(*Header) {})), make([]byte, 1<<17)...)[:size]
		change(octets)
		cases = append(cases, vectorCase{name, about, class, octets, true})
	}
	same := func([]byte) {}

	symbol("", "symbol", "the last repair symbol of a content block", func(*Header) {})
	symbol("", "plan", "one symbol is the whole object", func(h *Header) {
		h.Object, h.Code, h.Length, h.Block, h.MaxK, h.R, h.ESI = ObjectPlan, 4, 1, 0, 1, 6, 0
	})
	symbol("", "proof, no code", "", func(h *Header) {
		h.Object, h.Code, h.MaxK, h.R, h.ESI = ObjectProof, 1, 1, 0, 0
	})
	symbol("", "largest values", "", func(h *Header) {
		*h = Header{TypeSymbol, ObjectProof, 4, 1<<16 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, MaxLength, 1<<32 - 1, 1<<16 - 1, 1<<16 - 1, 1<<16 - 1}
	})
	add("", "session", "", &Header{Type: TypeSession, Session: testSession})
	add("", "beat", "", &Header{Type: TypeBeat, Session: 1, Packet: 1<<64 - 1})
	raw("", "t 1408", "MTU 1500, IPv4", 1408+Overhead, same)
	raw("", "t 65408", "the largest datagram", MaxSymbolSize+Overhead, same)

	raw("size", "nothing", "", 0, same)
	raw("size", "one octet", "", 1, same)
	raw("size", "header only", "", HeaderSize, same)
	raw("size", "header and tag", "T would be 0", Overhead, same)
	raw("size", "t 1216", "a multiple of 64, too small", 1216+Overhead, same)
	raw("size", "t 1281", "no multiple of 64", 1281+Overhead, same)
	raw("size", "t 65472", "a multiple of 64, too large", 65472+Overhead, same)
	raw("magic", "magic", "", testSize, func(b []byte) { b[1] = 'w' })
	raw("magic", "zeros", "", testSize, func(b []byte) { clear(b) })
	raw("version", "version 0", "", testSize, func(b []byte) { b[2] = 0 })
	raw("version", "version 2", "", testSize, func(b []byte) { b[2] = 2 })
	symbol("type", "type 0", "", func(h *Header) { h.Type = 0 })
	symbol("type", "type 4", "", func(h *Header) { h.Type = 4 })
	symbol("field", "channel 0", "", func(h *Header) { h.Channel = 0 })
	symbol("field", "object 0", "", func(h *Header) { h.Object = 0 })
	symbol("field", "object 4", "", func(h *Header) { h.Object = 4 })
	symbol("field", "code 0", "", func(h *Header) { h.Code = 0 })
	symbol("field", "code 5", "", func(h *Header) { h.Code = 5 })
	symbol("field", "session 0", "", func(h *Header) { h.Session = 0 })
	symbol("field", "transfer 0", "", func(h *Header) { h.Transfer = 0 })
	symbol("field", "length 0", "an empty object is not sent", func(h *Header) { h.Length = 0 })
	symbol("field", "maxk 0", "", func(h *Header) { h.MaxK, h.ESI = 0, 0 })
	symbol("field", "no code, repair", "", func(h *Header) { h.Code, h.R, h.ESI = 1, 1, 0 })
	symbol("field", "esi maxk + r", "", func(h *Header) { h.ESI = 220 })
	symbol("field", "no code, esi maxk", "", func(h *Header) { h.Code, h.R, h.ESI = 1, 0, 200 })
	for _, t := range []Type{TypeSession, TypeBeat} {
		good := Header{Type: t, Session: testSession, Packet: 1}
		for _, c := range []struct {
			name   string
			change func(h *Header)
		}{
			{"session 0", func(h *Header) { h.Session = 0 }},
			{"channel", func(h *Header) { h.Channel = 1 }},
			{"object", func(h *Header) { h.Object = ObjectPlan }},
			{"code", func(h *Header) { h.Code = 1 }},
			{"transfer", func(h *Header) { h.Transfer = 1 }},
			{"length", func(h *Header) { h.Length = 1 << 40 }},
			{"block", func(h *Header) { h.Block = 1 }},
			{"maxk", func(h *Header) { h.MaxK = 1 }},
			{"r", func(h *Header) { h.R = 1 }},
			{"esi", func(h *Header) { h.ESI = 1 }},
		} {
			h := good
			c.change(&h)
			add("field", fmt.Sprintf("%s with %s", t, c.name), "", &h)
		}
	}
	return cases
}

var sessionMessage = message{
	name:  "session",
	about: "Payloads of session packets in clear: hex, then zero octets up to size. Keys and signatures are patterns.",
	cases: sessionCases,
	parse: func(octets []byte) (map[string]any, []byte, error) {
		s, err := ParseSession(octets)
		if err != nil {
			return nil, nil, err
		}
		return say(s), AppendSession(nil, &s, len(octets)), nil
	},
}

// testSessionMessage is a session with keys in which each octet tells its place.
func testSessionMessage() *Session {
	s := &Session{Mode: 1, Link: 3, Issued: testSession}
	for i := range s.Enc {
		s.Enc[i] = byte(i)
	}
	for i := range s.Sender {
		s.Sender[i] = byte(0xa0 + i)
	}
	for i := range s.Signature {
		s.Signature[i] = byte(0x40 + i)
	}
	return s
}

func sessionCases(testing.TB) []vectorCase {
	var cases []vectorCase
	add := func(class, name string, s *Session, size int, change func(b []byte)) {
		octets := AppendSession(nil, s, size)
		change(octets)
		cases = append(cases, vectorCase{name, "", class, octets, true})
	}
	same := func([]byte) {}
	plain := &Session{Mode: 2, Link: 255, Issued: -1}

	add("", "sealed", testSessionMessage(), 1280, same)
	add("", "sealed, t 1408", testSessionMessage(), 1408, same)
	add("", "without a seal", plain, 1280, same)

	cases = append(cases,
		vectorCase{"nothing", "", "size", nil, true},
		vectorCase{"no padding", "", "size", AppendSession(nil, testSessionMessage(), sessionSize), true})
	add("size", "t 1300", testSessionMessage(), 1300, same)
	add("size", "t 65472", testSessionMessage(), 65472, same)
	add("field", "mode 0", testSessionMessage(), 1280, func(b []byte) { b[0] = 0 })
	add("field", "mode 3", testSessionMessage(), 1280, func(b []byte) { b[0] = 3 })
	add("field", "reserved 2", testSessionMessage(), 1280, func(b []byte) { b[2] = 1 })
	add("field", "reserved 3", testSessionMessage(), 1280, func(b []byte) { b[3] = 0x80 })
	add("field", "without a seal, with enc", plain, 1280, func(b []byte) { b[encOffset] = 1 })
	add("field", "without a seal, with sender", plain, 1280, func(b []byte) { b[senderOffset] = 1 })
	add("field", "without a seal, with signature", plain, 1280, func(b []byte) { b[sessionSize-1] = 1 })
	add("canonical", "padding, first octet", testSessionMessage(), 1280, func(b []byte) { b[sessionSize] = 1 })
	add("canonical", "padding, last octet", plain, 1408, func(b []byte) { b[1407] = 1 })
	return cases
}

var beatMessage = message{
	name:  "beat",
	about: "Payloads of beat packets in clear: hex, then zero octets up to size. Uptime is in nanoseconds here.",
	cases: beatCases,
	parse: func(octets []byte) (map[string]any, []byte, error) {
		b, err := ParseBeat(octets)
		if err != nil {
			return nil, nil, err
		}
		again, err := AppendBeat(nil, &b, len(octets))
		return say(b), again, err
	},
}

// testBeat is a beat of a sender at work.
func testBeat() *Beat {
	b := &Beat{
		Clock: testSession, Uptime: 26*time.Hour + 5*time.Millisecond, Queue: 3, QueueBytes: 5 << 30,
		Packets: 9_876_543, Bytes: 12 << 30, Sent: 41, Aborted: 1, Rate: 1_000_000_000, Version: "pawl 0.1.0",
		Oldest: 90 * time.Second, Refused: 2, Loss: 5000, Burst: 20 * time.Millisecond, Room: 7 << 30,
		Fault: "link refuses packets: network is down", FaultAge: time.Hour, LogSize: 1234,
		Flights: []Flight{
			{Channel: 1, Transfer: testTransfer, State: FlightSending, Pass: 1, Passes: 2, Length: 1 << 30, Sent: 1 << 20},
			{Channel: 2, Transfer: testTransfer + 1, State: FlightWaiting, Pass: 0, Passes: 1, Length: 0, Sent: 0},
			{Channel: 2, Transfer: testTransfer - 1, State: FlightFinished, Pass: 1, Passes: 1, Length: 5, Sent: 5},
		},
	}
	for i := range b.Config {
		b.Config[i] = byte(i)
		b.LogRoot[i] = byte(0xff - i)
	}
	return b
}

// longestBeat is a beat whose encoding is the longest there is.
func longestBeat() *Beat {
	const most = 1<<64 - 1
	b := &Beat{
		Clock: -1 << 63, Uptime: time.Duration(maxSpan) * time.Millisecond, Queue: most, QueueBytes: most,
		Packets: most, Bytes: most, Sent: most, Aborted: most, Rate: most, Version: strings.Repeat("é", 32),
		Oldest: time.Duration(maxSpan) * time.Millisecond, Refused: most, Loss: million, Burst: time.Duration(maxSpan) * time.Millisecond,
		Room: most, Fault: strings.Repeat("é", maxFault/2), FaultAge: time.Duration(maxSpan) * time.Millisecond, LogSize: most,
	}
	for range MaxFlights {
		b.Flights = append(b.Flights, Flight{1<<16 - 1, most, FlightFinished, 255, 255, MaxLength, most})
	}
	return b
}

// beatItem is a beat's array as a list, changed by change, as a payload.
func beatItem(t testing.TB, change func(a []any) []any) []byte {
	flight := []any{1, 1, 1, 1, 1, 1, 1}
	item := testItem(t, change([]any{1, 2, 3, 4, 5, 6, 7, 8, 9, make([]byte, 32), "v", 1, 2, 3, 4, 5, "f", 7, 8, make([]byte, 32), []any{flight}}))
	octets := append([]byte{byte(len(item) >> 8), byte(len(item))}, item...)
	return appendZeros(octets, 1280-len(octets))
}

func beatCases(t testing.TB) []vectorCase {
	var cases []vectorCase
	valid := func(name, about string, b *Beat) {
		octets, err := AppendBeat(nil, b, 1280)
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, vectorCase{name, about, "", octets, true})
	}
	raw := func(class, name string, size int, change func(b []byte)) {
		octets := appendZeros(beatItem(t, func(a []any) []any { return a }), 1<<17)[:size]
		change(octets)
		cases = append(cases, vectorCase{name, "", class, octets, true})
	}
	list := func(class, name string, change func(a []any) []any) {
		cases = append(cases, vectorCase{name, "", class, beatItem(t, change), true})
	}
	set := func(i int, v any) func(a []any) []any {
		return func(a []any) []any { a[i] = v; return a }
	}
	flight := func(i int, v any) func(a []any) []any {
		return func(a []any) []any { a[20].([]any)[0].([]any)[i] = v; return a }
	}
	same := func([]byte) {}

	valid("at work", "", testBeat())
	valid("idle", "a sender that has just started", &Beat{})
	valid("longest", "all values at their longest", longestBeat())
	raw("", "t 1408", 1408, same)

	raw("size", "t 1279", 1279, same)
	raw("size", "nothing", 0, same)
	raw("size", "length of all and one", 1280, func(b []byte) { b[0], b[1] = 0x04, 0xff })
	raw("size", "length of 65535", 1280, func(b []byte) { b[0], b[1] = 0xff, 0xff })
	raw("size", "length 0", 1280, func(b []byte) { clear(b) })
	raw("size", "length one short", 1280, func(b []byte) { b[1]-- })
	raw("canonical", "length one long", 1280, func(b []byte) { b[1]++ })
	raw("canonical", "padding", 1280, func(b []byte) { b[1279] = 1 })
	list("canonical", "an element less", func(a []any) []any { return a[:20] })
	list("canonical", "an element more", func(a []any) []any { return append(a, 0) })
	list("canonical", "negative queue", set(2, -1))
	list("canonical", "text for a digest", set(9, strings.Repeat("x", 32)))
	list("canonical", "digest of 31", set(9, make([]byte, 31)))
	list("canonical", "digest of 33", set(9, make([]byte, 33)))
	list("canonical", "null for no flights", set(20, nil))
	list("canonical", "float for a number", set(8, 1.5))
	list("canonical", "flight with channel 65536", flight(0, 65536))
	list("canonical", "flight of six elements", set(20, []any{[]any{1, 1, 1, 1, 1, 1}}))
	list("field", "uptime beyond nanoseconds", set(1, maxSpan+1))
	list("field", "version of 65", set(10, strings.Repeat("x", 65)))
	list("field", "version with a line feed", set(10, "v\n"))
	list("canonical", "log root of 31", set(19, make([]byte, 31)))
	list("field", "oldest beyond nanoseconds", set(11, maxSpan+1))
	list("field", "loss beyond all", set(13, million+1))
	list("canonical", "loss of 33 bits", set(13, uint64(1<<32)))
	list("field", "burst beyond nanoseconds", set(14, maxSpan+1))
	list("field", "fault of 121", set(16, strings.Repeat("x", maxFault+1)))
	list("field", "fault with an escape", set(16, "\x1b[2J"))
	list("field", "fault age beyond nanoseconds", set(17, maxSpan+1))
	list("field", "flight on channel 0", flight(0, 0))
	list("field", "flight of transfer 0", flight(1, 0))
	list("field", "flight in state 0", flight(2, 0))
	list("field", "flight in state 4", flight(2, 4))
	list("field", "flight too long", flight(5, uint64(1<<48)))
	list("field", "25 flights", func(a []any) []any {
		one := a[20].([]any)[0]
		var all []any
		for range MaxFlights + 1 {
			all = append(all, one)
		}
		a[20] = all
		return a
	})
	return cases
}
