package main

import (
	"bytes"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pawl-key": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true})
}

// TestHelpHasExamples: every command shows how it is used.
func TestHelpHasExamples(t *testing.T) {
	var visit func(c *cobra.Command)
	seen := 0
	visit = func(c *cobra.Command) {
		seen++
		if c.Example == "" || c.Short == "" || c.Long == "" {
			t.Errorf("%s has no example or no words", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root(&cli.Env{Stdout: new(bytes.Buffer)}))
	if seen < 6 {
		t.Errorf("%d commands: some are not looked at", seen)
	}
}
