package framing

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors and the seeds of the fuzzers anew")

// vectorFile is one file of testdata/vectors. docs/wire.md, "Vectors", tells
// other implementations how to read it.
type vectorFile struct {
	Message string   `json:"message"`
	About   string   `json:"about"`
	Vectors []vector `json:"vectors"`
}

type vector struct {
	Name   string         `json:"name"`
	About  string         `json:"about,omitempty"`
	Class  string         `json:"class,omitempty"` // class of failure; none: valid
	Size   int            `json:"size,omitempty"`  // hex is followed by zero octets up to it
	Hex    string         `json:"hex"`
	Fields map[string]any `json:"fields,omitempty"` // what a valid one says
}

// octets returns what is parsed.
func (v *vector) octets(t testing.TB) []byte {
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatalf("vector %s: %v", v.Name, err)
	}
	return append(b, make([]byte, max(v.Size-len(b), 0))...)
}

// message is one kind of message as the vectors and the fuzzers see it: parse
// returns what it says and its second encoding.
type message struct {
	name  string
	about string
	parse func(octets []byte) (fields map[string]any, again []byte, err error)
	cases func(t testing.TB) []vectorCase
}

// vectorCase is how a vector is made.
type vectorCase struct {
	name, about string
	class       string // "" for valid
	octets      []byte
	padded      bool // trailing zero octets are written as a size
}

// The classes of the vectors. A signature is wrong only for who has the key.
var errSignature = errors.New("signature")

var classes = []error{
	ErrSize, ErrMagic, ErrVersion, ErrType, ErrField, ErrCanonical, ErrName, ErrOrder, ErrCount, errSignature,
}

// classOf returns the class of err, which must be one of them exactly.
func classOf(t testing.TB, err error) string {
	if err == nil {
		return ""
	}
	var found []string
	for _, class := range classes {
		if errors.Is(err, class) {
			found = append(found, class.Error())
		}
	}
	if len(found) != 1 {
		t.Errorf("error %v has classes %q, want one", err, found)
		return ""
	}
	return found[0]
}

func messages() []message {
	return []message{headerMessage, sessionMessage, beatMessage, planMessage, proofMessage, nameMessage}
}

const vectorGlob = "testdata/vectors/*.json"

// loadVectors returns the vectors of one message and fails if there are none.
func loadVectors(t testing.TB, name string) []vector {
	data, err := os.ReadFile(filepath.Join(filepath.Dir(vectorGlob), name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var file vectorFile
	if err := decoder.Decode(&file); err != nil {
		t.Fatalf("vectors of %s: %v", name, err)
	}
	if file.Message != name || len(file.Vectors) == 0 {
		t.Fatalf("vectors of %s: %d of %q", name, len(file.Vectors), file.Message)
	}
	return file.Vectors
}

func TestVectors(t *testing.T) {
	if *update {
		for _, m := range messages() {
			writeVectors(t, &m)
		}
	}
	files, err := filepath.Glob(vectorGlob)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages() {
		if !slices.Contains(files, filepath.Join("testdata", "vectors", m.name+".json")) {
			t.Errorf("no vectors of %s among %q", m.name, files)
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			valid := 0
			vectors := loadVectors(t, m.name)
			for _, v := range vectors {
				t.Run(v.Name, func(t *testing.T) { runVector(t, &m, &v) })
				if v.Class == "" {
					valid++
				}
			}
			if valid == 0 || valid == len(vectors) {
				t.Errorf("%d of %d vectors are valid, want some of both", valid, len(vectors))
			}
		})
	}
}

func runVector(t *testing.T, m *message, v *vector) {
	octets := v.octets(t)
	fields, again, err := m.parse(octets)
	if class := classOf(t, err); class != v.Class {
		t.Fatalf("class %q, want %q (%v)", class, v.Class, err)
	}
	if err != nil {
		return
	}
	if !bytes.Equal(again, octets) {
		t.Errorf("encodes again as\n%x\nnot\n%x", again, octets)
	}
	if got := normal(t, fields); !reflect.DeepEqual(got, v.Fields) {
		t.Errorf("says\n%v\nwant\n%v", got, v.Fields)
	}
}

// TestVectorsAreCurrent holds the files to the cases they are made from.
func TestVectorsAreCurrent(t *testing.T) {
	for _, m := range messages() {
		vectors := loadVectors(t, m.name)
		cases := m.cases(t)
		if len(vectors) != len(cases) {
			t.Errorf("%s: %d vectors of %d cases: run go test -update", m.name, len(vectors), len(cases))
			continue
		}
		for i, c := range cases {
			v := &vectors[i]
			if v.Name != c.name || v.Class != c.class || v.About != c.about || !bytes.Equal(v.octets(t), c.octets) {
				t.Errorf("%s: vector %q is not case %q: run go test -update", m.name, v.Name, c.name)
			}
		}
	}
}

func writeVectors(t *testing.T, m *message) {
	file := vectorFile{Message: m.name, About: m.about}
	for _, c := range m.cases(t) {
		v := vector{Name: c.name, About: c.about, Class: c.class}
		octets := c.octets
		if c.padded {
			v.Size = len(octets)
			octets = bytes.TrimRight(octets, "\x00")
		}
		v.Hex = hex.EncodeToString(octets)
		if c.class == "" {
			fields, _, err := m.parse(c.octets)
			if err != nil {
				t.Fatalf("%s: valid case %s: %v", m.name, c.name, err)
			}
			v.Fields = fields
		}
		file.Vectors = append(file.Vectors, v)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(&file); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(vectorGlob), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(vectorGlob), m.name+".json"), out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// normal returns fields as they come back from JSON.
func normal(t testing.TB, fields map[string]any) map[string]any {
	data, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	var again map[string]any
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	return again
}

// say returns a struct as fields: numbers as decimal text (JSON's lose bits),
// octets as hex, texts as they are.
func say(v any) map[string]any {
	value := reflect.ValueOf(v)
	fields := make(map[string]any)
	for i := range value.NumField() {
		name := snake(value.Type().Field(i).Name)
		switch field := value.Field(i); field.Kind() {
		case reflect.Array:
			fields[name] = fmt.Sprintf("%x", field.Interface())
		case reflect.Slice:
			list := make([]any, 0, field.Len())
			for j := range field.Len() {
				list = append(list, say(field.Index(j).Interface()))
			}
			fields[name] = list
		case reflect.String, reflect.Bool:
			fields[name] = field.Interface()
		case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			fields[name] = fmt.Sprint(field.Uint())
		case reflect.Int64:
			fields[name] = fmt.Sprint(field.Int())
		default:
			panic("no form for field " + name)
		}
	}
	return fields
}

// snake returns MaxK as max_k, ESI as esi, ModTime as mod_time.
func snake(name string) string {
	var out []byte
	for i := range len(name) {
		c := name[i]
		upper := c >= 'A' && c <= 'Z'
		if upper && i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z' {
			out = append(out, '_')
		}
		if upper {
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	return string(out)
}
