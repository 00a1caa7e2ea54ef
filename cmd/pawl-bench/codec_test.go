package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pawl/bench"
	"pawl/cmd/internal/cli"
)

// call runs pawl-bench with a command line.
func call(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	env := &cli.Env{Args: args, Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }}
	code = cli.Run(ctx, env, root)
	return code, out.String(), errs.String()
}

func TestCodecCommand(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "codec.json")
	args := strings.Fields("codec --code leopard8,classic --k 10 --r 4,300 --t 64 --samples 4 --time 1ms --seed 3")
	code, out, errs := call(t.Context(), append(args, "--json", file)...)
	if code != cli.ExitOK || out != "" || !strings.Contains(errs, "[1/2] classic/k=10/r=4/t=64\n") {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	result, err := bench.Load(file)
	if err != nil || result.Kind != bench.KindCodec || len(result.Rows) != 2 || result.Settings["seed"] != "3" {
		t.Errorf("%v %+v", err, result)
	}
	code, out, errs = call(t.Context(), args...)
	if code != cli.ExitOK || !strings.Contains(out, "leopard8/k=10/r=4/t=64") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	for wrong, says := range map[string]string{
		"--k 10": "need each other", "--code raptor": "raptor", "--code none": "no arithmetic", "--k 300 --r 9000": "no code has",
		"--t 100": "multiple of 64", "--samples 0": "--samples", "here": "here",
	} {
		if code, out, errs := call(t.Context(), append([]string{"codec"}, strings.Fields(wrong)...)...); code != cli.ExitUsage || !strings.Contains(errs, says) {
			t.Errorf("%s: %d\n%s%s", wrong, code, out, errs)
		}
	}
}

// write puts a result with samples of one metric into a file.
func write(t *testing.T, name string, samples ...float64) string {
	t.Helper()
	r, err := bench.NewResult("v0", bench.KindCodec)
	if err != nil {
		t.Fatal(err)
	}
	row := bench.NewRow("case")
	for _, s := range samples {
		row.Sample("encode_gb_per_cpu_s", s)
	}
	r.Rows = append(r.Rows, row)
	file := filepath.Join(t.TempDir(), name)
	if err := r.Save(file, nil); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestCompareCommand(t *testing.T) {
	before, after := write(t, "old.json", 10, 10.1, 9.9, 10.2, 9.8), write(t, "new.json", 8, 8.1, 7.9, 8.2, 7.8)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", cli.ExitOK, "0.800"},
		{"--fail-above 10%", cli.ExitFailed, "worse: encode_gb_per_cpu_s of case: 8.000, was 10.000 (GB/CPU s, higher is better)"},
		{"--fail-above 25%", cli.ExitOK, "0.800"},
		{"--fail-above 0%", cli.ExitFailed, "worse"},
		{"--metric goodput_bps", cli.ExitFailed, "goodput_bps"},
		{"--fail-above lots", cli.ExitUsage, "lots"},
		{"--json", cli.ExitOK, `"ratio": 0.8`},
		{"extra", cli.ExitUsage, "arg"},
	} {
		code, out, errs := call(t.Context(), append([]string{"compare", before, after}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit %d, want %d with %q\n%s%s", c.args, code, c.code, c.says, out, errs)
		}
	}
	code, out, _ := call(t.Context(), "compare", "--json", before, after)
	if code != cli.ExitOK || !json.Valid([]byte(out)) {
		t.Errorf("%d\n%s", code, out)
	}
	nothing := filepath.Join(t.TempDir(), "nothing.json")
	if err := os.WriteFile(nothing, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := call(t.Context(), "compare", before, nothing); code != cli.ExitFailed || !strings.Contains(errs, nothing) {
		t.Errorf("a file that is no result: %d\n%s", code, errs)
	}
}
