package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/receiver/check"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// orderSchema asks for texts that have a count above 0.
const orderSchema = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:element name="order"><xs:complexType><xs:sequence>
<xs:element name="item" maxOccurs="unbounded"><xs:complexType><xs:simpleContent><xs:extension base="xs:string">
<xs:attribute name="count" type="xs:positiveInteger" use="required"/>
</xs:extension></xs:simpleContent></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element></xs:schema>`

// orderPolicy is the part of the example policy that asks about XML, with the schema at a place of the test's own.
func orderPolicy(t *testing.T, schema string) *check.Policy {
	t.Helper()
	if _, err := os.Stat("/usr/bin/xmllint"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("xmllint is not installed: make deps")
	}
	text, err := os.ReadFile(examplePolicy)
	if err != nil {
		t.Fatal(err)
	}
	const place = "/etc/pawl/order.xsd"
	if n := strings.Count(string(text), place); n != 2 {
		t.Fatalf("%s names the schema %d times", examplePolicy, n)
	}
	dir := t.TempDir()
	file, at := filepath.Join(dir, "policy.toml"), filepath.Join(dir, "order.xsd")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), place, at)), 0o600); err != nil {
		t.Fatal(err)
	}
	if schema != "" {
		if err := os.WriteFile(at, []byte(schema), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := loadPolicy(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Commands {
		if c.Name == "orders" {
			return &check.Policy{Checker: p.Checker, XML: p.XML, Commands: []check.CommandRule{c}}
		}
	}
	t.Fatalf("%s asks for no orders", examplePolicy)
	return nil
}

// verdictOf asks the policy about a transfer of one file; nil is a pass.
func verdictOf(t *testing.T, p *check.Policy, name, text string) *check.Verdict {
	t.Helper()
	key, dir, id := checktest.Key(t), t.TempDir(), quarantine.ID{Channel: 1, Transfer: 1}
	checktest.Build(t, id, key, []checktest.Entry{{Path: name, Data: []byte(text)}}).Write(t, dir)
	pass, err := check.Verify(t.Context(), dir, id, check.Rules{Sender: key.Public(), Policy: p}, nil)
	if err == nil && pass.Valid() {
		return nil
	}
	v, ok := check.AsVerdict(err)
	if !ok {
		t.Fatal(err)
	}
	return v
}

// TestSchemaOfXML asks a real xmllint, as the example does: only what the schema says rejects, and what could not be asked holds.
func TestSchemaOfXML(t *testing.T) {
	const good = `<order><item count="1"/></order>`
	const outside = `<!DOCTYPE order [<!ENTITY % e SYSTEM "file:///etc/passwd"> %e;]>` + good
	for _, tc := range []struct {
		name, text, schema string
		alone              bool // [xml] is not asked
		check              string
		to                 quarantine.State
		want               string
	}{
		{"good", good, orderSchema, false, "", "", ""},
		{"a value that is not allowed", `<order><item count="0"/></order>`, orderSchema, false, "orders", quarantine.Rejected, "'0' is not a valid value"},
		{"an element that is not allowed", `<order><item count="1"/><x/></order>`, orderSchema, false, "orders", quarantine.Rejected, "Element 'x': This element is not expected"},
		{"another document", `<invoice/>`, orderSchema, false, "orders", quarantine.Rejected, "Element 'invoice'"},
		{"a schema of its own", `<x xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:noNamespaceSchemaLocation="x.xsd"/>`, orderSchema, false, "orders", quarantine.Rejected, "Element 'x'"},
		{"not well formed", `<order><item count="1"></order>`, orderSchema, false, "xml", quarantine.Held, "not well formed"},
		{"not well formed, [xml] not asked", `<order><item count="1"></order>`, orderSchema, true, "orders", quarantine.Held, "gave no answer: exit status 1"},
		{"nothing, [xml] not asked", "", orderSchema, true, "orders", quarantine.Held, "gave no answer: exit status 1"},
		{"document type", `<!DOCTYPE order [<!ENTITY x SYSTEM "file:///etc/passwd">]><order><item count="1"/>&x;</order>`, orderSchema, false, "xml", quarantine.Held, "document type"},
		{"entity in a file, [xml] not asked", outside, orderSchema, true, "orders", quarantine.Held, "something besides"},
		{"no schema", good, "", false, "orders", quarantine.Held, "what the command reads is not there"},
		{"a schema that is none", good, "<xs:schema", false, "orders", quarantine.Held, "gave no answer: exit status 5"},
		{"a schema of a schema that it may not read", good, `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:include schemaLocation="other.xsd"/></xs:schema>`, false,
			"orders", quarantine.Held, "gave no answer: exit status 5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := orderPolicy(t, tc.schema)
			if tc.alone {
				p.XML = nil
			}
			v := verdictOf(t, p, "o.xml", tc.text)
			switch {
			case v == nil && tc.check == "":
			case v == nil || v.Check != tc.check || check.Weigh(v) != tc.to || !strings.Contains(v.Reason, tc.want):
				t.Errorf("%+v, want %s by %s: %s", v, tc.to, tc.check, tc.want)
			case strings.Contains(v.Reason, "root:"):
				t.Errorf("the verdict tells what is in another file: %s", v.Reason)
			}
		})
	}
}

// TestSchemaWithoutRoom: xmllint that runs out of memory must not be taken at its word. Without --stream, libxml2 2.9.14 keeps the whole
// document, and when there is no more memory for a text it says so and ends with 0, about the beginning that it has.
func TestSchemaWithoutRoom(t *testing.T) {
	p := orderPolicy(t, orderSchema)
	p.XML = nil
	var text strings.Builder
	text.WriteString("<order>")
	for i := range 700_000 {
		fmt.Fprintf(&text, `<item count="%d">a somewhat longer text %d</item>`, i+1, i)
	}
	text.WriteString(`<item count="0"/></order>`)
	c := &p.Commands[0]
	stream := strings.Join(c.Command, " ")
	tree := strings.Replace(stream, " --stream", "", 1)
	c.Read = append(c.Read, c.Command[0])
	for _, room := range []string{"32768", "65536", "150000"} { // KiB
		c.Command = []string{"/bin/sh", "-c", "ulimit -d " + room + "; exec " + tree}
		if v := verdictOf(t, p, "o.xml", text.String()); v == nil || check.Weigh(v) != quarantine.Held {
			t.Errorf("in %s KiB: %+v", room, v)
		}
		c.Command[2] = "ulimit -d " + room + "; exec " + stream
		if v := verdictOf(t, p, "o.xml", text.String()); v == nil || check.Weigh(v) != quarantine.Rejected || !strings.Contains(v.Reason, "'0' is not a valid value") {
			t.Errorf("as a stream in %s KiB: %+v", room, v)
		}
	}
}

func TestSchemaTakesTooLong(t *testing.T) {
	p := orderPolicy(t, orderSchema)
	p.XML, p.Commands[0].Timeout = nil, time.Millisecond // two programs start in that time on no machine
	text := "<order>" + strings.Repeat(`<item count="1"/>`, 200_000) + "</order>"
	if v := verdictOf(t, p, "o.xml", text); v == nil || check.Weigh(v) != quarantine.Held || !strings.Contains(v.Reason, "took too long") {
		t.Errorf("%+v", v)
	}
}

// TestExampleFindsSecrets: the command of the example says what its name says.
func TestExampleFindsSecrets(t *testing.T) {
	p, err := loadPolicy(examplePolicy)
	if err != nil {
		t.Fatal(err)
	}
	p = &check.Policy{Checker: p.Checker, Commands: p.Commands[:1]}
	for text, secret := range map[string]bool{"": false, "open\n": false, "CONFIDENTIAL": true, "open\nCONFIDENTIAL\nopen\n": true, "\x00\xff CONFIDENTIAL": true} {
		if v := verdictOf(t, p, "a.txt", text); (v != nil) != secret || v != nil && (v.Check != "no secrets" || check.Weigh(v) != quarantine.Held) {
			t.Errorf("%q: %+v", text, v)
		}
	}
	p.Commands[0].Read = nil // grep can't be run
	if v := verdictOf(t, p, "a.txt", "open"); v == nil || check.Weigh(v) != quarantine.Held {
		t.Errorf("without grep: %+v", v)
	}
}
