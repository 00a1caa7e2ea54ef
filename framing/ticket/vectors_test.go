package ticket

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"testing"

	"pawl/framing"
)

var update = flag.Bool("update", false, "write the vectors anew")

const vectorsFile = "../testdata/vectors/ticket.json"

// vectorFile is framing/testdata/vectors/ticket.json: texts, and what they say or in which class they fail. "typed" is ErrTyped;
// the others are the classes of docs/wire.md.
type vectorFile struct {
	Message string   `json:"message"`
	About   string   `json:"about"`
	Vectors []vector `json:"vectors"`
}

type vector struct {
	Name   string  `json:"name"`
	Class  string  `json:"class,omitempty"`  // of failure; none: valid
	Groups []int   `json:"groups,omitempty"` // the places that are named
	Text   string  `json:"text"`
	Says   *Ticket `json:"says,omitempty"` // a ticket
	MAC    string  `json:"mac,omitempty"`  // a receipt code: the octets, hexadecimal
}

// makeVectors are the cases.
func makeVectors(t *testing.T) (all []vector) {
	ok := func(name string, k *Ticket) string {
		s := text(t, k)
		all = append(all, vector{Name: name, Text: s, Says: k})
		return s
	}
	id := DigestOf(1, 0x019a2b3c4d5e6f70)
	seven := ok("seven blocks of 38130", &Ticket{Transfer: id, Content: Need{Runs: []Run{{12, 12}, {977, 978}, {5000, 5000}, {20481, 20481}, {31007, 31007}, {38129, 38129}}}})
	ok("plan and proof whole", &Ticket{Transfer: id, Plan: Need{Whole: true}, Proof: Need{Whole: true}})
	ok("runs in all three", &Ticket{Transfer: id, Plan: Need{Runs: []Run{{0, 0}}}, Content: Need{Runs: []Run{{0, 99}, {101, 4000000}}}, Proof: Need{Runs: []Run{{3, 4}}}})
	ok("the largest block number", &Ticket{Transfer: 1<<digestBits - 1, Content: Need{Runs: []Run{{1<<32 - 1, 1<<32 - 1}}}})
	receipt := SpellReceipt([ReceiptSize]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	all = append(all, vector{Name: "receipt", Text: receipt, MAC: "0102030405060708090a"})
	wrong := []byte(seven)
	wrong[8] = alphabet[(indexOf(wrong[8])+1)%32]
	swapped := []byte(seven)
	swapped[13], swapped[14] = swapped[14], swapped[13]
	raw := func(put func(w *writer)) string {
		w := new(writer)
		put(w)
		check := overall(w.chars)
		return ofTicket.spell(append(w.chars, check[:]...))
	}
	head := func(w *writer, plan, content, proof uint64) {
		w.put(version, versionBits)
		w.put(uint64(id), digestBits)
		for _, need := range []uint64{plan, content, proof} {
			w.put(need, needBits)
		}
	}
	return append(all, []vector{
		{Name: "one character", Text: string(wrong), Class: "typed", Groups: []int{2}},
		{Name: "two changed places", Text: string(swapped), Class: "typed", Groups: []int{3}},
		{Name: "a group is missing", Text: seven[:6] + seven[12:], Class: "typed", Groups: []int{2}},
		{Name: "nothing", Text: " - ", Class: "typed"},
		{Name: "version 2", Text: raw(func(w *writer) { head(w, 1, 0, 0); w.chars[0] ^= 0b01100 }), Class: "version"},
		{Name: "asks for nothing", Text: raw(func(w *writer) { head(w, 0, 0, 0) }), Class: "field"},
		{Name: "need 3", Text: raw(func(w *writer) { head(w, 3, 0, 0) }), Class: "field"},
		{Name: "a rice parameter that is not the best", Text: raw(func(w *writer) { head(w, 0, 2, 0); w.gamma(1); w.put(9, 5); w.rice(0, 9); w.gamma(1) }), Class: "canonical"},
		{Name: "a character too many", Text: raw(func(w *writer) { head(w, 1, 0, 0); w.put(0, 6) }), Class: "canonical"},
		{Name: "a block number of 33 bits", Text: raw(func(w *writer) { head(w, 0, 2, 0); w.gamma(1); w.put(31, 5); w.rice(1<<32, 31); w.gamma(1) }), Class: "field"},
		{Name: "ends inside a run", Text: raw(func(w *writer) { head(w, 0, 2, 0); w.gamma(3); w.put(4, 5); w.rice(1, 4); w.gamma(1) }), Class: "size"},
	}...)
}

func indexOf(c byte) int {
	for i := range alphabet {
		if alphabet[i] == c {
			return i
		}
	}
	return -1
}

// TestVectors holds the file to the code and the code to the file.
func TestVectors(t *testing.T) {
	made := vectorFile{Message: "ticket", About: "Repair tickets and receipt codes as text: docs/tickets.md.", Vectors: makeVectors(t)}
	if *update {
		data, err := json.MarshalIndent(made, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorsFile, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var file vectorFile
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) != len(made.Vectors) {
		t.Errorf("the file has %d vectors, %d are made", len(file.Vectors), len(made.Vectors))
	}
	classes := map[string]error{"typed": ErrTyped, "version": framing.ErrVersion, "field": framing.ErrField, "canonical": framing.ErrCanonical, "size": framing.ErrSize}
	for _, v := range file.Vectors {
		if v.MAC != "" {
			mac, err := ReadReceipt(v.Text)
			if err != nil || hex.EncodeToString(mac[:]) != v.MAC || SpellReceipt(mac) != v.Text {
				t.Errorf("%s: %x, %v", v.Name, mac, err)
			}
			continue
		}
		got, err := Parse(v.Text)
		if v.Class != "" {
			class, known := classes[v.Class]
			var place *PlaceError
			if !known || !errors.Is(err, class) || v.Class == "typed" && (!errors.As(err, &place) || !reflect.DeepEqual(place.Groups, v.Groups)) {
				t.Errorf("%s: %v, want class %s in groups %v", v.Name, err, v.Class, v.Groups)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, v.Says) || text(t, got) != v.Text {
			t.Errorf("%s: %+v, %v", v.Name, got, err)
		}
	}
}
