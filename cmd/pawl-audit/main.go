// Pawl-audit checks evidence packs and audit logs with a public key and nothing of the gateway.
package main

import (
	"os"

	"pawl/cmd/internal/cli"
)

func main() { os.Exit(cli.Main(root)) }
