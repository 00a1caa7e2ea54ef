// Command pawl-receive is the high side that faces the diode: it takes packets from the link, rebuilds transfers and
// leaves them in quarantine. It can't release them: that is pawl-release.
package main

import (
	"os"
	_ "time/tzdata" // expected arrivals name time zones, and nothing is fetched or assumed to be installed

	"pawl/cmd/internal/cli"
)

func main() { os.Exit(cli.Main(root)) }
