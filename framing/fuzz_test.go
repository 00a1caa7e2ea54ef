package framing

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// fuzzMessage runs the property all parsers have: what is accepted encodes
// again to the same octets, what is refused has one class, nothing panics. As
// in the vectors, octets are followed by zeros up to size: padding that a
// fuzzer need not carry. Inputs above mostOctets are left out: they are slow
// and tell nothing new.
func fuzzMessage(f *testing.F, m message, mostOctets int) {
	for _, v := range loadVectors(f, m.name) {
		if octets := v.octets(f); len(octets) <= mostOctets {
			f.Add(trimmed(octets, v.Size))
		}
	}
	f.Fuzz(func(t *testing.T, octets []byte, size uint16) {
		if max(len(octets), int(size)) > mostOctets {
			return
		}
		octets = appendZeros(bytes.Clone(octets), int(size)-len(octets))
		_, again, err := m.parse(octets)
		if err != nil {
			classOf(t, err)
			return
		}
		if !bytes.Equal(again, octets) {
			t.Errorf("%x encodes again as %x", octets, again)
		}
	})
}

// trimmed returns octets without the zeros that size says, and size.
func trimmed(octets []byte, size int) ([]byte, uint16) {
	if size > 0 {
		octets = bytes.TrimRight(octets, "\x00")
	}
	return octets, uint16(size)
}

func FuzzHeader(f *testing.F)  { fuzzMessage(f, headerMessage, 1<<13) }
func FuzzSession(f *testing.F) { fuzzMessage(f, sessionMessage, 1<<11) }
func FuzzBeat(f *testing.F)    { fuzzMessage(f, beatMessage, 1<<11) }
func FuzzPlan(f *testing.F)    { fuzzMessage(f, planMessage, 1<<16) }

// FuzzProof leaves the signature alone: no fuzzer makes one.
func FuzzProof(f *testing.F) {
	m := proofMessage
	m.parse = func(octets []byte) (map[string]any, []byte, error) {
		fields, again, _, err := reencodeProof(octets)
		return fields, again, err
	}
	fuzzMessage(f, m, 1<<16)
}

// FuzzName holds CheckPath and ComparePaths to their naive twins.
func FuzzName(f *testing.F) {
	for _, v := range loadVectors(f, nameMessage.name) {
		f.Add(string(v.octets(f)), "a/b")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		refused := len(a) > maxPath || strings.Count(a, "/") >= maxDepth
		for component := range strings.SplitSeq(a, "/") {
			if CheckName(component) != nil {
				refused = true
			}
		}
		err := CheckPath(a)
		if class := classOf(t, err); refused != (class == "name") {
			t.Errorf("CheckPath(%q) = %v, its components say %v", a, err, refused)
		}
		if err == nil && (!utf8.ValidString(a) || !norm.NFC.IsNormalString(a) || strings.ContainsAny(a, "\\\x00\n\u202e")) {
			t.Errorf("CheckPath(%q) = nil", a)
		}
		if err == nil && CheckPath(b) == nil {
			if got, want := ComparePaths(a, b), naiveCompare(a, b); got != want || ComparePaths(b, a) != -want {
				t.Errorf("ComparePaths(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	})
}

// realMessages are messages as a sender at work makes them, for the corpora.
func realMessages(t testing.TB) map[string][][]byte {
	beat, err := AppendBeat(nil, testBeat(), 1408)
	if err != nil {
		t.Fatal(err)
	}
	var headers [][]byte
	for i, symbolSize := range []int{1280, 1344, 1408} {
		h := symbolHeader(func(h *Header) { h.Packet += uint64(i); h.ESI = uint16(i); h.Object = Object(1 + i) })
		datagram := AppendHeader(nil, h)
		for len(datagram) < symbolSize+Overhead {
			datagram = append(datagram, byte(len(datagram)*167>>3))
		}
		headers = append(headers, datagram)
	}
	var wide bytes.Buffer
	if _, err := wide.ReadFrom(newEndlessPlan(t, 250)); err != nil {
		t.Fatal(err)
	}
	proof, err := AppendProofHead(nil, &ProofHead{Channel: 1, Transfer: testTransfer, PlanSize: 987, Content: 1 << 30, Files: 100})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		proof = AppendDigest(proof, [32]byte{byte(i), 31: byte(i)})
	}
	return map[string][][]byte{
		"FuzzHeader":  headers,
		"FuzzSession": {AppendSession(nil, testSessionMessage(), 1408), AppendSession(nil, &Session{Mode: 2, Link: 1, Issued: testSession}, 1408)},
		"FuzzBeat":    {beat},
		"FuzzPlan":    {wide.Bytes(), planOf(t, treeEntries()...)},
		"FuzzProof":   {sign(proof)},
		"FuzzName":    nil, // its vectors are real names
	}
}

// sized are the fuzzers whose messages end in padding: 1, the others 0.
var sized = map[string]int{"FuzzHeader": 1, "FuzzSession": 1, "FuzzBeat": 1}

// TestCorpora holds testdata/fuzz to the messages it is made of.
func TestCorpora(t *testing.T) {
	for fuzzer, seeds := range realMessages(t) {
		for i, seed := range seeds {
			path := filepath.Join("testdata", "fuzz", fuzzer, fmt.Sprintf("real-%d", i))
			octets, size := trimmed(seed, len(seed)*sized[fuzzer])
			want := fmt.Appendf(nil, "go test fuzz v1\n[]byte(%q)\nuint16(%d)\n", octets, size)
			if *update {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, want, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := os.ReadFile(path); err != nil {
				t.Error(err)
			} else if !bytes.Equal(got, want) {
				t.Errorf("%s is not its message: run go test -update", path)
			}
		}
	}
}
