package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pawl-receive": main})
}

// TestHelpHasExamples: every command shows how it is used.
func TestHelpHasExamples(t *testing.T) {
	seen := 0
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		seen++
		if c.Example == "" || c.Short == "" {
			t.Errorf("%s has no example or no words", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root(&cli.Env{Stdout: new(bytes.Buffer), Stderr: os.Stderr}))
	if seen < 5 {
		t.Errorf("only %d commands", seen)
	}
}
