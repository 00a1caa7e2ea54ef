package inside

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestXMLThatIsNone: what encoding/xml takes and a strict parser refuses, or reads as another document.
func TestXMLThatIsNone(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{`<a x="1" x="2"/>`, `has the attribute "x" twice`},
		{`<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>`, `has the attribute "x" twice`},
		{`<a x="1"y="2"/>`, "no blank between"},
		{`<a x='1'y='2'></a>`, "no blank between"},
		{`<a x="1"/>`, ""}, {`<a x = "'" y='"'/>`, ""}, {"<a x='1'\n y='2' ></a>", ""},
		{`<a><?xml version="1.0"?></a>`, "XML declaration"},
		{` <?xml version="1.0"?><a/>`, "XML declaration"},
		{`<?XML version="1.0"?><a/>`, "XML declaration"},
		{`<?xml?><a/>`, "XML declaration"},
		{`<?xml version="1.0" encoding = "UTF-7"?><a/>`, "XML declaration"},
		{`<?xml version="1.0" encoding='utf-8' encoding='utf-16'?><a/>`, "XML declaration"},
		{`<?xml version="1.1"?><a/>`, "not well formed"},
		{`<?xml version="1.0"?><a/>`, ""}, {`<?xml version='1.0' encoding = "utf-8" standalone="yes" ?><a/>`, ""},
		{`<?xml-stylesheet href="x"?><a/>`, ""},
		{`<![CDATA[ ]]><a/>`, "outside its element"}, {`<a/>&#32;`, "outside its element"}, {"\n<a/>\n", ""},
		{"<a><!-- \xff --></a>", "UTF-8"},
	} {
		r := ask(t, Job{Kind: XML, Depth: 8, Size: 1000}, "f", tc.text)
		if r.OK != (tc.want == "") || !strings.Contains(r.Reason, tc.want) {
			t.Errorf("%s: %+v, want %q", tc.text, r, tc.want)
		}
	}
}

// byTokens is oneMeaning as one would write it first: by encoding/json's tokens.
func byTokens(text []byte, depth int) error {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	var open []map[string]bool // nil for a list
	var value []bool           // a key was read: its value comes
	for done := false; !done; done = len(open) == 0 {
		token, err := in.Token()
		if err != nil {
			return err
		}
		top := len(open) - 1
		key := top >= 0 && open[top] != nil && !value[top]
		switch {
		case token == json.Delim('}') || token == json.Delim(']'):
			open, value = open[:top], value[:top]
			continue
		case key:
			if open[top][token.(string)] {
				return errors.New("twice")
			}
			open[top][token.(string)], value[top] = true, true
			continue
		case top >= 0:
			value[top] = false
		}
		if token == json.Delim('{') || token == json.Delim('[') {
			var keys map[string]bool
			if token == json.Delim('{') {
				keys = map[string]bool{}
			}
			if open, value = append(open, keys), append(value, false); len(open) > depth {
				return errors.New("deep")
			}
		}
	}
	if _, err := in.Token(); err != io.EOF {
		return errors.New("more")
	}
	return nil
}

// FuzzJSON: what is taken for JSON is JSON, and means one thing, whichever way it is read.
func FuzzJSON(f *testing.F) {
	keys := []string{}
	for i := range 40 {
		keys = append(keys, fmt.Sprintf("\"%d\":{\"a\":%d}", i, i))
	}
	many := "{" + strings.Join(keys, ",")
	for _, text := range []string{`{"a":[1,2.5e3,"x",null,{"b":true}]}`, `[1,]`, `{"a":1,}`, `[1 2]`, `{"a" 1}`, `{"a":1,"a":2}`, `[[[[]]]]`, ` "x" `, `{1:2}`, `"\ud800"`, "1 2",
		`{"a\"":1,"b\\":2,"\u0061":3,"a":4}`, `[{"a":"a"},{"a":["a","a",{"a":"}"}]}]`, "[[[[[[[[[]]]]]]]]]", many + "}", many + `,"39":1}`, many + `,"3":1}`, ""} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := oneMeaning(text, 8)
		if err == nil && !json.Valid(text) {
			t.Errorf("%q is taken for JSON", text)
		}
		if twin := byTokens(text, 8); (err == nil) != (twin == nil) {
			t.Errorf("%q: %v, by tokens %v", text, err, twin)
		}
	})
}

func BenchmarkJSON(b *testing.B) {
	var text strings.Builder
	text.WriteString("[0")
	for i := range 100_000 {
		fmt.Fprintf(&text, ",\n {\"id\": %d, \"name\": \"entry %d\", \"tags\": [\"a\", \"b\"], \"weight\": %d.5}", i, i, i%1000)
	}
	text.WriteString("]")
	for name, read := range map[string]func([]byte, int) error{"as it is": oneMeaning, "by tokens": byTokens} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if err := read([]byte(text.String()), 8); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
