package main

import (
	"strings"
	"testing"

	"pawl/cmd/internal/cli"
)

// TestScenarioCommandLines: what contradicts itself is a usage error that names the flag.
func TestScenarioCommandLines(t *testing.T) {
	for args, says := range map[string]string{
		"latency --tries 0": "--tries", "latency --pause 1us": "--pause", "latency --rate fast": "rate", "pacing --rate 0": "--rate", "pacing --samples 0": "--samples",
		"latency --load lots": "load", "many --folders 1": "--folders", "many --files 3": "--files", "pacing --duration 1ms": "--duration", "bars --case 13": "--case 13", "bars --runs -1": "--runs", "bars now": "now",
		"transfer send": "--remote", "transfer send --remote 127.0.0.1:9": "--keys", "transfer send --remote 127.0.0.1:9 --keys x --mix y": "--mix",
		"transfer send --remote 127.0.0.1:9 --keys x --repeat 1001": "--repeat", "transfer send --remote 127.0.0.1:9 --keys x --outage 1ms": "--every",
		"transfer receive": "--listen", "transfer receive --listen here --keys x": "--listen", "transfer receive --listen 127.0.0.1:9 --keys x --idle 0s": "--idle",
		"transfer keys": "arg",
	} {
		if code, out, errs := call(t.Context(), strings.Fields(args)...); code != cli.ExitUsage || !strings.Contains(errs, says) {
			t.Errorf("%s: exit %d, want %d with %q\n%s%s", args, code, cli.ExitUsage, says, out, errs)
		}
	}
}
