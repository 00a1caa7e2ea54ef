// Command pawl-release is the high side that faces people: it takes transfers from quarantine, checks them and lets those
// into the inbox that policy or a person approves.
package main

import (
	"os"

	"pawl/cmd/internal/cli"
)

func main() {
	asChecker()
	os.Exit(cli.Main(root))
}
