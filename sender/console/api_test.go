package console

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"pawl/hw/web/webtest"
)

var update = flag.Bool("update", false, "write the page anew")

// TestAPIPage holds docs/console-low-api.md to the routes and to what they give.
func TestAPIPage(t *testing.T) {
	var out strings.Builder
	for _, rt := range routes() {
		fmt.Fprintf(&out, "## GET %s%s\n\n%s\n\n", apiPrefix, rt.apiPath(), rt.about)
		webtest.Describe(&out, rt.params, rt.shape, "of those who drop files")
	}
	webtest.Routes(t, "../../docs/console-low-api.md", strings.TrimSuffix(out.String(), "\n"), *update)
}
