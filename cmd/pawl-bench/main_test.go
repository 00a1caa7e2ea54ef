package main

import (
	"bytes"
	"strings"
	"testing"

	"pawl/cmd/internal/cli"
)

func TestCommandLine(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"help":              {[]string{"--help"}, cli.ExitOK, "transfer"},
		"bare":              {nil, cli.ExitUsage, "needs a command"},
		"outage alone":      {[]string{"transfer", "--outage", "5ms"}, cli.ExitUsage, "need each other"},
		"unknown mix":       {[]string{"transfer", "--mix", "everything"}, cli.ExitUsage, "none of"},
		"not a share":       {[]string{"transfer", "--loss", "much"}, cli.ExitUsage, "--loss"},
		"argument":          {[]string{"demo", "now"}, cli.ExitUsage, "now"},
		"no programs there": {[]string{"transfer", "--size", "1MiB"}, cli.ExitFailed, "make build"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			env := &cli.Env{Args: c.args, Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return "" }}
			code := cli.Run(t.Context(), env, root)
			if code != c.code || !strings.Contains(stdout.String()+stderr.String(), c.says) {
				t.Errorf("exit %d, want %d with %q\n%s%s", code, c.code, c.says, &stdout, &stderr)
			}
		})
	}
}
