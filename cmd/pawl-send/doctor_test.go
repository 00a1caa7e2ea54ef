package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pawl/cmd/internal/doctor"
	"pawl/hw/nic"
	"pawl/hw/testbed"
)

const doctorConfig = `state = "s"
key = "k"
receiver = "p"
[link]
local = "10.77.0.1:4600"
remote = "10.77.0.2:4600"
rate = "1Gbit/s"
loss = "1%"
burst = "5ms"
[[channel]]
id = 1
name = "updates"
folder = "f"
`

// examine runs the real program on the low side of a bed and returns its report, its exit code and its standard error.
func examine(t *testing.T, bed *testbed.Bed, config string, args ...string) (doctor.Report, int, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pawl-send.toml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	cmd := bed.Command(testbed.Low, "pawl-send", append([]string{"doctor", "-c", path, "--json", "--watch", "10ms"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var reports []doctor.Report
	if err := json.Unmarshal(out.Bytes(), &reports); err != nil || len(reports) != 1 {
		t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
	}
	return reports[0], cmd.ProcessState.ExitCode(), errs.String()
}

// find is the report's finding by a rule.
func find(t *testing.T, r doctor.Report, rule string) nic.Finding {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f nic.Finding) bool { return f.Rule == rule })
	if i < 0 {
		t.Fatalf("no finding %s in %+v", rule, r)
	}
	return r.Findings[i]
}

// TestDoctorFindsFaults sets faults on the low side of a real one-way link, one at a time, and lets the program find and
// mend them.
func TestDoctorFindsFaults(t *testing.T) {
	testbed.Require(t)
	for _, fault := range []struct {
		name  string
		spoil string // shell, in the low namespace
		edit  [2]string
		rule  string
		want  nic.Severity
		fixed bool // --fix mends it
	}{
		{name: "neighbour missing", spoil: "ip neigh del 10.77.0.2 dev out0", rule: "neighbour", want: nic.LosesPackets},
		{name: "neighbour not permanent", spoil: "ip neigh replace 10.77.0.2 lladdr 02:70:77:00:00:02 dev out0 nud stale", rule: "neighbour", want: nic.LosesPackets, fixed: true},
		{name: "mtu below the configured one", edit: [2]string{"[link]", "[link]\nmtu = 9000"}, rule: "mtu", want: nic.LosesPackets, fixed: true},
		{name: "mtu of the interface", spoil: "ip link set out0 mtu 1400", rule: "mtu", want: nic.LosesPackets, fixed: true},
		{name: "route elsewhere", spoil: "ip link add lan0 type veth peer name lan1 && ip link set lan0 up && ip route add 10.77.0.2/32 dev lan0", rule: "route", want: nic.LosesPackets, fixed: true},
		{name: "no route", spoil: "ip route flush dev out0", rule: "route", want: nic.LosesPackets, fixed: true},
		{name: "link down", spoil: "ip link set wire0 down", rule: "link", want: nic.LosesPackets},
		{name: "send buffer above the limit", edit: [2]string{"[link]", "[link]\nsend_buffer = \"1GiB\""}, rule: "buffer", want: nic.Note},
		{name: "line below the rate", edit: [2]string{`"1Gbit/s"`, `"25Gbit/s"`}, rule: "speed", want: nic.LosesPackets},
		{name: "firewall on the port", spoil: "nft add table inet f; nft 'add chain inet f out { type filter hook output priority 0; }'; nft add rule inet f out udp dport 4000-5000 drop", rule: "firewall", want: nic.LosesPackets},
		{name: "firewall for established only", spoil: "nft add table inet f; nft 'add chain inet f out { type filter hook output priority 0; policy drop; }'; nft add rule inet f out ct state established accept", rule: "firewall", want: nic.LosesPackets},
		{name: "IPv6 on", spoil: "sysctl -qw net.ipv6.conf.out0.disable_ipv6=0", rule: "ipv6", want: nic.Note, fixed: true},
		{name: "IPv6 autoconfiguration", spoil: "sysctl -qw net.ipv6.conf.wire0.disable_ipv6=0", rule: "ipv6-autoconf", want: nic.Note, fixed: true},
		{name: "checksums in software", spoil: "ethtool -K wire0 tx off", rule: "offload", want: nic.Note, fixed: true},
		{name: "short queue", spoil: "ip link set wire0 txqueuelen 10", rule: "tx-queue", want: nic.Note, fixed: true},
	} {
		t.Run(fault.name, func(t *testing.T) {
			bed, err := testbed.Up(testbed.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = bed.Down() }()
			if r, code, said := examine(t, bed, doctorConfig); code != 0 || nic.Worst(r.Findings) != nic.OK {
				t.Fatalf("before the fault: exit code %d, %s\n%+v", code, said, r.Findings)
			}
			if out, err := bed.Command(testbed.Low, "sh", "-ec", fault.spoil).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			config := doctorConfig
			if fault.edit[0] != "" {
				config = strings.Replace(config, fault.edit[0], fault.edit[1], 1)
			}
			r, code, said := examine(t, bed, config)
			found := find(t, r, fault.rule)
			if found.Severity != fault.want || (code == 1) != (nic.Worst(r.Findings) >= nic.LosesPackets) {
				t.Errorf("exit code %d (%s), found %+v, want %s", code, said, found, fault.want)
			}
			mended, _, _ := examine(t, bed, config, "--fix")
			if got := find(t, mended, fault.rule); (got.Severity == nic.OK) != fault.fixed {
				t.Errorf("after --fix: %+v, done %+v, want it mended: %t", got, mended.Done, fault.fixed)
			}
			if fault.fixed != (len(mended.Done) > 0) && fault.rule != "buffer" {
				t.Errorf("--fix did %+v", mended.Done)
			}
		})
	}
}

// TestDoctorHearsAWayBack: a frame that arrives at the sender's interface is reported.
func TestDoctorHearsAWayBack(t *testing.T) {
	testbed.Require(t)
	bed, err := testbed.Up(testbed.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bed.Down() }()
	say := "nft flush chain netdev pawl back; echo x > /dev/udp/10.77.0.1/9"
	if out, err := bed.Command(testbed.High, "bash", "-ec", say).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r, _, _ := examine(t, bed, doctorConfig)
	if got := find(t, r, "heard"); got.Severity != nic.Note || !strings.HasPrefix(got.Read, "1 packets received") {
		t.Errorf("found %+v", got)
	}
}

// TestDoctorForPeople: what is printed without --json, and the ways in which the command is refused.
func TestDoctorForPeople(t *testing.T) {
	testbed.Require(t)
	bed, err := testbed.Up(testbed.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bed.Down() }()
	path := filepath.Join(t.TempDir(), "pawl-send.toml")
	if err := os.WriteFile(path, []byte(doctorConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, int) {
		out, err := bed.Command(testbed.Low, "pawl-send", append([]string{"doctor", "-c", path, "--watch", "0s"}, args...)...).CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if exit == nil {
			return string(out), 0
		}
		return string(out), exit.ExitCode()
	}
	if out, err := bed.Command(testbed.Low, "sh", "-ec", "ip neigh replace 10.77.0.2 lladdr 02:70:77:00:00:02 dev out0 nud stale; sysctl -qw net.ipv6.conf.out0.disable_ipv6=0").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"", 1, []string{"out0 (low side) sends to 10.77.0.2:4600, on wire0\n", "LOSES PACKETS  neighbour: 10.77.0.2 is 02:70:77:00:00:02, stale; should be: a permanent entry\n",
			"    $ ip neigh replace 10.77.0.2 lladdr 02:70:77:00:00:02 dev out0 nud permanent    # --fix does it\n", "ok  mtu", "pawl-send: doctor: out0: 1 × loses packets\n"}},
		{"--fix", 0, []string{"DONE  neighbour: ip neigh replace", "read again: was loses packets, is ok\n", "DONE  ipv6: sysctl -w net/ipv6/conf/out0/disable_ipv6='1'\n", "until the next boot"}},
		{"--fix", 0, []string{"nothing was changed"}},
		{"--watch -1s", 2, []string{"less than 0"}},
		{"--device none0", 1, []string{"none0"}},
		{"-c /none", 1, []string{"/none"}},
		{"x", 2, []string{"unknown command"}},
	} {
		out, code := run(strings.Fields(c.args)...)
		for _, want := range c.want {
			if code != c.code || !strings.Contains(out, want) {
				t.Errorf("doctor %s: exit code %d, want %d and %q:\n%s", c.args, code, c.code, want, out)
			}
		}
	}
	if err := os.WriteFile(path, []byte(strings.Replace(doctorConfig, "10.77.0.1", "10.99.0.1", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := run(); code != 1 || !strings.Contains(out, fmt.Sprintf("%s: interface of the link not known: no interface has the address 10.99.0.1: ip addr add", path)) {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// TestDoctorIPv6: a link that runs over IPv6 has its route and neighbour entry read, and its IPv6 left alone.
func TestDoctorIPv6(t *testing.T) {
	testbed.Require(t)
	bed, err := testbed.Up(testbed.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bed.Down() }()
	prepare := "sysctl -qw net.ipv6.conf.out0.disable_ipv6=0; ip addr add fd77::1/64 dev out0 nodad"
	if out, err := bed.Command(testbed.Low, "sh", "-ec", prepare).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	config := strings.NewReplacer("10.77.0.1:", "[fd77::1]:", "10.77.0.2:", "[fd77::2]:").Replace(doctorConfig)
	r, code, _ := examine(t, bed, config, "--fix")
	if got := find(t, r, "neighbour"); code != 1 || got.Severity != nic.LosesPackets {
		t.Errorf("exit code %d, %+v", code, got)
	}
	entry := "ip neigh replace fd77::2 lladdr 02:70:77:00:00:02 dev out0 nud permanent"
	if out, err := bed.Command(testbed.Low, "sh", "-ec", entry).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r, code, said := examine(t, bed, config, "--fix")
	if got := find(t, r, "ipv6"); code != 0 || got.Severity != nic.Note || find(t, r, "route").Severity != nic.OK || find(t, r, "neighbour").Severity != nic.OK {
		t.Errorf("exit code %d, %s\n%+v", code, said, r.Findings)
	}
}
