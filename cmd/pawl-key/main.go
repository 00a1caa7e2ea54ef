// Pawl-key makes and shows the two identities of a link: the sender's, which signs,
// and the receiver's, to which sessions are sealed.
package main

import (
	"os"

	"pawl/cmd/internal/cli"
)

func main() { os.Exit(cli.Main(root)) }
