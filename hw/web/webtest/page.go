// Package webtest holds the page that describes a console's API to the types that the console gives.
package webtest

import (
	"encoding"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"pawl/hw/web"
)

// Routes holds the part between the marks of a page to made; update writes it anew.
func Routes(t *testing.T, path, made string, update bool) {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- begin routes -->\n", "<!-- end routes -->\n"
	head, rest, ok := strings.Cut(string(page), begin)
	old, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the routes", path)
	}
	if old == made {
		return
	}
	if !update {
		t.Fatalf("%s is not of these routes: go test -run %s -update", path, t.Name())
	}
	if err := os.WriteFile(path, []byte(head+begin+made+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Describe writes what a route takes, each "name: what it is", and what it gives: the fields of a struct, nil for none. words says whose words are
// escaped, as in "the low side's".
func Describe(out *strings.Builder, params []string, gives any, words string) {
	for _, p := range params {
		name, what, _ := strings.Cut(p, ": ")
		fmt.Fprintf(out, "- `%s`: %s\n", name, what)
	}
	if len(params) > 0 {
		out.WriteString("\n")
	}
	if gives != nil {
		out.WriteString("```\n")
		shape(out, reflect.TypeOf(gives), "", words)
		out.WriteString("```\n\n")
	}
}

// shape writes the fields of a struct, one a line, nested ones below.
func shape(out *strings.Builder, t reflect.Type, at, words string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			shape(out, f.Type, at, words)
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		kind, inner := kindOf(f.Type, words)
		if rest != "" {
			kind += ", may be absent"
		}
		fmt.Fprintf(out, "%-32s %s\n", at+name, kind)
		if inner != nil {
			shape(out, inner, at+name+".", words)
		}
	}
}

// kindOf is what a type is in JSON, and the struct in it.
func kindOf(t reflect.Type, words string) (string, reflect.Type) {
	switch {
	case t == reflect.TypeFor[web.Words]():
		return "text, escaped: may be " + words, nil
	case t == reflect.TypeFor[time.Time]():
		return "time, RFC 3339", nil
	case t.Kind() != reflect.Pointer && t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return "text", nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		kind, inner := kindOf(t.Elem(), words)
		return kind + " or null", inner
	case reflect.Slice:
		kind, inner := kindOf(t.Elem(), words)
		return "list of " + kind, inner
	case reflect.Map:
		kind, inner := kindOf(t.Elem(), words)
		return "object of " + kind, inner
	case reflect.Struct:
		return "object", t
	case reflect.String:
		return "text", nil
	case reflect.Bool:
		return "true or false", nil
	}
	return "number", nil
}
