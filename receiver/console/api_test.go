package console

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"pawl/hw/web/webtest"
)

var update = flag.Bool("update", false, "write the page anew")

// TestAPIPage holds docs/console-api.md to the routes and to what they give.
func TestAPIPage(t *testing.T) {
	webtest.Routes(t, "../../docs/console-api.md", apiText(), *update)
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
		webtest.Describe(&out, rt.params, rt.shape, "the low side's")
	}
	return strings.TrimSuffix(out.String(), "\n")
}
