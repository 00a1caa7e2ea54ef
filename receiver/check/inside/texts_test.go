package inside

import (
	"encoding/json"
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

// FuzzJSON: what is taken for JSON is JSON, whichever way it is read.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{`{"a":[1,2.5e3,"x",null,{"b":true}]}`, `[1,]`, `{"a":1,}`, `[1 2]`, `{"a" 1}`, `{"a":1,"a":2}`, `[[[[]]]]`, ` "x" `, `{1:2}`, `"\ud800"`, "1 2"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := oneMeaning(text, 1000)
		valid := json.Valid(text)
		if err == nil && !valid {
			t.Errorf("%q is taken for JSON", text)
		}
		if err != nil && valid && !strings.Contains(err.Error(), "twice") && !strings.Contains(err.Error(), "deep") {
			t.Errorf("%q: %v", text, err)
		}
	})
}
