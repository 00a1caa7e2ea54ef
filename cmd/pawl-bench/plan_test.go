package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"pawl/bench"
	"pawl/cmd/internal/cli"
)

// plan runs "pawl-bench plan" with a command line.
func plan(args string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	env := &cli.Env{Args: strings.Fields(args), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }}
	code = cli.Run(context.Background(), env, planCommand)
	return code, out.String(), errs.String()
}

func TestPlanCommand(t *testing.T) {
	code, out, errs := plan("--loss 1% --burst 5ms --rate 1Gbit/s --mtu 1500 --failure 1e-12 --size 1GiB")
	if code != cli.ExitOK || errs != "" || !strings.Contains(out, "leopard8") || !strings.Contains(out, "1.0 GiB") || !strings.Contains(out, "rare outages of 5ms") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	code, out, errs = plan("--loss 1% --json")
	var report bench.PlanReport
	if err := json.Unmarshal([]byte(out), &report); code != cli.ExitOK || err != nil || len(report.Objects) != len(bench.PlanSizes) {
		t.Errorf("%d %v\n%s%s", code, err, out, errs)
	}
	code, out, errs = plan("--loss 1% --size 1GiB --code leopard8 --k 200 --r 20 --depth 44")
	if code != cli.ExitOK || !strings.Contains(out, "44") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	code, out, errs = plan("--loss 0.5% --burst 500ms --rate 2Gbit/s --size 1GiB")
	if code != cli.ExitFailed || !strings.Contains(out, "what would do: 128 MiB of memory") || !strings.Contains(errs, "not every size has a plan") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	code, out, errs = plan("--loss 0.5% --links 4 --survive-links 1 --size 1GiB")
	if code != cli.ExitOK || errs != "" || !strings.Contains(out, "4 links of which 1 may be lost, each of 1 Gbit/s") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	for _, wrong := range []string{"--links 2 --survive-links 2", "--links 0", "--links 33", "--survive-links 1", "--loss 1% --k 3", "--code raptor", "--code leopard8 --k 200 --r 60", "--loss 200%", "--rate fast", "here"} {
		if code, out, errs := plan(wrong); code != cli.ExitUsage || out != "" {
			t.Errorf("%s: %d\n%s%s", wrong, code, out, errs)
		}
	}
}
