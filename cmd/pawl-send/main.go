// Command pawl-send is the low side: it takes files from outboxes and sends them over the diode.
package main

import (
	"os"

	"pawl/cmd/internal/cli"
)

func main() { os.Exit(cli.Main(root)) }
