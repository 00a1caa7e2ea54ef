package console

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"pawl/hw/web"
)

var update = flag.Bool("update", false, "write the page anew")

const apiPage = "../../docs/console-api.md"

// TestAPIPage holds docs/console-api.md to the routes and to what they give.
func TestAPIPage(t *testing.T) {
	page, err := os.ReadFile(apiPage)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- begin routes -->\n", "<!-- end routes -->\n"
	head, rest, ok := strings.Cut(string(page), begin)
	old, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the routes", apiPage)
	}
	made := apiText()
	if old == made {
		return
	}
	if !*update {
		t.Fatalf("%s is not of these routes: go test ./receiver/console -run APIPage -update", apiPage)
	}
	if err := os.WriteFile(apiPage, []byte(head+begin+made+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

func apiText() string {
	var out strings.Builder
	for _, rt := range routes() {
		fmt.Fprintf(&out, "## %s %s%s\n\n%s\n\n", rt.method, apiPrefix, rt.apiPath(), rt.about)
		var roles []string
		for _, r := range rt.roles {
			roles = append(roles, string(r))
		}
		fmt.Fprintf(&out, "Roles: %s", strings.Join(roles, ", "))
		if rt.whole {
			out.WriteString("; for all channels")
		}
		out.WriteString(".\n\n")
		for _, p := range rt.params {
			name, what, _ := strings.Cut(p, ": ")
			fmt.Fprintf(&out, "- `%s`: %s\n", name, what)
		}
		if len(rt.params) > 0 {
			out.WriteString("\n")
		}
		if rt.shape != nil {
			out.WriteString("```\n")
			shape(&out, reflect.TypeOf(rt.shape), "")
			out.WriteString("```\n\n")
		}
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// shape writes the fields of a struct, one a line, nested ones below.
func shape(out *strings.Builder, t reflect.Type, at string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			shape(out, f.Type, at)
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		kind, inner := kindOf(f.Type)
		if rest != "" {
			kind += ", may be absent"
		}
		fmt.Fprintf(out, "%-32s %s\n", at+name, kind)
		if inner != nil {
			shape(out, inner, at+name+".")
		}
	}
}

// kindOf is what a type is in JSON, and the struct in it.
func kindOf(t reflect.Type) (string, reflect.Type) {
	switch {
	case t == reflect.TypeFor[web.Words]():
		return "text, escaped: may be the low side's", nil
	case t == reflect.TypeFor[time.Time]():
		return "time, RFC 3339", nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		kind, inner := kindOf(t.Elem())
		return kind + " or null", inner
	case reflect.Slice:
		kind, inner := kindOf(t.Elem())
		return "list of " + kind, inner
	case reflect.Map:
		kind, inner := kindOf(t.Elem())
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
