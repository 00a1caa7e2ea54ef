package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/seal"
	"pawl/hw/testbed"
)

// benchKey makes a key file in a new folder.
func benchKey(t *testing.T) (dir, key string) {
	t.Helper()
	dir = t.TempDir()
	secret, err := seal.GenerateSenderKey()
	if err != nil {
		t.Fatal(err)
	}
	key = filepath.Join(dir, "bench.key")
	if err := keyfile.SaveSender(key, secret, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	return dir, key
}

func TestCalibrateCommandLine(t *testing.T) {
	dir, key := benchKey(t)
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, says := range map[string]string{
		"--outage 5ms": "need each other", "--rate fast": "--rate", "--turns 0": "0 steps", "--each 1h": "shorter steps", "--method udp": "udp", "now": "now",
		"-o x": "--key and --where", "--key x": "need -o", "-o " + there + " --where x --key " + key: "there already", "-o x --where \" --key " + key: "--where",
		"send": "--remote", "send --remote 127.0.0.1": "--remote", "send --remote diode:4600": "--remote", "send --remote 127.0.0.1:9 --rate 0": "rate of 0",
		"receive": "--listen", "receive --listen 127.0.0.1:0 --idle 0s": "--idle", "receive --listen 127.0.0.1:0 -o x --where x": "--key",
	} {
		if code, out, errs := call(t.Context(), append([]string{"calibrate"}, strings.Fields(args)...)...); code != cli.ExitUsage || !strings.Contains(errs, says) {
			t.Errorf("%s: exit %d, want %d with %q\n%s%s", args, code, cli.ExitUsage, says, out, errs)
		}
	}
	if code, _, errs := call(t.Context(), "calibrate", "receive", "--listen", "127.0.0.1:0", "--wait", "1ms"); code != cli.ExitFailed || !strings.Contains(errs, "no packet of a calibration came") {
		t.Errorf("silence: exit %d, %s", code, errs)
	}
	if code, _, errs := call(t.Context(), "calibrate", "-o", "x", "--where", "x", "--key", "none"); code != cli.ExitFailed || !strings.Contains(errs, "no such file") {
		t.Errorf("no key: exit %d, %s", code, errs)
	}
}

// TestCalibrateTestbed: a real link of known loss and outages, measured back, and a report of it.
func TestCalibrateTestbed(t *testing.T) {
	testbed.Require(t)
	dir, key := benchKey(t)
	profile, result := filepath.Join(dir, "link.profile"), filepath.Join(dir, "calibrate.json")
	code, out, errs := call(t.Context(), "calibrate", "--loss", "1%", "--outage", "5ms", "--every", "200ms", "--rate", "50Mbit/s", "--burst", "1", "--each", "1s", "--turns", "2",
		"-o", profile, "--key", key, "--where", "testbed", "--json", result)
	if code != cli.ExitOK || !strings.Contains(out, "stated: rate 50 Mbit/s, MTU 1500") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	t.Logf("\n%s", out)
	text, err := os.ReadFile(profile)
	if err != nil || !strings.Contains(string(text), `rate        = "50Mbit/s"`) || !strings.Contains(string(text), "ed25519 = ") {
		t.Errorf("%v\n%s", err, text)
	}
	r, err := bench.Load(result)
	if err != nil {
		t.Fatal(err)
	}
	s := r.Rows[len(r.Rows)-1]
	// 8,127 packets: 1 % is 81 with a deviation of 9; an outage is 5 ms, and what this machine is late by.
	if loss, longest := s.Values["loss_ratio"], s.Values["longest_outage_s"]; s.Name != bench.StatementRow || loss < 0.008 || loss > 0.022 || longest < 0.0045 || s.Values["outages"] < 6 {
		t.Errorf("%+v", s)
	}
	page := filepath.Join(dir, "report.html")
	if code, out, errs := call(t.Context(), "report", result, "-o", page, "--svg", dir, "--png", dir, "--strict"); code != cli.ExitOK {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	for _, name := range []string{"report.html", "loss.svg", "loss.png", "bursts.svg", "residual.png"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReportCommand(t *testing.T) {
	dir := t.TempDir()
	result := filepath.Join(dir, "t.json")
	slow := bench.TransferReport{Mix: bench.MixRandom, ContentBytes: 1 << 30, MTU: 1500, Rate: 1e9, Seal: "aes-256-gcm", Passes: 1, Intact: true, Goodput: 1e9, CPUSend: 1}
	text, err := json.Marshal(slow)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(result, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := call(t.Context(), "report", result, "-o", "-"); code != cli.ExitOK || !strings.HasPrefix(out, "<!DOCTYPE html>") || !strings.Contains(out, "missed") {
		t.Errorf("exit %d\n%.200s%s", code, out, errs)
	}
	for args, want := range map[string]struct {
		code int
		says string
	}{
		result: {cli.ExitUsage, "-o, --svg"}, "": {cli.ExitUsage, "at least 1 arg"}, result + " --strict": {cli.ExitFailed, "1 figures miss"},
		dir + "/none.json -o x": {cli.ExitFailed, "no such file"}, result + " -o " + dir: {cli.ExitFailed, "is a directory"},
	} {
		if code, out, errs := call(t.Context(), append([]string{"report"}, strings.Fields(args)...)...); code != want.code || !strings.Contains(errs, want.says) {
			t.Errorf("%s: exit %d, want %d with %q\n%s%s", args, code, want.code, want.says, out, errs)
		}
	}
}
