package main

import (
	"os"

	"pawl/receiver/check"
)

// checkerCommandName is what this program is called with where it is its own confined child. It is no command for people.
const checkerCommandName = "confined-checker"

// asChecker serves as a confined child if that is what the program was started for. It comes before everything else: a child reads no
// configuration and parses no command line.
func asChecker() {
	if len(os.Args) > 1 && os.Args[1] == checkerCommandName {
		os.Exit(check.RunChecker(checkerCommandName, os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
}
