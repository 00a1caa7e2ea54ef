package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/hw/testbed"
)

func TestLinkCommandLine(t *testing.T) {
	for args, says := range map[string]string{
		"--methods gro+gso": "no pair", "--from 2Gbit/s --to 1Gbit/s": "--from", "--mtu 50": "--mtu", "--samples 0": "--samples", "nowhere": "nowhere",
		"send": "--remote is needed", "send --remote 127.0.0.1:9 --size 20": "20 octets", "send --remote 127.0.0.1:9 --rate fast": "fast",
		"send --remote 127.0.0.1:9 --method udp": "udp", "send --remote 127.0.0.1:9 --burst 5000": "bursts", "send --remote 127.0.0.1:9 --repeat 2000": "steps",
		"receive": "--listen is needed", "receive --listen 127.0.0.1:0 --size 1": "--size", "receive --listen 127.0.0.1:0 --method gso": "--method",
	} {
		if code, out, errs := call(t.Context(), append([]string{"link"}, strings.Fields(args)...)...); code != cli.ExitUsage || !strings.Contains(errs, says) {
			t.Errorf("%s: exit %d, want %d with %q\n%s%s", args, code, cli.ExitUsage, says, out, errs)
		}
	}
}

// The search over a real one-way link, with the real halves.
func TestLinkSearch(t *testing.T) {
	testbed.Require(t)
	program := filepath.Join(t.TempDir(), "pawl-bench")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(program, strings.Fields("link --mtu 1500 --methods gso+gro --from 10Mbit/s --to 100Mbit/s --samples 1 --duration 50ms --json -")...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
	}
	result, err := bench.ReadResult(&stdout)
	if err != nil || len(result.Rows) != 1 {
		t.Fatalf("%v %+v\n%s", err, result, &stderr)
	}
	row := result.Rows[0]
	if rate := row.Values["lossless_rate_bps"]; row.Name != "mtu=1500/gso+gro" || rate < 10e6 || rate > 110e6 || row.Values["cpu_send_s_per_gb"] <= 0 {
		t.Errorf("%+v", row)
	}
}

// Losses of a real link are what the receiver says, to the packet.
func TestLinkHalvesCountLosses(t *testing.T) {
	testbed.Require(t)
	program := filepath.Join(t.TempDir(), "pawl-bench")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	bed, err := testbed.Up(testbed.Config{Loss: testbed.Loss{Random: 0.02}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bed.Down(); err != nil {
			t.Error(err)
		}
	})
	at := bed.Address(testbed.High, 0).String() + ":4600"
	file := filepath.Join(t.TempDir(), "link.json")
	receive := bed.Command(testbed.High, program, "link", "receive", "--listen", at, "--size", "1472", "--json", file)
	heard, err := receive.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := receive.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len(bench.ListenWord))
	if n, err := heard.Read(line); err != nil || !strings.HasPrefix(string(line[:n]), bench.ListenWord) {
		t.Fatalf("%q %v", line[:n], err)
	}
	send := bed.Command(testbed.Low, program, "link", "send", "--remote", at, "--rate", "50Mbit/s", "--duration", "500ms", "--repeat", "2")
	if out, err := send.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := receive.Wait(); err != nil {
		t.Fatal(err)
	}
	result, err := bench.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	row := result.Rows[0]
	lost := 0.0
	for i, n := range row.Samples["lost_packets"] {
		lost += n
		if row.Samples["sent_packets"][i] != n+row.Samples["received_packets"][i] {
			t.Errorf("lost and received are not what was sent: %+v", row)
		}
	}
	taken, err := bed.Lost() // control packets too
	if err != nil || lost == 0 || lost > float64(taken) || lost < float64(taken)-20 {
		t.Errorf("the receiver counts %v lost, the bed has taken %d: %v", lost, taken, err)
	}
	if back, err := bed.ReversePackets(); err != nil || back != 0 {
		t.Errorf("%d packets came back, %v", back, err)
	}
	if len(row.Histograms["lost_run_packets"]) == 0 {
		t.Errorf("no runs: %+v", row)
	}
}
